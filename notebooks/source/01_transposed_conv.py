# %% [markdown]
# # 1  Transposed convolution
#
# A network that names the object in a photo may throw resolution away. One that labels every pixel needs it back. The
# layer that brings it back is the transposed convolution, and this notebook is about that one layer.
#
# **You will be able to**
#
# - compute the output size of any convolution and of any transposed convolution, with stride, padding and dilation,
# - write a transposed convolution from scratch in a few lines,
# - choose kernel, stride and padding so that a map grows by exactly the factor you want,
# - say why some sizes do not come back, and repair that with `output_padding`,
# - explain what is *transposed* about it, why it is no inverse, and where checkerboards come from.
#
# **You need** Python, PyTorch tensors, and a rough idea of what a convolution does to an image.
#
# **Time**: about 35 minutes to read and 55 for the eight exercises. The notebook itself runs in about 15 seconds.

# %%
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet18

from fcn_course import explore, plots
from fcn_course.checks import transposed_conv as check
from fcn_course.transposed_conv import (
    conv_matrix,
    conv_output_size,
    conv_transpose2d,
    conv_transpose_output_size,
    output_padding_for,
    upsampling_geometry,
)

_ = torch.manual_seed(0)

# %% [markdown]
# Here is where we are going. A photo of 320 × 480 pixels passes five layers, each of which halves it, and ends as a
# map of 10 × 15 cells. One transposed convolution takes that map back to the size of the photo. At the end of this
# notebook you can account for every number in the picture.

# %%
path = [(320, 480), (160, 240), (80, 120), (40, 60), (20, 30), (10, 15), (320, 480)]
plots.size_path(
    path, ["photo", "conv1", "maxpool", "layer2", "layer3", "layer4", "transposed\nconvolution"],
    title="Five halvings, and one step back",
)

# %% [markdown]
# ## 1.1 How a convolution makes a map smaller
#
# A convolution slides a window over its input and writes one number for each position of the window. So its output
# has as many cells as the window has positions. Counting them is all there is to the size formula. Look along one
# axis:
#
# - *Padding* $p$ puts $p$ cells of zeros at both ends: $n + 2p$ cells to slide over.
# - A kernel of size $k$ covers $k$ cells. With *dilation* $d$ its cells lie $d$ apart, and it covers $d(k - 1) + 1$.
# - The first window takes that much. What is left allows one further position for each full *stride* $s$.
#
# $$\text{output size} = \left\lfloor \frac{n + 2p - d(k - 1) - 1}{s} \right\rfloor + 1$$
#
# (Dumoulin & Visin, *A guide to convolution arithmetic for deep learning*, 2016, relationship 15.)
#
# ### Exercise 1.1: size after a convolution
# *Code, easy, 3 minutes.* Write the formula as a function. An input of 320 becomes 160 with a kernel of 7, stride 2
# and padding 3; an input of 10 becomes 6 with a kernel of 3 and dilation 2.
#
# <details><summary>Hint 1</summary>The brackets without tops mean "round down". Python divides and rounds down with
# <code>//</code>.</details>
# <details><summary>Hint 2</summary>Work out the room that is left after the first window, then divide it by the
# stride and add one for that first window.</details>
# <details><summary>Hint 3</summary><code>room = size + 2 * padding - dilation * (kernel_size - 1) -
# 1</code></details>

# %% tags=["exercise"] id="1.1"
def size_after_conv(size, kernel_size, stride=1, padding=0, dilation=1):
    """Number of output cells of a convolution along one axis."""
    ### BEGIN SOLUTION
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    return room // stride + 1
    ### END SOLUTION

# %% tags=["check"] id="1.1"
check.size_after_conv(size_after_conv)

# %% [markdown]
# Now the network. We take ResNet-18, as notebook 04 will, and list its layers that move by more than one cell. No
# weights are needed for that.

# %%
for name, layer in resnet18().named_modules():
    if hasattr(layer, "kernel_size") and layer.stride in (2, (2, 2)):
        print(f"{name:22} kernel {layer.kernel_size}, stride {layer.stride}, padding {layer.padding}")

# %% [markdown]
# Five steps of stride 2 lie one after another: `conv1`, `maxpool` (pooling slides a window too, so the same formula
# holds), and the first convolution of `layer2`, `layer3` and `layer4`. Each `downsample` is a shortcut beside one of
# them and must arrive at the same size. Before you run the next cell: what does 320 become after all five?

# %%
steps = {"conv1": (7, 2, 3), "maxpool": (3, 2, 1), "layer2": (3, 2, 1), "layer3": (3, 2, 1), "layer4": (3, 2, 1)}
height, width = 320, 480
for name, (kernel_size, stride, padding) in steps.items():
    height, width = (conv_output_size(n, kernel_size, stride, padding) for n in (height, width))
    print(f"{name:8} {height:3} x {width:3}")

# %% [markdown]
# $320 = 32 \cdot 10$ and $480 = 32 \cdot 15$: five halvings are a factor of $2^5 = 32$. One says that the network has
# an *output stride* of 32. What happens to sizes that 32 does not divide?

# %%
def through_the_network(n):
    for kernel_size, stride, padding in steps.values():
        n = conv_output_size(n, kernel_size, stride, padding)
    return n

