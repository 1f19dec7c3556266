import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from restobench.checkpoint import load_strictly, read_checkpoint, read_configuration, write_checkpoint
from restobench.errors import RestobenchError


class Malicious:
    """Unpickling it runs a command that leaves a file behind."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.sentinel}'",)


@pytest.fixture
def state() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {"weight": torch.randn(5, 3, generator=generator), "bias": torch.randn(5, generator=generator).half()}


def same(read: dict[str, Any], state: dict[str, Tensor]) -> bool:
    return read.keys() == state.keys() and all(torch.equal(read[name], state[name]) for name in state)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.ckpt", "net"])
def test_pytorchs_two_formats_are_read_whatever_the_suffix(
    tmp_path: Path, state: dict[str, Tensor], zipped: bool, name: str
) -> None:
    """ESRGAN's files are from before PyTorch 1.6; authors' suffixes differ."""
    torch.save(state, tmp_path / name, _use_new_zipfile_serialization=zipped)

    read = read_checkpoint(tmp_path / name)

    assert same(read, state)
    assert all(tensor.device.type == "cpu" for tensor in read.values())


def test_safetensors_are_read(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """The one format that cannot hold code."""
    save_file(state, tmp_path / "net.safetensors")

    assert same(read_checkpoint(tmp_path / "net.safetensors"), state)


def test_what_is_wrapped_stays_wrapped(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """Which of the state dicts inside is wanted is the method's to know."""
    torch.save({"params_ema": state, "iter": 400_000}, tmp_path / "net.pth")

    read = read_checkpoint(tmp_path / "net.pth")

    assert read["iter"] == 400_000
    assert same(read["params_ema"], state)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_that_would_run_code_is_refused_and_runs_none(tmp_path: Path, zipped: bool) -> None:
    """Checkpoints come from strangers."""
    sentinel = tmp_path / "sentinel"
    path = tmp_path / "net.pth"
    torch.save({"weight": torch.zeros(3), "more": Malicious(sentinel)}, path, _use_new_zipfile_serialization=zipped)

    with pytest.raises(RestobenchError, match=r"would run code when it is opened \(it calls \w+\.system\), so it was "):
        read_checkpoint(path)

    assert not sentinel.exists()
    torch.load(path, weights_only=False)
    assert sentinel.exists(), "the file was harmless, and the test above proves nothing"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_bare_pickle_is_refused_in_every_protocol_and_runs_nothing(tmp_path: Path, protocol: int) -> None:
    """PyTorch's reader stumbles over some protocols before it comes to the call; the reason named is the same."""
    sentinel = tmp_path / "sentinel"
    path = tmp_path / "net.pth"
    path.write_bytes(pickle.dumps({"weight": Malicious(sentinel)}, protocol=protocol))

    with pytest.raises(RestobenchError, match=r"would run code when it is opened.*, so it was not opened"):
        read_checkpoint(path)

    assert not sentinel.exists()


def test_a_pickled_network_is_refused(tmp_path: Path) -> None:
    """`torch.save(net)` names the authors' classes, which would have to be imported."""
    torch.save(torch.nn.Linear(3, 2), tmp_path / "net.pth")

    with pytest.raises(RestobenchError, match=r"it calls torch\.nn\.modules\.linear\.Linear"):
        read_checkpoint(tmp_path / "net.pth")


@pytest.mark.filterwarnings("ignore:.*torch.jit:Warning")  # newer PyTorch deprecates what such files were made with
def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    """TorchScript is code; opening it compiles it."""
    torch.jit.save(torch.jit.script(torch.nn.Linear(3, 2)), tmp_path / "net.pt")

    with pytest.raises(RestobenchError, match=r"net\.pt is a TorchScript program, which would run code"):
        read_checkpoint(tmp_path / "net.pt")


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
def test_a_file_that_is_cut_off_is_said_to_be(tmp_path: Path, state: dict[str, Tensor], kind: str, kept: float) -> None:
    """An interrupted download is the commonest fault of all."""
    path = tmp_path / ("net.safetensors" if kind == "safetensors" else "net.pth")
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == "zip")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])

    with pytest.raises(RestobenchError, match="or is damaged or cut off"):
        read_checkpoint(path)


