"""Any checkpoint that the spandrel library recognises, run as the library says it wants to be.

The file itself tells the architecture, its size and its scale. CodeFormer, Restormer and
other architectures join where the package spandrel-extra-arches is installed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import spandrel  # type: ignore[import-untyped]  # ships no py.typed
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from restobench.checkpoint import read_checkpoint
from restobench.errors import RestobenchError
from restobench.method import Setup
from restobench.noise import Noise
from restobench.tiling import check_tiles, restore_in_tiles

FACE_SIDE = 512
"""Every face restorer that spandrel knows was trained on aligned faces of this size, in pixels.

The library would pad a smaller picture, and the network then sees no face.
"""

_EXTRA_HINT = "CodeFormer, Restormer and some others need: pip install 'restobench[spandrel-extra]'."


class Spandrel:
    """A network that the spandrel library built from a checkpoint."""

    def __init__(self, setup: Setup) -> None:
        """Recognise the checkpoint, build its network and check that it fits what is asked.

        Raises:
            RestobenchError: The checkpoint is not recognised or does not load, or the scale,
                the tiles, the dtype or the channels do not suit the network.
        """
        path = setup.weights["model"]
        state = _state_dict(path)
        with warnings.catch_warnings():
            # CodeFormer's and SwinIR's files use what newer PyTorch deprecates; nobody here can act on it.
            warnings.filterwarnings("ignore", message=r"`?torch\.(jit\.script|meshgrid)")
            self.network = _build(path, state)
        self.tile, self.overlap = int(setup.settings["tile"]), int(setup.settings["overlap"])
        check_tiles(self.tile, self.overlap)
        _check_fit(path, self.network, setup.scale, self.tile)
        try:
            self.network.eval().to(setup.device, setup.dtype)
        except spandrel.UnsupportedDtypeError:
            other = " or bfloat16" if self.network.supports_bfloat16 else ""
            raise RestobenchError(
                f"{self.network.architecture.name} does not work in {str(setup.dtype).removeprefix('torch.')}; "
                f"use float32{other}."
            ) from None
        setup.audit["model"] = _audit(self.network, state)

    @torch.inference_mode()
    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) -> (B, 3, scale H, scale W), clamped to [0, 1]; the pictures go through one by one.

        A network that wants another size is given the picture with its right and lower edge
        mirrored; what that adds is cut away again.

        Raises:
            RestobenchError: A face that is not 512 x 512, or no mask for a network that inpaints.
        """
        height, width = lq.shape[-2:]
        if self.network.purpose == "FaceSR" and (height, width) != (FACE_SIDE, FACE_SIDE):
            raise RestobenchError(
                f"{self.network.architecture.name} restores aligned faces of {FACE_SIDE} x {FACE_SIDE} pixels, and "
                f"this picture has {width} x {height}; resize or align the faces first. "
                "'restobench restore --whole' finds and aligns those of photographs."
            )
        if self.network.purpose == "Inpainting":
            if mask is None:
                raise RestobenchError(
                    f"{self.network.architecture.name} fills holes, and the data set has no masks; "
                    "take one whose card names them."
                )
            lq = torch.cat([lq, mask], dim=1)  # so that both are cut into the same tiles
        return restore_in_tiles(
            self._restore_each, lq, noise, tile=self.tile, overlap=self.overlap, scale=self.network.scale
        )

    def _restore_each(self, lq: Tensor, noise: Noise) -> Tensor:
        """One picture at a time: spandrel promises no more, and some of its networks can no more."""
        return torch.cat([self._restore_one(lq, noise, index) for index in range(len(lq))])

    def _restore_one(self, lq: Tensor, noise: Noise, index: int) -> Tensor:
        picture, mask = lq[index : index + 1].to(self.network.dtype).split([3, lq.shape[1] - 3], dim=1)
        masks = [mask] if mask.shape[1] else []
        with DrawnFrom(noise.part("network"), index):
            restored: Tensor = self.network(picture, *masks)
        return restored.float()


