# %% [markdown]
# # 7  Skip connections: from FCN-32s to FCN-8s
#
# FCN-32s decides once every 32 pixels. Its earlier stages have looked every 16 and every 8 pixels, and what they saw is
# thrown away. Here they get a say. It takes two small layers, and outlines become sharp.
#
# **You will be able to**
# - say what a coarse stage knows that a fine one does not, and the other way round;
# - add the scores of stages with different strides, for photos of any size;
# - go on training from FCN-32s so that nothing it learned is lost;
# - measure what happens along contours, where mean IoU over the whole photo sees little.
#
# **You need** notebooks 04 (stages, strides) and 05 (training). If the network of notebook 05 is not there, the first
# cell below trains it now.
#
# **It takes** about 60 minutes: 35 to read and 25 for two exercises. The cells run in about two minutes on two cores,
# most of it in the three short runs of section 7.4.

# %%
import copy

import numpy as np
import torch
import torch.nn.functional as F

from fcn_course import plots
from fcn_course.checks import skips as check
from fcn_course.explore import flip_through
from fcn_course.metrics import BoundaryIoU, ConfusionMatrix, distance_to_contour, trimap
from fcn_course.model import FCN, refined
from fcn_course.prediction import normalize, predict
from fcn_course.profiles import get_profile
from fcn_course.training import COURSE_RECIPE, evaluate, train, training_set
from fcn_course.voc import CLASSES, VOID, VOCSegmentation, eval_transform

profile = get_profile()
photos = VOCSegmentation(profile.root, "val")                      # uint8, to look at
val = VOCSegmentation(profile.root, "val", eval_transform())       # normalised, to compute with

# %% tags=["nbval-ignore-output"]
fcn32s = profile.trained_model()                                   # from notebook 05
device = next(fcn32s.parameters()).device

# %% [markdown]
# ## 7.1 What and where
#
# Five halvings turn a photo into few cells. Each of them sees far, 435 pixels (notebook 04), so it can tell *what* is
# there. But it stands for 32 x 32 pixels, and *where* in these the outline runs it cannot say. Earlier stages are the
# other way round: many cells, which see little.

# %%
crop = profile.crop_size
large = [i for i, size in enumerate(photos.sizes) if size[0] >= crop[0] and size[1] >= crop[1]]
photo, truth = photos[next(i for i in large if len(set(np.unique(photos.mask(i))) - {0, VOID}) >= 2)]


def features_of(model, images):
    """The output of each stage, by its stride."""
    features, x = {}, model.stem(images)
    for stride in (8, 16, 32):
        features[stride] = x = model.get_submodule(f"stage{stride}")(x)
    return features


example = torch.zeros(1, 3, 320, 480, device=device)
with torch.inference_mode():
    for stride, maps in features_of(fcn32s, example).items():
        channels, height, width = maps.shape[1:]
        print(f"stage{stride:<3} {channels} channels, {height:2} x {width:2} = {height * width:4} cells")

# %% [markdown]
# Here is one photo, and below it what the three stages make of it: how strongly, over all channels, each cell answers.

# %%
plots.image_grid([photo, truth], ["photo", "labels"], columns=3, alt="A photo and its labels.")

# %%
with torch.inference_mode():
    seen = features_of(fcn32s, normalize(photo)[None].to(device))
strength = {stride: F.interpolate(maps.norm(dim=1, keepdim=True), photo.shape[1:])[0, 0].cpu()   # each cell, a square
            for stride, maps in seen.items()}
plots.value_maps(list(strength.values()), [f"stage{stride}" for stride in strength], columns=3, same_scale=False,
                 alt="Three maps of how strongly the cells of the stages 8, 16 and 32 answer to one photo: from a fine "
                     "grid, in which outlines and textures can be seen, to a coarse one of a few squares.")