{n: through_the_network(n) for n in (288, 289, 305, 320, 321)}

# %% [markdown]
# Every step rounds up. So all 32 sizes from 289 to 320 end as 10, and from the 10 alone nobody can tell which it was.
# We come back to this in section 1.6.

# %% [markdown]
# ## 1.2 One number becomes a patch
#
# A convolution boils each window down to one number. A **transposed convolution** goes the other way: it takes one
# input number at a time, multiplies the whole kernel by it (*broadcasts* it over the kernel), and *adds* this patch to
# the output. Where patches overlap, their values add up.
#
# The upper left corner of the patch of input cell $(i, j)$ lies on output cell $(i \cdot s,\; j \cdot s)$, where $s$
# is the stride. That is the whole definition. With stride 1:

# %%
x = torch.tensor([[0., 1.], [2., 3.]])
kernel = torch.tensor([[0., 1.], [2., 3.]])

y = torch.zeros(3, 3)
for i in range(2):
    for j in range(2):
        y[i:i + 2, j:j + 2] += x[i, j] * kernel
y

# %%
plots.scatter_patches(x, kernel, stride=1)

# %% [markdown]
# Four input cells, four patches, each in the colour of its cell. The middle of the output received something from all
# four, each corner from only one. PyTorch agrees, once we give it the two axes it wants in front, for the images of a
# batch and for channels:

# %%
print(torch.equal(y, F.conv_transpose2d(x[None, None], kernel[None, None])[0, 0]))

# %% [markdown]
# Now stride 2. Predict first: how large is the output, and do the patches still overlap?

# %%
plots.scatter_patches(x, kernel, stride=2)

# %% [markdown]
# In a convolution a larger stride makes the output *smaller*. Here it moves the patches further apart and makes the
# output *larger*. The stride is counted on the large side both times: steps over the input there, steps over the
# output here.
#
# ### Exercise 1.2: from scratch, with a stride
# *Code, medium, 8 minutes.* Turn the three lines of the loop above into a function for 2-D inputs and kernels of any
# size that also takes a `stride`. For `stride=2` and the inputs above you get the 4 × 4 output of the picture.
#
# <details><summary>Hint 1</summary>Only two things depend on the stride: where a patch begins, and how large the
# output is.</details>
# <details><summary>Hint 2</summary>Along an axis the last patch begins at <code>(n - 1) * stride</code> and is
# <code>k</code> cells long. There is no output cell after it.</details>
# <details><summary>Hint 3</summary>The patch of cell <code>(i, j)</code> covers
# <code>y[i * stride:i * stride + kh, j * stride:j * stride + kw]</code>. Use <code>+=</code>, not
# <code>=</code>.</details>

# %% tags=["exercise"] id="1.2"
def broadcast_add(x, kernel, stride=1):
    """Transposed convolution of a 2-D input with a 2-D kernel, without padding."""
    ### BEGIN SOLUTION
    (h, w), (kh, kw) = x.shape, kernel.shape
    y = x.new_zeros((h - 1) * stride + kh, (w - 1) * stride + kw)
    for i in range(h):
        for j in range(w):
            y[i * stride:i * stride + kh, j * stride:j * stride + kw] += x[i, j] * kernel
    return y
    ### END SOLUTION

# %% tags=["check"] id="1.2"
check.broadcast_add(broadcast_add)

# %% [markdown]
# ## 1.3 How large is the output?
#
# The output ends where the last patch ends. One axis is enough to see it: here are four input cells, all 1, a kernel
# of three ones, and stride 2. Each row is one patch; the last row is their sum.

# %%
plots.scatter_row(torch.ones(4), torch.ones(3), stride=2)

# %% [markdown]
# The last of $n$ patches begins after $n - 1$ steps, at $(n - 1) \cdot s$, and is $k$ cells long. Together
# $(n - 1) \cdot s + k$: here $3 \cdot 2 + 3 = 9$.
#
# **Padding.** In a convolution, padding adds a frame around the input. The transposed convolution has to lead back,
# so it *takes the frame off*: it computes the whole sum and then cuts $p$ cells away at both ends. More padding,
# smaller output. Many people stumble here, because the word suggests the opposite. The hatched cells are computed and
# thrown away:

# %%
plots.scatter_row(torch.ones(4), torch.ones(3), stride=2, padding=1)

# %% [markdown]
# **Dilation** spreads the cells of the kernel $d$ apart, as in a convolution. Each patch gets holes and spans
# $d(k - 1) + 1$ cells. Predict the length for $d = 2$ before you run the cell.

# %%
plots.scatter_row(torch.ones(4), torch.ones(3), stride=2, dilation=2)

# %% [markdown]
# All ones go to even positions now, and every odd output cell stays 0: stride 2 and dilation 2 never leave the even
# grid. Such holes are a sign that two settings do not suit each other.
#
# ### Exercise 1.3: the size formula
# *Code, easy, 5 minutes.* Put it together. `output_padding`, which section 1.6 explains, simply makes the output that
# many cells longer. Four cells with kernel 3 and stride 2 give 9; padding 1 makes it 7; dilation 2 instead makes it
# 11.
#
# <details><summary>Hint 1</summary>Start with <code>(size - 1) * stride + kernel_size</code>. Which of its parts does
# dilation change?</details>
# <details><summary>Hint 2</summary>Padding is cut off at <em>both</em> ends.</details>
# <details><summary>Hint 3</summary>Four summands: where the last patch begins, how far it spans, minus what is cut
# off, plus what is appended.</details>