NO_CHECKPOINTS = {
    "text": (b"notes on training\n" * 20, "is not a checkpoint"),
    "text that looks like a pickle's call": (b"config: x\nscale: 4\n", "net.pth"),
    "zeros": (bytes(4096), "is not a checkpoint"),
    "bytes": (bytes(range(256)) * 4, "is not a checkpoint"),
    "harmless pickle": (pickle.dumps({"weight": [1.0]}, protocol=4), "is not a checkpoint"),
    "empty": (b"", "is empty; get it again"),
    "web page": (b"\n<!DOCTYPE html><html>Sign in</html>", "is a web page that was saved"),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\nsize 3\n", "is a Git LFS pointer.*git lfs pull"),
}


@pytest.mark.parametrize("kind", NO_CHECKPOINTS)
def test_what_is_no_checkpoint_is_told_in_a_sentence(tmp_path: Path, kind: str) -> None:
    """PyTorch answers these with KeyError, EOFError and advice to open the file without safety."""
    content, sentence = NO_CHECKPOINTS[kind]
    path = tmp_path / "net.pth"
    path.write_bytes(content)

    with pytest.raises(RestobenchError, match=sentence) as raised:
        read_checkpoint(path)

    assert "weights_only" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_zip_of_something_else_is_no_checkpoint(tmp_path: Path) -> None:
    """Release pages offer zipped checkpoints beside the plain ones."""
    with zipfile.ZipFile(tmp_path / "net.pth", "w") as archive:
        archive.writestr("experiments/net.txt", "x")

    with pytest.raises(RestobenchError, match="is not a checkpoint"):
        read_checkpoint(tmp_path / "net.pth")


@pytest.mark.parametrize(("content", "kind"), [([1, 2], "list"), (torch.zeros(3), "Tensor"), ({0: 1}, "dict")])
def test_tensors_without_names_are_no_state_dict(tmp_path: Path, content: Any, kind: str) -> None:
    """Every caller looks tensors up by name."""
    torch.save(content, tmp_path / "net.pth")

    with pytest.raises(RestobenchError, match=f"holds a {kind} and no tensors by name"):
        read_checkpoint(tmp_path / "net.pth")


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    """Both are slips of the keyboard."""
    with pytest.raises(RestobenchError, match="is a folder; name the checkpoint file in it"):
        read_checkpoint(tmp_path)
    with pytest.raises(RestobenchError, match=r"The checkpoint .*absent\.pth does not exist"):
        read_checkpoint(tmp_path / "absent.pth")


def loaded(tmp_path: Path, content: Any, **options: Any) -> tuple[nn.Linear, dict[str, Any]]:
    """A layer into which a file with this content was loaded, and the audit."""
    torch.save(content, tmp_path / "net.pth")
    layer = nn.Linear(3, 5)
    return layer, load_strictly(layer, tmp_path / "net.pth", **options)