# %% [markdown]
# ## 7.2 Three opinions, added
#
# Let each stage give its own scores, by a 1x1 convolution of its own: 512 to 21 channels at stride 32, 256 to 21 at
# stride 16, 128 to 21 at stride 8. Enlarge each bilinearly to the size of the photo, and add:
#
# $$\text{logits} \;=\; \uparrow_{32} s_{32} \;+\; \uparrow_{16} s_{16} \;+\; \uparrow_{8} s_{8}$$
#
# With the first term alone it is FCN-32s, with two FCN-16s, with all three FCN-8s (Long, Shelhamer and Darrell 2015,
# section 4.2). The coarse stage says *there is a dog here*; the fine ones add a little on one side of its outline and
# take a little away on the other.
#
# The package has them all: `FCN(output_stride=8)`. We give its layers random weights and add by hand:

# %%
torch.manual_seed(0)
fcn8s = FCN(output_stride=8).eval()
for stride in (32, 16, 8):
    torch.nn.init.normal_(fcn8s.get_submodule(f"score{stride}").weight, std=0.05)

images = torch.randn(1, 3, 97, 131)                                # no side is a multiple of 8
with torch.inference_mode():
    by_hand = 0
    for stride, maps in features_of(fcn8s, images).items():
        scores = fcn8s.get_submodule(f"score{stride}")(maps)
        enlarged = F.interpolate(scores, scale_factor=stride, mode="bilinear")
        print(f"stride {stride:2}: scores {tuple(scores.shape[2:])} -> {tuple(enlarged.shape[2:])} -> cut to (97, 131)")
        by_hand = by_hand + enlarged[..., :97, :131]
    print("the package gives the same:", fcn8s(images).allclose(by_hand, atol=1e-4))

# %% [markdown]
# Strides round up, so the enlarged maps stick out below and to the right. **Cut, do not squeeze.** Cell 0 begins at
# pixel 0 at every stride; cutting at the far end leaves all cells where they are.
#
# What does it cost? Count the new weights.

# %%
def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


for stride in (32, 16, 8):
    print(f"FCN-{stride}s: {count(FCN(output_stride=stride)):,} weights")

# %% [markdown]
# ## 7.3 On the way up
#
# The paper adds a little earlier. It doubles the scores of stride 32, adds those of stride 16, doubles the sum, adds
# those of stride 8, and enlarges the rest by 8. Adding and enlarging are both linear, so in the order of things nothing
# changes; only the tents are rounded where one doubling follows another. It saves work where memory is short, and it is
# what most networks since then do, U-Net and feature pyramids among them. So it is worth to get right once.

# %% [markdown]
# ### Exercise 7.1: fuse one stage
# *Code, medium, 15 minutes.* You get the scores of a coarse stage, `(N, C, h, w)`, and those of the next finer one,
# `(N, C, H, W)`. Enlarge the coarse ones twice, bilinearly, bring them to the finer size, and add. The finer stage has
# twice as many cells a side, or one less than that: `h` is `H / 2` rounded up. The result is `(N, C, H, W)`.
#
# <details><summary>Hint 1</summary><code>F.interpolate</code> can enlarge by a factor or to a size. For
# <code>h = 2</code> and <code>H = 3</code>, where do the centres of the cells come to lie, one way and the other?
# </details>
# <details><summary>Hint 2</summary>By a factor of exactly 2. Then there may be a row or a column too many. Which
# one?</details>
# <details><summary>Hint 3</summary><code>F.interpolate(coarse, scale_factor=2, mode="bilinear")</code>, and of it
# <code>[..., :H, :W]</code>.</details>

# %% tags=["exercise"] id="7.1"
def fuse(coarse, finer):
    """Scores of a coarse stage, enlarged twice, plus those of the next finer one."""
    ### BEGIN SOLUTION
    height, width = finer.shape[2:]
    return F.interpolate(coarse, scale_factor=2, mode="bilinear")[..., :height, :width] + finer
    ### END SOLUTION

# %% tags=["check"] id="7.1"
check.fuse(fuse)

# %% [markdown]
# ## 7.4 Going on from FCN-32s
#
# FCN-32s is trained already. What should the new layers start with, so that nothing of it is lost? With **zeros**. A
# score of 0 for every class changes no sum, so at the start FCN-8s gives the very answers of FCN-32s. And it can learn:
# the gradient of a weight is the product of what goes in and what is asked for behind, and neither is zero.

