"""download against a local server: archives and weights of the real shape, mirrors that fail, wrong files."""

import hashlib
import http.server
import shutil
import tarfile
import threading

import pytest
import torch
import torchvision

from fcn_course.download import data_folder, download_voc2012, imagenet_weights
from fcn_course.model import FCN
from fcn_course.voc import VOCSegmentation

MINI = data_folder() / "minivoc"


@pytest.fixture
def server(tmp_path):
    """A folder and the address under which it is served; asked-for paths are kept in ``asked``."""
    folder = tmp_path / "served"
    folder.mkdir()

    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


@pytest.fixture
def archive(server):
    """A small VOCtrainval archive on the server; gives its hash."""
    folder, *_ = server
    path = folder / "VOCtrainval.tar"
    with tarfile.open(path, "w") as tar:
        tar.add(MINI / "VOCdevkit", "VOCdevkit")
    return f"sha1:{hashlib.sha1(path.read_bytes()).hexdigest()}"


def test_voc_is_downloaded_and_unpacked_once(server, archive, tmp_path):
    _, address, asked = server
    root = tmp_path / "data" / "voc2012"
    mirrors = [f"{address}/gone.tar", f"{address}/VOCtrainval.tar"]
    assert download_voc2012(root, mirrors, archive) == root
    assert len(VOCSegmentation(root, "val")) == len(VOCSegmentation(MINI, "val"))
    assert asked == ["/gone.tar", "/VOCtrainval.tar"]
    assert [path.name for path in root.parent.iterdir()] == ["voc2012"]
    download_voc2012(root, mirrors, archive)
    assert len(asked) == 2


def test_a_wrong_archive_is_not_unpacked(server, archive, tmp_path):
    _, address, _ = server
    root = tmp_path / "data" / "voc2012"
    with pytest.raises(ConnectionError, match=r"could not be downloaded .* or put a copy at .*voc2012\.tar"):
        download_voc2012(root, [f"{address}/VOCtrainval.tar"], "sha1:" + "0" * 40)
    assert not root.exists()


def test_without_a_network_the_message_says_what_to_do(tmp_path):
    with pytest.raises(ConnectionError, match="check the network and try again, or put a copy at"):
        download_voc2012(tmp_path / "voc2012", ["http://127.0.0.1:9/VOC.tar"])


def test_a_member_outside_the_target_is_refused(server, tmp_path):
    folder, address, _ = server
    with tarfile.open(folder / "evil.tar", "w") as tar:
        tar.add(MINI / "VOCdevkit" / "VOC2012" / "ImageSets", "../escaped")
    known = f"sha1:{hashlib.sha1((folder / 'evil.tar').read_bytes()).hexdigest()}"
    with pytest.raises(tarfile.OutsideDestinationError):
        download_voc2012(tmp_path / "data" / "voc2012", [f"{address}/evil.tar"], known)
    assert not (tmp_path / "data" / "escaped").exists()
    assert not (tmp_path / "data" / "voc2012").exists()


def test_weights_are_fetched_by_their_hash_and_fill_the_backbone(server, tmp_path, monkeypatch):
    folder, address, asked = server
    torch.save(torchvision.models.resnet18().state_dict(), folder / "weights.pth")
    digest = hashlib.sha256((folder / "weights.pth").read_bytes()).hexdigest()[:8]
    shutil.move(folder / "weights.pth", folder / f"resnet18-{digest}.pth")
    path = imagenet_weights(f"{address}/resnet18-{digest}.pth", tmp_path)
    monkeypatch.setattr("fcn_course.model.imagenet_weights", lambda: path)
    expected = torch.load(path, weights_only=True)["layer4.0.conv1.weight"]
    assert torch.equal(FCN(weights="imagenet").stage32[0].conv1.weight, expected)
    assert imagenet_weights(f"{address}/resnet18-{digest}.pth", tmp_path) == path
    assert len(asked) == 1


def test_wrong_weights_are_thrown_away(server, tmp_path):
    folder, address, _ = server
    (folder / "resnet18-00000000.pth").write_bytes(b"something else")
    with pytest.raises(ConnectionError, match="is not the file it should be"):
        imagenet_weights(f"{address}/resnet18-00000000.pth", tmp_path)
    assert list(tmp_path.glob("*.pth")) == []
