"""Every metric of the pyiqa library, behind one door. Nothing else here imports pyiqa.

pyiqa is licensed under PolyForm-Noncommercial-1.0.0 and comes with the extra `iqa`. Its networks download their
weights when they are built, and open them as pickles that may run code; here they find
those that the card names, opened as tensors alone, or none. Options are the card's, every one.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from restobench.checkpoint import read_torch
from restobench.errors import RestobenchError
from restobench.metric_card import Option
from restobench.metrics.colour import check_pair, check_pictures
from restobench.metrics.libraries import no_random_values, replaced, unset_values
from restobench.metrics.precision import placed
from restobench.metrics.registry import MetricSetup
from restobench.torchscript import is_torchscript, read_torchscript


class PyiqaMetric:
    """A metric of pyiqa: the card's `type` is the network's module and class there; the rest its constructor's options.

    What it means, and which way is better, stands on its card. A number depends on pyiqa's
    version, which is in the signature: its NIQE once moved from 20.21 to 3.67.
    """

    def __init__(self, setup: MetricSetup) -> None:
        """Raises RestobenchError where a file is not what the network wants, or the card lacks one."""
        self._network = placed(build(setup.options, list(setup.weights.values())), setup.device)
        if setup.options["type"] == "musiq_arch.MUSIQ":
            _leave_padding_out(self._network)

    def __call__(self, restored: Tensor, gt: Tensor | None = None) -> Tensor:
        """(B, 3, H, W), twice for a full-reference metric -> (B,), float64.

        Raises:
            RestobenchError: As `check_pair` does; or a picture has no value, as a flat one has no NIQE.
        """
        if gt is None:
            check_pictures(restored, "restored")
        else:
            check_pair(restored, gt)
        with _quiet():
            try:
                values = self._network(restored) if gt is None else self._network(restored, gt)
            except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]  # torch exports it in its own way
                kind = type(self._network).__name__
                raise RestobenchError(
                    f"pyiqa's {kind} has no number for a picture, which may be flat or too small."
                ) from error
        # One number a picture comes as (B, 1), as (B,), and of a single picture without any dimension.
        found: Tensor = values.double().reshape(len(restored), -1)
        assert found.shape[1] == 1, "a metric gives one number a picture"
        return found[:, 0]


def build(options: Mapping[str, Option], files: Collection[Path]) -> nn.Module:
    """A network of pyiqa in eval mode, with weights from `files` alone.

    Args:
        options: `type`, and the constructor's; the text "none" stands for None.
        files: Paths; each is called as the address ends that the network would download it from.

    Raises:
        RestobenchError: The network wants another file, one does not fit, or some values of it
            were given by none.
    """
    module, _, kind = str(options["type"]).partition(".")
    arguments = {name: _argument(value) for name, value in options.items() if name != "type"}
    with _quiet():
        # pyiqa's own lookup by the class's name may import all that it has, which takes seconds.
        constructor = getattr(import_module(f"pyiqa.archs.{module}"), kind)
        with _behind_closed_doors(files):
            try:
                network: nn.Module = constructor(**arguments)
            except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
                reason = " ".join(str(error).split())
                raise RestobenchError(f"pyiqa cannot build {kind} from {_listed(files)}: {reason}") from error
    if unset := unset_values(network):
        raise RestobenchError(
            f"{len(unset)} tensors of pyiqa's {kind}, {unset[0]} among them, were given no value by "
            f"{_listed(files)}; another file is wanted."
        )
    network.eval().requires_grad_(False)
    if arguments.get("model_type") == "clipiqa":
        _read_texts_once(network)
    return network


@torch.no_grad()
def _read_texts_once(network: Any) -> None:
    """Keep what CLIP makes of the texts: they never change, and with each batch cost more than several pictures."""
    (clip,) = network.clip_model
    features = clip.encode_text(network.prompt_pairs)
    clip.encode_text = lambda texts: features.to(texts.device)


def _leave_padding_out(network: Any) -> None:
    """MUSIQ fills each scale up to a square's number of patches, masks these out, and works on them all the same.

    In training mode it is given patches: so the root alone is put into that, and its layers stay as they are.
    """
    from pyiqa.data.multiscale_trans_util import get_multiscale_patches

    def real_patches(_: nn.Module, pictures: tuple[Tensor]) -> Tensor:
        patches: Tensor = get_multiscale_patches((pictures[0] - 0.5) * 2, **network.data_preprocess_opts)
        return patches[:, patches[0, :, -1] == 1]  # the mask, one for all pictures of a size

    network.register_forward_pre_hook(real_patches)
    network.training = True


def _argument(value: Option) -> Any:
    return None if value == "none" else list(value) if isinstance(value, tuple) else value


def _listed(files: Collection[Path]) -> str:
    return ", ".join(path.name for path in files) or "no file"


@contextmanager
def _quiet() -> Iterator[None]:
    """It prints what it loads, and warns of torchvision's old names, of pkg_resources, of flat pictures."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _behind_closed_doors(files: Collection[Path]) -> Iterator[None]:
    """pyiqa, timm, torchvision and torch.hub find `files` where they keep downloads, and can download nothing.

    A backbone that is not among the files stays without values: most are given some by the metric's own
    weights, and the others show as unset.
    """
    by_name = {path.name: path for path in files}

    def from_address(url: str, *_: Any, **__: Any) -> Any:
        name = Path(urlparse(url).path).name
        return _load(by_name[name]) if name in by_name else _NOTHING

    import pyiqa.archs.clip_model
    import pyiqa.utils.download_util
    import timm.models._builder
    import torchvision.models._api

    with TemporaryDirectory() as folder, ExitStack() as stack:
        for name, path in by_name.items():
            (Path(folder) / name).symlink_to(path.resolve())
        replacements: list[tuple[Any, str, Any]] = [
            (pyiqa.utils.download_util, "DEFAULT_CACHE_DIR", folder),
            (pyiqa.utils.download_util, "download_url_to_file", _refuse),
            (pyiqa.archs.clip_model, "_download", lambda url, root: str(by_name.get(Path(url).name) or _refuse(url))),
            (torch.hub, "download_url_to_file", _refuse),
            (torchvision.models._api, "load_state_dict_from_url", from_address),
            (timm.models._builder, "load_pretrained", lambda network, *_, **__: _spoil(network)),
            (nn.Module, "load_state_dict", _load_state_dict),
            (torch, "load", _load),
            (torch.jit, "load", _load_script),
        ]
        for owner, attribute, value in replacements:
            stack.enter_context(replaced(owner, attribute, value))
        stack.enter_context(no_random_values())
        yield