# %%
at_start = refined(fcn32s, output_stride=8).eval()
print("the same answers:", torch.equal(predict(at_start, photo), predict(fcn32s, photo)))

# %% [markdown]
# Why not two layers of zeros, one behind the other? Then each would multiply the other's gradient by zero, and nothing
# would ever move. One is safe.
#
# Now three runs of three epochs each, from the same checkpoint, with the same batches in the same order: FCN-32s goes
# on as it is, for a fair comparison; FCN-16s and FCN-8s go on with one and with two stages more. The steps are smaller
# than in notebook 05, because most of the network has found its place. **Predict:** by how many points of mean IoU will
# FCN-8s be ahead?

# %% tags=["nbval-ignore-output"]
recipe = profile.adapt(COURSE_RECIPE, epochs=3, learning_rate=3e-4)
models, totals = {}, {}
for stride in (32, 16, 8):
    model = copy.deepcopy(fcn32s) if stride == 32 else refined(fcn32s, stride)
    history = train(model, training_set(profile.root, "train", recipe), recipe,
                    checkpoint=profile.runs / f"fcn{stride}s-continued-batch{recipe.batch_size}-epochs{recipe.epochs}.pt")
    models[f"FCN-{stride}s"] = model.eval()
    totals[f"FCN-{stride}s"] = evaluate(model, val)

for name, scores in totals.items():
    print(f"{name:8} pixel accuracy {scores.pixel_accuracy:.3f}, mean IoU {scores.mean_iou:.3f}")

# %% [markdown]
# The order is the paper's: FCN-16s gains on FCN-32s, and FCN-8s once more, by less. There it is 59.4, 62.4 and 62.7
# mean IoU on validation photos of VOC2011 (table 2). Yours are other photos and another network, so compare the steps
# and not the numbers.

# %%
print("FCN-8s is ahead of FCN-32s:", totals["FCN-8s"].mean_iou > totals["FCN-32s"].mean_iou)

# %% [markdown]
# ## 7.5 Side by side
#
# Numbers are one thing. Look at the outlines, at legs, wings and handlebars.

# %%
shown = large[:4]
rows = {"photo": [photos[i][0] for i in shown]}
rows |= {name: [predict(model, photos[i][0]) for i in shown] for name, model in models.items()}
rows["labels"] = [photos[i][1] for i in shown]
plots.rows_of_images(rows, alt="Four photos; below each the answers of FCN-32s, FCN-16s and FCN-8s, and the labels. From "
                               "row to row outlines come closer to those of the labels.")

# %% [markdown]
# To see what moves, look at one place and change the network. With the arrow keys the slider goes through the labels
# and the three answers:

# %% tags=["nbval-ignore-output"]
answers = {name: rows[name] for name in [*models, "labels"]}
flip_through({name: plots.image_grid([plots.overlay(rows["photo"][k], masks[k]) for k in range(4)], columns=2,
                                     alt=f"The same four photos with the classes of {name} laid over them.")
              for name, masks in answers.items()}, "answer of")

# %% [markdown]
# ## 7.6 Along the contours
#
# Most pixels lie far from any outline, where the three networks agree. Mean IoU over all pixels hides what we came for.
# So score the pixels near contours alone. A **trimap** of width $w$ keeps the $w$ labelled pixels on each side of a
# contour and makes the rest void (Kohli, Ladický and Torr 2009). Void costs nothing new: the confusion matrix leaves it
# out.

# %%
plots.image_grid([photo, truth, trimap(truth, 2), trimap(truth, 8)], ["photo", "labels", "trimap of 2", "trimap of 8"],
                 alt="A photo, its labels, and two trimaps: of the labels only a thin band on both sides of each contour "
                     "is left, 2 and 8 pixels wide, and the rest is void.")