# %% tags=["exercise"] id="1.3"
def size_after_conv_transpose(size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    """Number of output cells of a transposed convolution along one axis."""
    ### BEGIN SOLUTION
    span = dilation * (kernel_size - 1) + 1
    return (size - 1) * stride + span - 2 * padding + output_padding
    ### END SOLUTION

# %% tags=["check"] id="1.3"
check.size_after_conv_transpose(size_after_conv_transpose)

# %% [markdown]
# In one line, where $o$ stands for the output padding:
#
# $$\text{output size} = \underbrace{(n - 1) \cdot s}_{\text{last patch begins}} +
# \underbrace{d(k - 1) + 1}_{\text{its span}} - \underbrace{2p}_{\text{cut off}} + o$$
#
# The package has it as `conv_transpose_output_size`. It should say what PyTorch's layer does, so let us try a
# thousand cases against the layer itself. A "meta" tensor has a shape and no numbers, which makes that quick.

# %%
same = []
for size in range(1, 11):
    for k in (3, 4, 5, 7, 8):
        for s in (1, 2, 3, 4, 5):
            for p, d in ((0, 1), (1, 1), (0, 2), (1, 3)):
                layer = nn.ConvTranspose1d(1, 1, k, s, p, dilation=d, device="meta")
                length = layer(torch.empty(1, 1, size, device="meta")).shape[-1]
                same.append(length == conv_transpose_output_size(size, k, s, p, dilation=d))
print(len(same), "cases, all equal:", all(same))

# %% [markdown]
# ## 1.4 Batches and channels
#
# Layers work on batches of maps with channels: `x` is $(N, C_\text{in}, H, W)$. For every pair of an input and an
# output channel there is one kernel, so `weight` is $(C_\text{in}, C_\text{out}, k_h, k_w)$. An output channel is the
# sum of what all input channels lay onto it.
#
# The order of the channels is a trap: `nn.Conv2d` keeps its weight as (**out**, in, ...), `nn.ConvTranspose2d` as
# (**in**, out, ...). Section 1.7 shows that this is no whim.

# %%
print("Conv2d(3, 8)          ", tuple(nn.Conv2d(3, 8, 5).weight.shape))
print("ConvTranspose2d(3, 8) ", tuple(nn.ConvTranspose2d(3, 8, 5).weight.shape))

# %% [markdown]
# In section 1.2 we went through the input cells, and each laid down a whole kernel. Additions may be done in any
# order. So we can as well go through the *kernel cells*: cell $(i, j)$ of the kernel meets every input cell once, and
# what it makes of them lands on output cells that lie one stride apart, from $(i, j)$ onwards. An input has many
# cells and a kernel few, so this loop is much shorter.

# %%
def scatter(x, weight, stride=1, padding=0):
    """x (N, C_in, H, W), weight (C_in, C_out, kh, kw) -> (N, C_out, H', W')"""
    (n, _, h, w), (_, c_out, kh, kw) = x.shape, weight.shape
    y = x.new_zeros(n, c_out, (h - 1) * stride + kh, (w - 1) * stride + kw)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i, i + (h - 1) * stride + 1, stride)
            columns = slice(j, j + (w - 1) * stride + 1, stride)
            y[:, :, rows, columns] += torch.einsum("nchw,cd->ndhw", x, weight[:, :, i, j])
    return y[:, :, padding:y.shape[2] - padding, padding:y.shape[3] - padding]

# %% [markdown]
# `einsum("nchw,cd->ndhw")` multiplies the channels of every input cell by one matrix, $C_\text{in} \times
# C_\text{out}$. The last line cuts the padding off. Does it equal PyTorch, for two images, three channels in and four
# out?

# %%
x = torch.randn(2, 3, 5, 6, dtype=torch.float64)
weight = torch.randn(3, 4, 4, 4, dtype=torch.float64)
ours, torchs = scatter(x, weight, stride=2, padding=1), F.conv_transpose2d(x, weight, stride=2, padding=1)
print(tuple(x.shape), "->", tuple(ours.shape), "  equal:", torch.allclose(ours, torchs))

# %% [markdown]
# The package has the same loop as `conv_transpose2d`, with bias, output padding and dilation besides. Dilation, for
# example, is nothing but a larger kernel with zeros in its holes:

# %%
holes = torch.zeros(3, 4, 7, 7, dtype=torch.float64)
holes[:, :, ::2, ::2] = weight
dilated = conv_transpose2d(x, weight, stride=2, padding=1, dilation=2)
with_holes = F.conv_transpose2d(x, holes, stride=2, padding=1)
torchs = F.conv_transpose2d(x, weight, stride=2, padding=1, dilation=2)
print("equal to the kernel with holes:", torch.allclose(dilated, with_holes))
print("equal to PyTorch:              ", torch.allclose(dilated, torchs))

