"""Tensors of TorchScript archives, against what PyTorch itself says is in them."""

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from restobench.errors import RestobenchError
from restobench.torchscript import is_torchscript, read_torchscript


class Inner(nn.Module):
    """Attributes of every kind that is no tensor, a buffer, and submodules."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.register_buffer("counts", torch.arange(5))
        self.width, self.sizes, self.name, self.nothing = 3, [1, 2], "inner", None

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.bn(self.conv(x)) * self.width + self.sizes[0]
        return normed


class Outer(nn.Module):
    """A half-precision parameter that is stored transposed, and a list of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(Inner(), nn.ReLU())
        self.projection = nn.Parameter(torch.randn(2, 3).half().t())

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x)
        return result


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates TorchScript
        torch.jit.script(Outer()).save(tmp_path / "net.pt")
    return tmp_path / "net.pt"


def test_the_tensors_are_those_of_the_module(archive: Path) -> None:
    """Names, dtypes, shapes and values, as if the program had been loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = torch.jit.load(archive).state_dict()

    ours = read_torchscript(archive)

    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype
        assert torch.equal(ours[name], tensor)


def test_other_files_are_told_apart(archive: Path, tmp_path: Path) -> None:
    """A state dict is a zip archive too."""
    torch.save({"a": torch.ones(2)}, tmp_path / "state.pth")
    (tmp_path / "text.pt").write_text("no archive")

    assert is_torchscript(archive)
    assert not is_torchscript(tmp_path / "state.pth")
    assert not is_torchscript(tmp_path / "text.pt")


def rewritten(archive: Path, path: Path, pickled: bytes) -> Path:
    """The archive with another pickle."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, pickled if name.endswith("data.pkl") else source.read(name))
    return path


class Malice:
    """A pickle of it would call a function."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("/tmp/called"),)


def test_nothing_in_it_is_run(archive: Path, tmp_path: Path) -> None:
    """A pickle may name any function; this one names `Path.touch`."""
    bad = rewritten(archive, tmp_path / "bad.pt", pickle.dumps({"a": Malice()}, protocol=2))

    with pytest.raises(RestobenchError, match=r"bad\.pt holds .*, which is neither a module nor a tensor"):
        read_torchscript(bad)


def test_a_tensor_cannot_reach_beyond_its_bytes(archive: Path, tmp_path: Path) -> None:
    """Its stride and offset come from the file."""
    with zipfile.ZipFile(archive) as source:
        name = next(name for name in source.namelist() if name.endswith("data.pkl"))
        pickled = source.read(name)
    # The counts' size (5,) becomes (200,): MARK, BININT1 5, TUPLE.
    longer = pickled.replace(b"(K\x05t", b"(K\xc8t", 1)
    assert longer != pickled

    with pytest.raises(RestobenchError, match="is damaged or cut off"):
        read_torchscript(rewritten(archive, tmp_path / "long.pt", longer))


def test_a_damaged_archive_is_a_sentence(archive: Path, tmp_path: Path) -> None:
    """As of a download that broke off."""
    short = tmp_path / "short.pt"
    short.write_bytes(archive.read_bytes()[:500])

    with pytest.raises(RestobenchError, match=r"short\.pt is no TorchScript archive, or is damaged or cut off"):
        read_torchscript(short)