def test_names_of_an_older_file_are_told_by_the_method(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """After what a trainer put around them was taken off; the audit and every complaint use the module's names."""
    old = {"module.kernel": state["weight"], "module.bias": state["bias"]}

    layer, audit = loaded(
        tmp_path, old, translate=lambda state: {name.replace("kernel", "weight"): state[name] for name in state}
    )

    assert torch.equal(layer.weight, state["weight"])
    assert audit == {"loaded": 2, "missing": [], "unexpected": []}


def test_a_state_dict_is_loaded_whatever_a_trainer_put_around_it(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """Wrapped or flat, with the prefixes of distributed training and of compilation in either order."""
    forms: list[tuple[Any, dict[str, Any]]] = [
        (state, {}),
        ({"state_dict": state, "step": 7}, {}),
        ({f"module.{name}": tensor for name, tensor in state.items()}, {}),
        ({f"_orig_mod.module.{name}": tensor for name, tensor in state.items()}, {}),
        ({"params": {}, "params_ema": state}, {"wrappers": ("params_ema", "params")}),
    ]
    for content, options in forms:
        layer, audit = loaded(tmp_path, content, **options)

        assert torch.equal(layer.weight, state["weight"])
        assert torch.equal(layer.bias, state["bias"].float())
        assert audit == {"loaded": 2, "missing": [], "unexpected": []}


def test_every_key_that_does_not_fit_is_listed(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """A network that ran half loaded would give pictures, and nobody would know."""
    with pytest.raises(RestobenchError) as caught:
        loaded(tmp_path, {"weight": state["weight"].T, "gamma": state["bias"], "step": 7})

    assert str(caught.value) == (
        f"{tmp_path / 'net.pth'} does not fit Linear, which has 2 keys. 1 missing: bias; 2 unexpected: gamma, step; "
        "1 of another shape: weight (3 x 5 instead of 5 x 3). Give the checkpoint of this method and variant."
    )


def test_very_many_wrong_keys_are_counted(tmp_path: Path) -> None:
    """A file of another network misses every name; twenty of them say so."""
    with pytest.raises(RestobenchError, match=r"30 unexpected: layer0, layer1, .*layer19 and 10 more\. Give"):
        loaded(tmp_path, {f"layer{number}": torch.zeros(1) for number in range(30)} | nn.Linear(3, 5).state_dict())


CONFIG = {"dim": 48, "num_blocks": [2, 4], "name": "größer", "factor": 2.66, "norm": None, "nested": {"bias": False}}


def test_a_checkpoint_of_ours_holds_tensors_and_configuration(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """One file is all that inference needs."""
    path = tmp_path / "new" / "net.safetensors"

    write_checkpoint(path, state, CONFIG)

    assert same(read_checkpoint(path), state)
    assert read_configuration(path) == CONFIG
    assert [file.name for file in path.parent.iterdir()] == ["net.safetensors"]


def test_tensors_of_any_layout_are_written(tmp_path: Path) -> None:
    """Tied weights, channels that lie last and parameters that want gradients are what a training holds."""
    weight = nn.Parameter(torch.rand(4, 3, 2, 2).to(memory_format=torch.channels_last))
    tensors = {"a": weight, "b": weight, "c": weight.mT}

    write_checkpoint(tmp_path / "net.safetensors", tensors, {})

    read = read_checkpoint(tmp_path / "net.safetensors")
    assert same(read, {name: tensor.detach() for name, tensor in tensors.items()})


def test_equal_checkpoints_are_equal_files(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """A run is known by its weights' hash."""
    for name in "abcdefgh":
        write_checkpoint(tmp_path / f"{name}.safetensors", state, CONFIG)

    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """The last checkpoint is written over again and again."""
    path = tmp_path / "last.safetensors"
    write_checkpoint(path, state, CONFIG)

    with pytest.raises(ValueError, match="not JSON compliant"):
        write_checkpoint(path, state, {"loss": float("nan")})

    assert read_configuration(path) == CONFIG


def test_other_peoples_files_hold_no_configuration(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """Which says nothing against them."""
    torch.save({"config": CONFIG, "params": state}, tmp_path / "net.pth")
    save_file(state, tmp_path / "bare.safetensors")
    save_file(state, tmp_path / "other.safetensors", {"format": "pt"})

    for path in tmp_path.iterdir():
        assert read_configuration(path) is None


@pytest.mark.parametrize("text", ["{", "[1]", "7"])
def test_a_damaged_configuration_is_one_sentence(tmp_path: Path, state: dict[str, Tensor], text: str) -> None:
    """Building some other network instead would end in a list of keys."""
    save_file(state, tmp_path / "net.safetensors", {"config": text})

    with pytest.raises(RestobenchError, match=r"The configuration in .*net\.safetensors is damaged"):
        read_configuration(tmp_path / "net.safetensors")


def test_the_configuration_of_no_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    """As for its tensors."""
    (tmp_path / "page.safetensors").write_text("<!DOCTYPE html>")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00")

    with pytest.raises(RestobenchError, match="is a web page"):
        read_configuration(tmp_path / "page.safetensors")
    with pytest.raises(RestobenchError, match="is not a safetensors file, or is damaged or cut off"):
        read_configuration(tmp_path / "cut.safetensors")
    with pytest.raises(RestobenchError, match="does not exist"):
        read_configuration(tmp_path / "none.safetensors")
