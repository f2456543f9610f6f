"""Fetches what does not come with the course: the real VOC2012 and pretrained weights."""

import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pooch
import requests

VOC2012_MIRRORS = (
    "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
    "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
    "http://d2l-data.s3-accelerate.amazonaws.com/VOCtrainval_11-May-2012.tar",
)
VOC2012_HASH = "sha1:4e443f8a2eca6b1dac8a6c57641b67dd40621a49"

RESNET18_URL = "https://download.pytorch.org/models/resnet18-f37072fd.pth"


pooch.get_logger().setLevel("WARNING")  # its progress bar says enough


def data_folder() -> Path:
    """Where data, weights and runs are kept: ``data/`` of the repository, or the user's cache without one."""
    repository = Path(__file__).resolve().parent.parent
    if (repository / "notebooks" / "source").is_dir():
        return repository / "data"
    return platformdirs.user_cache_path("fcn_course")


def imagenet_weights(url: str = RESNET18_URL, folder: Path | None = None) -> Path:
    """The file with torchvision's ResNet-18 state dict, downloaded once; ``url`` ends with the start of its SHA-256.

    Raises ConnectionError when it cannot be fetched; the message says where to put a copy brought by hand.
    """
    path = (folder or data_folder() / "weights") / Path(urlsplit(url).path).name
    if not path.exists():
        beginning_of_hash = path.stem.rpartition("-")[2]
        _fetch([url], path)
        if not pooch.file_hash(str(path), alg="sha256").startswith(beginning_of_hash):
            path.unlink()
            raise ConnectionError(f"what {url} sent is not the file it should be: try again, or put a copy at {path}")
    return path


def download_voc2012(
    root: Path | None = None, mirrors: Sequence[str] = VOC2012_MIRRORS, known_hash: str = VOC2012_HASH
) -> Path:
    """The folder with VOCdevkit/VOC2012 in it: trainval images and masks (2 GB), downloaded and unpacked once.

    Mirrors are tried in turn and the archive's hash is checked. Raises ConnectionError when none delivers it.
    """
    root = root or data_folder() / "voc2012"
    if (root / "VOCdevkit" / "VOC2012").is_dir():
        return root
    archive = root.with_name(f"{root.name}.tar")
    _fetch(mirrors, archive, known_hash)
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as unpacked:  # so that a broken-off run leaves no half data set
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        root.mkdir(exist_ok=True)
        shutil.move(Path(unpacked) / "VOCdevkit", root / "VOCdevkit")
    archive.unlink()
    return root


def _fetch(urls: Sequence[str], path: Path, known_hash: str | None = None) -> None:
    """Download the first of ``urls`` that answers with the right file to ``path``, with a progress bar."""
    failures = []
    for url in urls:
        try:
            pooch.retrieve(url, known_hash, fname=path.name, path=path.parent, progressbar=True)
            return
        except (requests.RequestException, ValueError) as error:  # pooch raises ValueError for a wrong hash
            failures.append(f"{urlsplit(url).netloc}: {type(error).__name__}")
    raise ConnectionError(
        f"{path.name} could not be downloaded ({'; '.join(failures)}): check the network and try again, "
        f"or put a copy at {path}"
    )