# %% [markdown]
# ## 1.5 Exactly $s$ times larger
#
# The network ends with 10 × 15 cells, and the photo has 320 × 480. We want a layer that turns $n$ cells into exactly
# $s \cdot n$, for *every* $n$. Put this wish into the size formula (no dilation, no output padding):
#
# $$(n - 1) \cdot s + k - 2p = s \cdot n \quad\Longleftrightarrow\quad k - 2p = s$$
#
# The $n$ has dropped out, so one choice serves all sizes. Two choices are natural:
#
# - $k = s,\; p = 0$: the patches lie side by side and never meet. Each input cell becomes one block.
# - $k = 2s,\; p = s/2$: patches are twice as wide, and each output cell hears two input cells along each axis, four
#   in the plane. They can blend into each other, which is what we want for smooth enlargement. This is the rule that
#   FCNs use.

# %%
plots.scatter_row(torch.ones(4), torch.ones(4), stride=2, padding=1)

# %% [markdown]
# Four cells became eight, and inside two patches meet everywhere. Only the outermost cells got a single contribution.
# Notebook 02 shows what this does to a picture, and what helps.
#
# For $s = 32$ the rule says kernel 64 and padding 16. We can test it in the other direction, too: a *convolution*
# with these settings must turn 320 into 10 and 480 into 15. With $\lfloor a/s \rfloor + 1 = \lfloor (a + s)/s
# \rfloor$ its size formula reads
#
# $$\frac{320 - 64 + 16 \cdot 2 + 32}{32} = 10, \qquad \frac{480 - 64 + 16 \cdot 2 + 32}{32} = 15$$

# %%
print([(n - 64 + 16 * 2 + 32) / 32 for n in (320, 480)])
print([conv_output_size(n, kernel_size=64, stride=32, padding=16) for n in (320, 480)])
print([conv_transpose_output_size(n, kernel_size=64, stride=32, padding=16) for n in (10, 15)])

# %% [markdown]
# Both divisions come out even, without a remainder. That is why the way back hits the size exactly.
#
# ### Exercise 1.4: geometry for any scale
# *Code, medium, 8 minutes.* For odd $s$ the padding $s/2$ is not a whole number. Find $(k, s, p)$ for **every** whole
# $s \ge 1$ so that any size grows exactly $s$ times. Take the widest kernel that is not wider than $2s$. Scale 2
# gives `(4, 2, 1)`, scale 32 gives `(64, 32, 16)`, and scale 1 must leave everything as it is: `(1, 1, 0)`.
#
# <details><summary>Hint 1</summary>The condition is <code>k = s + 2p</code>. So <code>k</code> is even exactly when
# <code>s</code> is.</details>
# <details><summary>Hint 2</summary>With <code>k ≤ 2s</code> the padding can be at most <code>s / 2</code>. What is
# the largest whole number that fits?</details>
# <details><summary>Hint 3</summary><code>p = s // 2</code>; the condition then gives <code>k</code>.</details>

# %% tags=["exercise"] id="1.4"
def geometry(scale):
    """(kernel_size, stride, padding) of a transposed convolution that makes any size exactly `scale` times larger."""
    ### BEGIN SOLUTION
    padding = scale // 2
    return scale + 2 * padding, scale, padding
    ### END SOLUTION

# %% tags=["check"] id="1.4"
check.geometry(geometry)

# %% [markdown]
# The package calls it `upsampling_geometry`. An odd scale gets the kernel $2s - 1$, one smaller than $2s$. Notebook
# 02 gives a second reason for that: a kernel of odd size has a middle cell, and an odd scale puts an output pixel
# exactly onto the centre of each input pixel.

# %%
for scale in (1, 2, 3, 4, 5, 8, 16, 32):
    kernel_size, stride, padding = upsampling_geometry(scale)
    sizes = [conv_transpose_output_size(n, kernel_size, stride, padding) for n in (1, 7, 10)]
    print(f"scale {scale:2}: kernel {kernel_size:2}, stride {stride:2}, padding {padding:2}    1, 7, 10 -> {sizes}")

# %% [markdown]
# ## 1.6 Sizes that do not come back
#
# A convolution with stride rounds. Several input sizes end as the same output size, and the transposed convolution,
# which knows only that output size, can return just one of them. With kernel 5, stride 3 and padding 2:

# %%
k, s, p = 5, 3, 2
triples = []
for n in range(13, 22):
    small = conv_output_size(n, k, s, p)
    triples.append((n, small, conv_transpose_output_size(small, k, s, p)))
plots.size_mapping(triples, title="16, 17 and 18 all come back as 16")

# %% [markdown]
# The smallest size of each group returns. The others lost up to $s - 1$ cells: those at the far end that no further
# window reached. `output_padding` tells the layer how many of them to give back.

# %%
x = torch.ones(1, 1, 6, 6)
for output_padding in (0, 1, 2):
    layer = nn.ConvTranspose2d(1, 1, k, stride=s, padding=p, output_padding=output_padding)
    print(f"output_padding {output_padding}: 6 x 6 -> {tuple(layer(x).shape[2:])}")

# %% [markdown]
# The name suggests that zeros are appended. Look at what really happens: padding had cut two cells off at the far
# end, and output padding cuts off fewer *there*. So the additional cell holds a true value of the sum.

# %%
plots.scatter_row(torch.ones(6), torch.ones(5), stride=3, padding=2, output_padding=1)