_NOTHING: dict[str, Tensor] = {}
_load_state_dict_of_torch = nn.Module.load_state_dict
_load_of_torch = torch.load


def _load_state_dict(network: nn.Module, state: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
    if state is _NOTHING:
        return _spoil(network)
    return _load_state_dict_of_torch(network, state, *arguments, **options)


@torch.no_grad()
def _spoil(network: nn.Module) -> None:
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.fill_(torch.nan)


def _refuse(url: str, *_: Any, **__: Any) -> NoReturn:
    raise RestobenchError(f"pyiqa wants {url}, which its card here does not name; this metric cannot be computed.")


def _load(file: Any, *_: Any, **__: Any) -> Any:
    with replaced(torch, "load", _load_of_torch):
        return read_torch(_path_of(file))


def _load_script(file: Any, *_: Any, **__: Any) -> Any:
    path = _path_of(file)
    if not is_torchscript(path):
        raise RuntimeError  # as PyTorch does, whereupon pyiqa tries a state dict
    return _Script(read_torchscript(path))


def _path_of(file: Any) -> Path:
    """Of the file itself, so that an error names it and not its link."""
    return Path(file if isinstance(file, str | Path) else file.name).resolve()


class _Script:
    """What pyiqa asks of a TorchScript module: its tensors."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self._state = state

    def eval(self) -> _Script:
        """As it is."""
        return self

    def state_dict(self) -> dict[str, Tensor]:
        """By name."""
        return self._state