# %% tags=["nbval-ignore-output"]
widths = [2, 4, 8, 16, 32]
near = {name: {width: ConfusionMatrix(len(CLASSES)) for width in widths} for name in models}
rims = {name: BoundaryIoU(len(CLASSES), width=8) for name in models}
for image, mask in photos:
    bands = {width: trimap(mask, width) for width in widths}
    for name, model in models.items():
        answer = predict(model, image)
        rims[name].update(answer, mask)
        for width, band in bands.items():
            near[name][width].update(answer, band)

print("pixel accuracy within so many pixels of a contour")
print(f"{'':10}" + "".join(f"{width:7}" for width in widths))
for name, matrices in near.items():
    print(f"{name:10}" + "".join(f"{matrix.pixel_accuracy:7.3f}" for matrix in matrices.values()))

# %%
plots.along_contours(widths, {
    "pixel accuracy": {name: [matrix.pixel_accuracy for matrix in of.values()] for name, of in near.items()},
    "mean IoU": {name: [matrix.mean_iou for matrix in of.values()] for name, of in near.items()},
}, "The nearer to a contour, the more the finer stages help")

# %% [markdown]
# All lines rise to the right: far from contours everybody is right. The gap is widest on the left. There is a sterner
# measure, the **boundary IoU** of Cheng et al. (2021): not *are the pixels near the true outline right?*, but *how much
# of the rim you drew lies on the rim that is there?* An outline eight pixels off scores nothing at a width of 8.

# %% tags=["nbval-ignore-output"]
for name, rim in rims.items():
    print(f"{name:8} boundary IoU at 8 pixels {rim.mean_iou:.3f}")

# %% [markdown]
# ### Exercise 7.2: right along contours
# *Code, medium, 10 minutes.* Of the labelled pixels that lie within `width` pixels of a contour of the labels, which
# share is right? Use `distance_to_contour(mask, furthest)`. It is 0 for the pixels on both sides of a contour, so the
# band is where it is smaller than `width`. Void pixels count neither above nor below. Give a `float`.
#
# <details><summary>Hint 1</summary>Two conditions decide which pixels count: near, and labelled.</details>
# <details><summary>Hint 2</summary>Index with both: <code>(pred == mask)[near &amp; labelled]</code> is what counts, as
# true and false.</details>
# <details><summary>Hint 3</summary><code>.float().mean().item()</code> of it.</details>

# %% tags=["exercise"] id="7.2"
def contour_accuracy(pred, mask, width):
    """Share of the labelled pixels within ``width`` pixels of a contour of the mask that are right."""
    ### BEGIN SOLUTION
    near = distance_to_contour(mask, furthest=width) < width
    return (pred == mask)[near & (mask != VOID)].float().mean().item()
    ### END SOLUTION

# %% tags=["check"] id="7.2"
check.contour_accuracy(contour_accuracy)

# %% [markdown]
# ## 7.7 Who gains?
#
# **Predict:** which classes gain most from finer stages: buses and trains, or bicycles and birds?

# %%
plots.class_gains(totals["FCN-32s"].iou, totals["FCN-8s"].iou, ("FCN-32s", "FCN-8s"))

# %% [markdown]
# Two things make a class gain: thin parts, and small objects, for which a rim of a few pixels is a large share of the
# whole. A large compact object has little rim for its area, and little to gain. A class may also lose: the finer stages
# see textures, and two kinds of fur look alike from near.
#
# Why stop at stride 8? The paper met diminishing returns there, in numbers and to the eye (section 4.2). The stages before
# have seen too little to have an opinion. Networks that draw finer still, U-Net for one, give their fine stages more
# layers of their own.

# %% [markdown]
# ## Your exercises

# %% tags=["nbval-ignore-output"]
from fcn_course.checks import progress

progress(7)

# %% [markdown]
# ## Summary
#
# - Coarse stages know what, fine ones know where. Skip connections add their scores.
# - Enlarge by the exact factor and cut at the far end; then all cells stay in place, for photos of any size.
# - New score layers start at zero, so that a trained network can be continued and nothing is lost.
# - Trimaps and boundary IoU show what sharpens; mean IoU over all pixels shows less of it.
#
# **The way on:** you have the whole of the chapter and of the paper's idea. Notebook 08 makes all of it fast.