# %% [markdown]
# Only where padding has cut off less than is asked for does the output reach past the last patch, and there it is
# zero indeed (or the bias, if the layer has one). Either way nothing else changes:

# %%
x, weight = torch.rand(1, 1, 6, 6), torch.rand(1, 1, 5, 5)
plain, longer = (F.conv_transpose2d(x, weight, stride=3, padding=2, output_padding=o) for o in (0, 2))
past = F.conv_transpose2d(x, weight, stride=3, padding=0, output_padding=2)
print("the first 16 x 16 cells are the same:    ", torch.allclose(plain, longer[:, :, :16, :16]))
print("new cells hold values, with padding 2:   ", bool((longer[:, :, 16:] > 0).any()))
print("new cells are all zero, with padding 0:  ", bool((past[:, :, -2:] == 0).all()))

# %% [markdown]
# PyTorch accepts only output paddings below the stride (or below the dilation, if that is larger): with a whole
# stride one would simply have come from one more input cell. When you know the size you want, the layer finds the
# output padding itself: call it with `output_size`.

# %%
layer = nn.ConvTranspose2d(1, 1, k, stride=s, padding=p)
print(tuple(layer(x).shape[2:]), tuple(layer(x, output_size=(17, 18)).shape[2:]))

# %% [markdown]
# ### Exercise 1.5: which output padding?
# *Code, medium, 8 minutes.* Write what `output_size` does, for one axis: the output padding with which `size` cells
# become exactly `target`, and `None` where there is none. (Leave dilation out.) For the layer above, 6 cells become
# 17 with output padding 1, and no output padding makes 19 of them.
#
# <details><summary>Hint 1</summary>Compute the size without output padding first. What is missing?</details>
# <details><summary>Hint 2</summary>What is missing must not be negative, and must be smaller than the
# stride.</details>
# <details><summary>Hint 3</summary><code>missing = target - ((size - 1) * stride - 2 * padding + kernel_size)</code>,
# and return it if <code>0 &lt;= missing &lt; stride</code>.</details>

# %% tags=["exercise"] id="1.5"
def missing_cells(size, target, kernel_size, stride, padding):
    """The output_padding that makes `target` cells of `size` cells, or None if there is none."""
    ### BEGIN SOLUTION
    missing = target - ((size - 1) * stride - 2 * padding + kernel_size)
    return missing if 0 <= missing < stride else None
    ### END SOLUTION

# %% tags=["check"] id="1.5"
check.missing_cells(missing_cells)

# %% [markdown]
# The package's `output_padding_for` does not return `None` but raises an error that lists the sizes which can be
# reached:

# %%
print("6 cells become 17 with output_padding", output_padding_for(6, 17, kernel_size=5, stride=3, padding=2))
try:
    output_padding_for(6, 19, kernel_size=5, stride=3, padding=2)
except ValueError as error:
    print(error)

# %% [markdown]
# A fully convolutional network meets the same trouble with photos whose sides 32 does not divide. Notebook 04 shows
# how ours answers every photo with a map of exactly its size.

# %% [markdown]
# ### Every setting under your hand
#
# Here are all settings at once, in the plane. *Play* lays down one patch after another, and the size formula above is
# filled in with your numbers. You may choose settings that give no output; the picture then says why there is none.
#
# **Predict:** how large may the padding become here before nothing is left? And which output padding makes the output
# 6 × 6: on which sides does it grow? Then move the sliders.

# %% tags=["cover"]
explore.transposed_conv()

# %% [markdown]
# Padding 3 leaves a single cell and 4 cuts off too much. Output padding 1 gives 6 × 6; the new cells lie at the bottom
# and on the right, where padding had cut them off. Look at the blue, too: with kernel 3 and stride 2 cells differ in how
# many patches meet on them, and with kernel 4 they no longer do inside. Section 1.10 comes back to that.

# %% [markdown]
# ## 1.7 The matrix behind it
#
# Why *transposed*? A convolution is linear: each output cell is a weighted sum of input cells. A linear map between
# lists of numbers is a matrix. So unroll the input row by row into a list of 16 numbers, the output into a list of 4,
# and write the weights into a matrix $W$ with one row for each output cell:
#
# $$\operatorname{conv}(x)\text{, unrolled} = W \cdot x\text{, unrolled}$$

# %%
kernel = torch.arange(1, 10, dtype=torch.float64).reshape(3, 3)
W = conv_matrix(kernel, size=(4, 4))
plots.matrix_and_transpose(W, shape=(4, 4))

# %% [markdown]
# Read a *row* of $W$: it is the kernel, laid onto the input where that output cell looks. The dark lines separate the
# four rows of the input. From one output cell to the next the same nine numbers move on; that is the sliding window.
# Everything white is zero.

# %%
x = torch.randn(1, 1, 4, 4, dtype=torch.float64)
convolved = F.conv2d(x, kernel[None, None])
print(tuple(W.shape), torch.allclose(W @ x.flatten(), convolved.flatten()))

# %% [markdown]
# Now mirror the matrix. $W^\top$ has 16 rows and 4 columns, so it turns 4 cells into 16. Read a *column* of it: it is
# the kernel, laid onto the *output* where the patch of that input cell lies. Multiplying by a matrix means adding up
# its columns, each scaled by one input number. That is section 1.2 in other words: scale the kernel, lay it down,
# add.