class DrawnFrom(TorchFunctionMode):
    """Within it, the normal noise that a network draws for itself comes from ours.

    GFPGAN draws noise in every layer of its decoder, AuraSR a style; from PyTorch's own
    generator these would depend on the batch, the order and the device.
    """

    def __init__(self, noise: Noise, index: int) -> None:
        """Draw for the sample `index` of the batch, beginning with the first draw of `noise`."""
        super().__init__()
        self.noise = noise
        self.index = index

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Draw in place of PyTorch, whose own generator stays as it is; all else is let through."""
        given = kwargs or {}
        if func is torch.Tensor.normal_:
            return self._fill(*args, **given)
        if func is torch.randn:
            return self._fill(torch.empty(*args, **given))
        if func is torch.randn_like:
            return self._fill(torch.empty_like(*args, **given))
        return func(*args, **given)

    def _fill(self, tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
        return tensor.copy_(self.noise.draw(tensor.shape)[self.index] * std + mean)


def _state_dict(path: Path) -> dict[str, Any]:
    """The tensors by name, taken out of whatever the authors' trainer wrapped around them."""
    try:
        state: dict[str, Any] = spandrel.canonicalize_state_dict(read_checkpoint(path))
    except AttributeError:  # it asks names for their prefix, and these are numbers, as an optimiser's are
        raise RestobenchError(f"{path} holds no state dict of a network; name the file that does.") from None
    return state


def _registry() -> Any:
    """What spandrel knows, and the extra architectures where they are installed."""
    registry = spandrel.MAIN_REGISTRY.copy()
    if find_spec("spandrel_extra_arches"):
        registry.add(*import_module("spandrel_extra_arches").EXTRA_REGISTRY, ignore_duplicates=True)
    return registry


def _build(path: Path, state: dict[str, Any]) -> Any:
    """The network in a state dict, every key of it loaded."""
    known = _registry().architectures("detection")
    architecture = next((support.architecture for support in known if support.detect(state)), None)
    if architecture is None:
        hint = "" if find_spec("spandrel_extra_arches") else f" {_EXTRA_HINT}"
        raise RestobenchError(
            f"spandrel recognises no architecture in {path}; its first keys are {', '.join(list(state)[:3]) or 'none'}."
            + hint
        )
    if architecture.id == "MAT":
        raise RestobenchError(
            f"{path} is a MAT, whose style spandrel draws at random when it builds the network; its pictures "
            "could not be made again, so it is not run."
        )
    try:
        return architecture.load(dict(state))
    except Exception as error:  # the library deduces sizes from shapes and fails in as many ways as files can be wrong
        raise RestobenchError(
            f"{path} looks like {architecture.name} but does not load as one: {_first_faults(error)}."
        ) from error


def _first_faults(error: Exception) -> str:
    """A strict load's complaint without its heading, cut to a readable length."""
    lines = [line.strip() for line in str(error).splitlines() if not line.startswith("Error(s) in loading")]
    text = " ".join(lines).rstrip(". ") or type(error).__name__
    return text if len(text) <= 300 else text[:300] + " ..."


def _check_fit(path: Path, network: Any, scale: int | None, tile: int) -> None:
    name = network.architecture.name
    if (network.input_channels, network.output_channels) != (3, 3):
        raise RestobenchError(
            f"{path} is a {name} that takes {network.input_channels} and gives {network.output_channels} channels; "
            "only networks from RGB to RGB are run."
        )
    if scale is not None and scale != network.scale:
        raise RestobenchError(
            f"{path} is a {name} that enlarges {network.scale}x, and the data set asks for {scale}x; "
            f"use a checkpoint for {scale}x."
        )
    if tile and (network.purpose == "FaceSR" or network.tiling is spandrel.ModelTiling.INTERNAL):
        raise RestobenchError(f"{name} must see the whole picture; leave the setting 'tile' at 0.")


def _audit(network: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    """What was loaded. spandrel loads strictly, so that nothing can be missing.

    It renames keys first, and some architectures drop what they do not know: the file then
    has more tensors than were loaded.
    """
    return {
        "architecture": network.architecture.name,
        "tags": list(network.tags),
        "purpose": network.purpose,
        "scale": network.scale,
        "tiling": network.tiling.name.lower(),
        "parameters": sum(parameter.numel() for parameter in network.model.parameters()),
        "loaded": len(network.model.state_dict()),
        "in_file": sum(isinstance(value, Tensor) for value in state.values()),
        "missing": [],
        "unexpected": [],
    }
