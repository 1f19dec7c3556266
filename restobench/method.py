"""The interface that every restoration method meets, and how one is chosen and built.

Choosing (name, variant, settings, weights) reads cards only and imports no torch;
building imports the method. A method knows pictures and noise, never a metric, a data
set or a file that it was not given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from restobench.card import MethodCard, Value, Variant, WeightFile
from restobench.errors import RestobenchError, unknown_name
from restobench.plugins import Plugin, find_plugin

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from restobench.noise import Noise

DTYPES = ("float32", "float16", "bfloat16")


class Method(Protocol):
    """Restores batches of pictures."""

    def __init__(self, setup: Setup) -> None:
        """Build the method, weights loaded, on `setup.device`.

        Raises:
            RestobenchError: The weights are not this method's, or a setting makes no sense.
        """

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """Restore a batch.

        Args:
            lq: (B, 3, H, W), float32, sRGB in [0, 1], on the method's device.
            noise: Where everything random comes from; one stream a picture.
            mask: (B, 1, H, W), 1 = hole; for inpainting alone.

        Returns:
            (B, 3, scale H, scale W), float32, sRGB; what leaves [0, 1] is clamped when saved.
        """


@dataclass(frozen=True)
class Setup:
    """What a method is built from."""

    device: torch.device
    dtype: torch.dtype
    variant: str = "default"
    scale: int | None = None
    """How many times larger than the input the result must be; None: as the method likes."""
    settings: Mapping[str, Value] = field(default_factory=dict)
    """A value for every setting of the card."""
    weights: Mapping[str, Path] = field(default_factory=dict)
    """A file for every part that was given or found."""
    audit: dict[str, Any] = field(default_factory=dict)
    """Filled by the method: for each part the number of loaded, missing and unexpected keys."""


@dataclass(frozen=True)
class MethodChoice:
    """A method with its variant, settings and weights decided, and nothing loaded yet."""

    plugin: Plugin
    card: MethodCard
    variant: str
    settings: Mapping[str, Value]
    weights: Mapping[str, Path]
    label: str
    """What the rows are called: the method's name, or `--as`."""
    family: str = ""
    """Where several checkpoints are run as one method: what they are called together."""
    checkpoint: str = ""
    """And which of them this is."""

    @property
    def name(self) -> str:
        """The method's registered name."""
        return self.plugin.name

    def misfit(self, *, task: str | None, scale: int | None, has_mask: bool) -> str | None:
        """Why the method cannot run on such a data set; None where it can."""
        card = self.card
        if task and card.tasks and task not in card.tasks:
            return f"it is for {' and '.join(card.tasks)}, and the data set is for {task}"
        if scale is not None and card.scales and scale not in card.scales:
            known = ", ".join(f"x{factor}" for factor in card.scales)
            return f"it works at {known}, and the data set is x{scale}"
        if card.needs_mask and not has_mask:
            return "it needs a mask for every picture, and the data set has none"
        return None

    def source_hash(self) -> str:
        """SHA-256 over the names and contents of the method's Python files.

        Pictures made by other sources are never taken for this method's.
        """
        digest = hashlib.sha256()
        folder = self.plugin.folder
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\x00")
            digest.update(path.read_bytes() + b"\x00")
        return digest.hexdigest()

    def build(self, *, device: str = "cpu", dtype: str = "float32", scale: int | None = None) -> BuiltMethod:
        """Import the method and build it.

        Raises:
            RestobenchError: Weights that the method needs were not given, or it refuses its setup.
        """
        import torch

        if missing := self.missing_parts():
            single = len(self._parts()) == 1
            options = " ".join("--weights FILE" if single else f"--weights {part}=FILE" for part in missing)
            raise RestobenchError(
                f"'{self.name}' needs weights that were not given: {', '.join(missing)}. "
                f"Name the file{'s' if len(missing) > 1 else ''}: {options}."
            )
        setup = Setup(
            device=torch.device(device),
            dtype=getattr(torch, dtype),
            variant=self.variant,
            scale=scale,
            settings=self.settings,
            weights=self.weights,
        )
        return BuiltMethod(self, self.plugin.load()(setup), setup)

    def missing_parts(self) -> list[str]:
        """The parts whose weights were neither given nor found."""
        return [part for part in self._parts() if part not in self.weights]

    def _parts(self) -> dict[str, WeightFile]:
        return self.card.weights | self.card.variants[self.variant].weights


@dataclass(frozen=True)
class BuiltMethod:
    """A method ready to restore, with the choice and the setup it was made from."""

    choice: MethodChoice
    method: Method
    setup: Setup


def choose_method(
    name: str,
    *,
    settings: Mapping[str, Value] | None = None,
    weights: Mapping[str, str | Path] | None = None,
    label: str | None = None,
) -> MethodChoice:
    """Decide a method from `name` or `name@variant`.

    Args:
        name: A registered name, with or without `@variant`.
        settings: Values by setting; text is converted to the setting's type.
        weights: Files by part; the part "" stands for the only part there is.
        label: What the rows are called instead of the method's name.

    Raises:
        RestobenchError: An unknown method, variant, setting or part, a wrong value, or a file
            that is not there.
    """
    base, _, variant_name = name.partition("@")
    plugin = find_plugin("restobench.methods", base)
    card = plugin.card(MethodCard)
    variant_name = variant_name or card.default_variant
    if variant_name not in card.variants:
        raise unknown_name(f"variant of '{base}'", variant_name, card.variants)
    variant = card.variants[variant_name]
    return MethodChoice(
        plugin=plugin,
        card=card.of_variant(variant_name),
        variant=variant_name,
        settings=_settle(base, card, variant, settings or {}),
        weights=_find_weights(base, card.weights | variant.weights, weights or {}),
        label=label or base,
    )


def _settle(name: str, card: MethodCard, variant: Variant, given: Mapping[str, Value]) -> dict[str, Value]:
    for setting in given:
        if setting not in card.settings:
            raise unknown_name(f"setting of '{name}'", setting, card.settings)
    defaults = {setting: declared.default for setting, declared in card.settings.items()}
    chosen = defaults | variant.settings | dict(given)
    return {setting: card.settings[setting].parse(setting, value) for setting, value in chosen.items()}


def _find_weights(name: str, parts: Mapping[str, WeightFile], given: Mapping[str, str | Path]) -> dict[str, Path]:
    if given and not parts:
        raise RestobenchError(f"'{name}' takes no weights; leave --weights out.")
    found = {}
    for part, file in given.items():
        if part == "" and len(parts) > 1:
            raise RestobenchError(
                f"'{name}' has several parts; say which one {file} is: --weights PART={file} "
                f"with PART one of {', '.join(parts)}."
            )
        wanted = part or next(iter(parts))
        if wanted not in parts:
            raise unknown_name(f"part of '{name}'", wanted, parts)
        path = Path(file).expanduser()
        if not path.is_file():
            raise RestobenchError(f"The weights {path} do not exist, or are not a file.")
        found[wanted] = path
    return found


def load_method(
    name: str,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    scale: int | None = None,
    settings: Mapping[str, Value] | None = None,
    weights: Mapping[str, str | Path] | None = None,
) -> Method:
    """A method by `name` or `name@variant`, built and ready: `load_method("bicubic", scale=4)`.

    Raises:
        RestobenchError: As `choose_method` and `MethodChoice.build` do.
    """
    choice = choose_method(name, settings=settings, weights=weights)
    return choice.build(device=device, dtype=dtype, scale=scale).method