# %%
v = torch.randn(1, 1, 2, 2, dtype=torch.float64)
print(W.T[:, 3].reshape(4, 4).int())
print(torch.allclose(W.T @ v.flatten(), F.conv_transpose2d(v, kernel[None, None]).flatten()))

# %% [markdown]
# So a transposed convolution is the convolution whose matrix has been transposed. This holds with stride, padding and
# channels as well, and it explains the order of channels in section 1.4: the *same* weight tensor serves both. What
# the convolution calls "out" is the input of its transpose.

# %%
weight = torch.randn(3, 2, 4, 4)                                   # as a convolution: 2 channels -> 3
W_large = conv_matrix(weight, size=(8, 10), stride=2, padding=1)
v = torch.randn(1, 3, 4, 5)                                        # as a transposed convolution: 3 -> 2
back = F.conv_transpose2d(v, weight, stride=2, padding=1)
print(tuple(W_large.shape), tuple(back.shape), torch.allclose(W_large.T @ v.flatten(), back.flatten(), atol=1e-5))

# %% [markdown]
# The matrix is for thinking, not for computing. For one pair of channels, the layer that turns 10 × 15 cells into 320
# × 480 has a kernel of 64 × 64 numbers, but a matrix of

# %%
print(f"{10 * 15} x {320 * 480} = {10 * 15 * 320 * 480:,} entries, instead of {64 * 64:,}")

# %% [markdown]
# ## 1.8 You have used it all along
#
# Training sends gradients backwards through every layer. If the layer computes $y = W x$, the chain rule says that a
# gradient $g$ with respect to $y$ becomes $W^\top g$ with respect to $x$. For a convolution, $W^\top$ is a transposed
# convolution. So every convolutional network runs transposed convolutions whenever it learns. Let autograd confirm
# it:

# %%
x = torch.randn(1, 2, 8, 10, requires_grad=True)
y = F.conv2d(x, weight, stride=2, padding=1)
g = torch.randn_like(y)
gradient, = torch.autograd.grad(y, x, g)
print(torch.allclose(gradient, F.conv_transpose2d(g, weight, stride=2, padding=1), atol=1e-5))

# %% [markdown]
# It makes sense without matrices, too. An output cell was computed from the window it looked at, so its gradient goes
# back to just that window, in proportion to the kernel. One number becomes a patch; windows overlap, and gradients
# add up.
#
# It works in the other direction as well: the gradient of a transposed convolution is a convolution.

# %%
v = torch.randn(1, 3, 4, 5, requires_grad=True)
y = F.conv_transpose2d(v, weight, stride=2, padding=1)
g = torch.randn_like(y)
gradient, = torch.autograd.grad(y, v, g)
print(torch.allclose(gradient, F.conv2d(g, weight, stride=2, padding=1), atol=1e-5))

# %% [markdown]
# And it explains output padding. A gradient must have the size of its input, even where sizes do not come back. For
# 17 cells, kernel 5, stride 3 and padding 2, that takes an output padding of 1:

# %%
x, weight = torch.randn(1, 1, 17, 17, requires_grad=True), torch.randn(1, 1, 5, 5)
y = F.conv2d(x, weight, stride=3, padding=2)
g = torch.randn_like(y)
gradient, = torch.autograd.grad(y, x, g)
o = output_padding_for(6, 17, kernel_size=5, stride=3, padding=2)
same = torch.allclose(gradient, F.conv_transpose2d(g, weight, stride=3, padding=2, output_padding=o), atol=1e-5)
print(f"output_padding {o}, sizes {tuple(y.shape[2:])} -> {tuple(gradient.shape[2:])}, equal: {same}")

# %% [markdown]
# ## 1.9 It is no inverse
#
# Older texts call this layer "deconvolution". The word promises that it undoes a convolution. Does it? Take $W$ from
# section 1.7, which turned 4 × 4 cells into 2 × 2 with the kernel 1, ..., 9, and send its output back through
# $W^\top$.
#
# ### Exercise 1.6: is $W^\top W x = x$?
# *Prediction, easy, 4 minutes.* Answer **before** you compute anything, and before you read on. Return three values:
#
# 1. does $W^\top W x$ equal $x$ for every $x$? (`True` or `False`)
# 2. the shape of the matrix $W^\top W$, as a tuple,
# 3. the rank of $W^\top W$, that is, how many numbers of $x$ can be told apart after the round trip.
#
# <details><summary>Hint 1</summary>On the way the 16 numbers are squeezed into 4. How much can be left of
# them?</details>
# <details><summary>Hint 2</summary>A product has the rows of its first factor and the columns of its
# second.</details>
# <details><summary>Hint 3</summary>The rank of a product is at most the smallest side of its factors, and this kernel
# reaches that bound.</details>

# %% tags=["exercise"] id="1.6"
def round_trip():
    """Your three predictions: comes back (True or False), shape of W.T @ W (a tuple), its rank (a whole number)."""
    ### BEGIN SOLUTION
    return False, (16, 16), 4
    ### END SOLUTION

# %% tags=["check"] id="1.6"
check.round_trip(round_trip)

# %% [markdown]
# Now look. The input is a bright diagonal, the kernel an average over 3 × 3 cells, and each map has its own colour
# scale.

# %%
x, mean = torch.eye(4), torch.full((3, 3), 1 / 9)
M = conv_matrix(mean, size=(4, 4))
there = M @ x.flatten()
back = M.T @ there
plots.value_maps(
    [x, there.reshape(2, 2), back.reshape(4, 4)], ["x", "W x", "Wᵀ W x"], same_scale=False,
    alt="A 4 x 4 diagonal of ones, the 2 x 2 map after averaging, and the 4 x 4 map that comes back: a smooth blob "
    "that is brightest in the middle, not the diagonal.",
)

# %% [markdown]
# The *size* came back, the *content* did not. It cannot: 16 numbers went through a door of 4. The matrix $W$ of
# section 1.7 keeps 4 directions of its input and deletes the other 12. We can even write down an input that it does
# not see.

# %%
print("ranks:", torch.linalg.matrix_rank(W).item(), torch.linalg.matrix_rank(W.T @ W).item())

invisible = torch.linalg.svd(W)[2][-1]                # the last right singular vector is deleted by W
print("its length:", round(invisible.norm().item(), 3))
print("W @ invisible is zero:", bool((W @ invisible).abs().max() < 1e-9))

# %% [markdown]
# Any multiple of that pattern can be added to $x$ and nobody will notice after the convolution. No layer of any kind
# can bring it back.
#
# What does this mean for us? Upsampling does not restore the photo that the network has shrunk. It only spreads what
# is left, scores of classes in coarse cells, over the pixels. That is why the outlines of FCN-32s are soft, and why
# notebook 07 brings in finer maps from earlier layers.

# %% [markdown]
# ## 1.10 Uneven overlap and checkerboards
#
# Images made by networks often show a fine regular pattern that was not in any photo. It comes from counting. Let
# every input cell and every kernel cell be 1. Then each output cell holds the number of patches that reach it.

# %%
ones = torch.ones(1, 1, 5, 5)
counts = [F.conv_transpose2d(ones, torch.ones(1, 1, k, k), stride=2)[0, 0] for k in (3, 4)]
plots.value_maps(
    counts, ["kernel 3, stride 2: uneven", "kernel 4, stride 2: even inside"], columns=2,
    alt="Number of patches at each output cell. Kernel 3 with stride 2: a checkerboard of 1, 2 and 4. Kernel 4 with "
    "stride 2: 4 everywhere inside, fewer along the frame.",
)

# %% [markdown]
# Stride 2 and kernel 3 do not fit together: along one axis neighbouring patches share one cell, then none, then one.
# In the plane that makes cells with 1, 2 and 4 contributions. With kernel 4, each cell inside gets 2 along each axis
# and 4 in all. In general the counts are even inside when the **stride divides the kernel size**.
#
# Several layers multiply their patterns. Three of each, one after the other:

# %%
deep = []
for k in (3, 4):
    y = torch.ones(1, 1, 4, 4)
    for _ in range(3):
        y = F.conv_transpose2d(y, torch.ones(1, 1, k, k), stride=2)
    deep.append(y[0, 0])
plots.value_maps(
    deep, ["kernel 3, three layers", "kernel 4, three layers"], columns=2, same_scale=False,
    alt="Counts after three layers. Kernel 3: a pronounced pattern of bright dots in rows and columns. Kernel 4: one "
    "even plateau that falls off towards the frame.",
)

# %% [markdown]
# Counts are not the whole story, though. Even counts mean that each output cell adds up *equally many* weights, not
# that the weights add up to the *same*. What a constant input becomes is decided by sums. Along one axis with stride
# $s$, output cell $r$ of each period collects the kernel cells $r,\, r + s,\, r + 2s, \ldots$
#
# With random weights the difference is a matter of luck in one case and of design in the other. Here is the spread
# (the standard deviation) of each output cell over 4,000 random kernels, for a constant input:

# %%
spread = []
for k in (3, 4):
    kernels = torch.randn(1, 4000, k, k, generator=torch.Generator().manual_seed(0))
    y = F.conv_transpose2d(torch.ones(1, 1, 5, 5), kernels, stride=2)
    spread.append(y.std(dim=1)[0, 2:-2, 2:-2])
plots.value_maps(
    spread, ["kernel 3: the pattern is built in", "kernel 4: no cell is preferred"], columns=2,
    alt="Standard deviation of inner output cells over random kernels. Kernel 3: near 2, 1.4 and 1 in a checkerboard. "
    "Kernel 4: near 2 everywhere.",
)

# %% [markdown]
# With kernel 3, some cells come out twice as strong as others on average over all kernels: the pattern is there before
# anything is learned. With kernel 4 any single random kernel still makes a pattern, but none is preferred.
# Odena, Dumoulin & Olah (*Deconvolution and Checkerboard Artifacts*, Distill, 2016) name the remedies: a kernel size
# that the stride divides, or enlarging first and convolving afterwards. A third is to start from good weights. FCNs
# do the first and the third: kernel 64 and stride 32, and bilinear weights at the start.
#
# ### Exercise 1.7: even or uneven?
# *Code, easy, 5 minutes.* For a 1-D kernel, compute the $s$ values that a constant input of ones becomes inside the
# output: for each position $r = 0, \ldots, s - 1$ the sum of the kernel cells $r, r + s, r + 2s, \ldots$ The kernel
# is even when all of them are equal. Kernel and answer are 1-D tensors: `[1., 1., 1.]` with stride 2 gives
# `[2., 1.]`.
#
# <details><summary>Hint 1</summary>Which slice of a tensor takes every <code>stride</code>-th value, beginning at
# <code>r</code>?</details>
# <details><summary>Hint 2</summary><code>kernel[r::stride].sum()</code> is one of the values; collect them for all
# <code>r</code> with <code>torch.stack</code>.</details>

# %% tags=["exercise"] id="1.7"
def phase_sums(kernel, stride):
    """(stride,): what a constant map of ones becomes, inside, at each of the `stride` positions of a period."""
    ### BEGIN SOLUTION
    return torch.stack([kernel[r::stride].sum() for r in range(stride)])
    ### END SOLUTION

# %% tags=["check"] id="1.7"
check.phase_sums(phase_sums)

# %% [markdown]
# Now a surprise: stride 2 does not divide 3, and yet here is a kernel of size 3 without any checkerboard.

# %%
half = torch.tensor([[[0.5, 1.0, 0.5]]])
F.conv_transpose1d(torch.ones(1, 1, 6), half, stride=2)

# %% [markdown]
# The middle cell stands alone in its position, and the two halves meet in the other: 1 and 0.5 + 0.5. Shapes like
# this one, a little tent, are what notebook 02 is about.

# %% [markdown]
# ## 1.11 The same, as a convolution
#
# There is a third way to see this layer. Push the input cells apart, so that $s - 1$ zeros lie between neighbours.
# Then run an ordinary convolution of stride 1 over it, with the kernel turned upside down and left to right. Each
# output cell collects just the patches that reach it. From this view comes the name "fractionally strided
# convolution" (Dumoulin & Visin, section 4): one step over the output is $1/s$ of a step over the input.
#
# ### Exercise 1.8: with `F.conv2d` only
# *Code, hard, 14 minutes. A challenge: nothing later needs it.* Write `F.conv_transpose2d(x, weight, stride=stride,
# padding=padding)` without it: spread `x`, turn `weight` into what `F.conv2d` wants, and find the padding. Square
# kernels and paddings below the kernel size are enough.
#
# <details><summary>Hint 1</summary>Make a tensor of zeros with <code>(h - 1) * stride + 1</code> rows and assign
# <code>x</code> to every <code>stride</code>-th row and column of it.</details>
# <details><summary>Hint 2</summary>Why turned? A patch lays kernel cell 0 <em>first</em>. Seen from an output cell,
# the input cell just above reaches it with its <em>last</em> kernel cell. <code>weight.flip(2, 3)</code> turns the
# kernels. The channel axes must change places as well: section 1.4.</details>
# <details><summary>Hint 3</summary>Compare sizes: stride 1 over <code>(h - 1) * stride + 1</code> cells must give
# <code>(h - 1) * stride + k - 2 * padding</code>. That takes the convolution padding
# <code>k - 1 - padding</code>.</details>

# %% tags=["exercise"] id="1.8"
def by_convolution(x, weight, stride=1, padding=0):
    """F.conv_transpose2d by F.conv2d: x (N, C_in, H, W), weight (C_in, C_out, k, k)."""
    ### BEGIN SOLUTION
    n, c, h, w = x.shape
    spread = x.new_zeros(n, c, (h - 1) * stride + 1, (w - 1) * stride + 1)
    spread[:, :, ::stride, ::stride] = x
    turned = weight.flip(2, 3).transpose(0, 1)
    return F.conv2d(spread, turned, padding=weight.shape[-1] - 1 - padding)
    ### END SOLUTION

# %% tags=["check"] id="1.8"
check.by_convolution(by_convolution)

# %% [markdown]
# This view explains the layer, but it would be a waste to compute it so: of the cells that the convolution reads,
# most are the zeros we put in.

# %%
for s in (2, 32):
    spread_cells = ((10 - 1) * s + 1) * ((15 - 1) * s + 1)
    print(f"stride {s:2}: {10 * 15} cells of the map, {spread_cells - 10 * 15:,} zeros between them")

# %% [markdown]
# ## Your exercises

# %% tags=["nbval-ignore-output"]
from fcn_course.checks import progress

progress(1)

# %% [markdown]
# ## Summary
#
# - A transposed convolution multiplies the kernel by each input cell and adds the patches up, one stride apart.
# - Its output has $(n - 1)s + d(k - 1) + 1 - 2p + o$ cells. Padding *shortens* it; output padding chooses among the
#   sizes that a strided convolution had merged.
# - Kernel $2s$, stride $s$, padding $s/2$ enlarges exactly $s$ times; an odd $s$ takes kernel $2s - 1$ and padding
#   $(s - 1)/2$. For $s = 32$: 64, 32, 16.
# - It is the multiplication by $W^\top$, where $W$ is the matrix of the convolution with the same weights; so it is
#   the gradient of that convolution. It gives the size back, not the content: it is no inverse.
# - Where patches overlap unevenly, checkerboards appear. The stride should divide the kernel size, or the weights
#   should make up for it.
#
# **Next:** [2  Bilinear upsampling](02_bilinear.ipynb) chooses the numbers in the kernel.
