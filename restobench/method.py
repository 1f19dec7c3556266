"""The interface that every restoration method meets, and how one is chosen and built.

Choosing (name, variant, settings, weights) reads cards only and imports no torch;
building imports the method. A method knows pictures and noise, never a metric, a data
set or a file that it was not given.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from restobench.card import Value, WeightFile
from restobench.errors import RestobenchError, unknown_name
from restobench.method_card import Interface, MethodCard
from restobench.plugins import Plugin, find_method, method_card, plugins
from restobench.weights import find_weights, given_files, hash_of, how_to_get, weight_files

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from restobench.noise import Noise

DTYPES = ("float32", "float16", "bfloat16")
Timing = Literal["method", "end-to-end", "self-reported"]
"""What a run's seconds are: the method's own, a whole program's over its pictures, or what a program says."""


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


@runtime_checkable
class FolderMethod(Protocol):
    """Restores a folder of pictures in one go; its card says `interface = "folder"`."""

    def __init__(self, setup: Setup) -> None:
        """As a method's."""

    def restore_folder(self, lq_dir: Path, restored_dir: Path, *, seed: int) -> None:
        """Restore every picture of a folder.

        Args:
            lq_dir: Holds 8-bit RGB PNGs and nothing else, their names made of letters, digits, `-` and `_`.
            restored_dir: Is empty; takes a picture of the same name for each, in any lossless format.
            seed: Of everything random.

        Raises:
            RestobenchError: What went wrong; it becomes the failure of the pictures that are missing.
        """


@runtime_checkable
class SelfTimed(Protocol):
    """A method behind a pipe, which knows better than a clock around it how long it took.

    It is given one picture at a time, so that the time is that picture's.
    """

    reported_seconds: float
    """Of the last call of `restore`."""


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
    """A file for every part that was given or found; of a repository the folder of its files."""
    log: Path | None = None
    """Where a method that runs another program adds what that prints; None: nowhere."""
    audit: dict[str, Any] = field(default_factory=dict)
    """Filled by the method: for each part the number of loaded, missing and unexpected keys."""
    test: bool = False
    """Whether to build the card's test configuration: seeded weights instead of files."""


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
    test: bool = False
    """Whether this is the card's test configuration, whose pictures are no result."""

    @property
    def name(self) -> str:
        """The method's registered name."""
        return self.plugin.name

    @property
    def command(self) -> str | None:
        """The setting that holds the command line of somebody else's program; None: the method is a class of ours."""
        return next((name for name in self.card.commands if self.settings[name]), None)

    @property
    def interface(self) -> Interface:
        """What is asked of it: to restore batches, or a folder."""
        return self.card.commands[self.command].interface if self.command else self.card.interface

    @property
    def timing(self) -> Timing:
        """What its seconds are worth."""
        if self.interface == "folder":
            return "end-to-end"
        return "self-reported" if self.command else "method"

    @property
    def takes_seed(self) -> bool:
        """Whether another seed can make other pictures. A program that is kept running is told one with each."""
        if self.command and self.interface == "folder":
            return "{seed}" in str(self.settings[self.command])
        return self.card.stochastic

    @property
    def declared_files(self) -> tuple[str, ...]:
        """The paths and patterns of files that make its pictures what they are."""
        given = (str(self.settings[name]) for name, setting in self.card.settings.items() if setting.files)
        return tuple(path.strip() for text in given for path in text.split(",") if path.strip())

    @property
    def never_reused(self) -> str | None:
        """Why its pictures are made anew each time; None where they are reused."""
        if not self.command or self.declared_files:
            return None
        names = " or ".join(name for name, setting in self.card.settings.items() if setting.files)
        return f"nothing says which files make them; declare checkpoint and sources with --set {names}=FILE,FOLDER"

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
        for path in self.plugin.sources():
            place = Path(os.path.relpath(path, folder))  # of a package beside it: ../name/file.py
            digest.update(place.as_posix().encode() + b"\x00")
            digest.update(path.read_bytes() + b"\x00")
        return digest.hexdigest()

    def build(
        self, *, device: str = "cpu", dtype: str = "float32", scale: int | None = None, log: Path | None = None
    ) -> BuiltMethod:
        """Import the method and build it.

        Raises:
            RestobenchError: Weights that the method needs were not given, it refuses its setup,
                or it is not what its card says.
        """
        import torch

        if lack := self.lack():
            raise RestobenchError(lack)
        setup = Setup(
            device=torch.device(device),
            dtype=getattr(torch, dtype),
            variant=self.variant,
            scale=scale,
            settings=self.settings,
            weights=self.weights,
            test=self.test,
            log=log,
        )
        method = self.plugin.load()(setup)
        if isinstance(method, FolderMethod) != (self.interface == "folder"):
            says = 'restores folders, and its card does not say so: write interface = "folder" in card.toml'
            lacks = 'has no restore_folder, and its card says interface = "folder": take that out'
            raise RestobenchError(f"'{self.name}' {lacks if self.interface == 'folder' else says}.")
        return BuiltMethod(self, method, setup)

    def missing_parts(self) -> list[str]:
        """The parts whose weights were neither given nor found; a test configuration needs none."""
        return [] if self.test else [part for part in self.parts if part not in self.weights]

    @property
    def parts(self) -> dict[str, WeightFile]:
        """What is true of each part's weights, of this variant."""
        return self.card.weights_of(self.variant)

    @property
    def weight_files(self) -> dict[str, dict[str, Path]]:
        """By part, the files that its weights are, by name."""
        return {part: weight_files(self.parts[part], path) for part, path in self.weights.items()}

    def weight_hashes(self, sha256: Mapping[Path, str]) -> dict[str, str]:
        """By part, one hash for its weights, given that of every one of its files."""
        return {part: hash_of(files, sha256) for part, files in self.weight_files.items()}

    def lack(self) -> str | None:
        """Why it cannot be built here, and what to do: weights are missing; None where none are."""
        if not (missing := self.missing_parts()):
            return None
        return f"'{self.name}' needs weights that were not given: {', '.join(missing)}. {self.how_to_get(missing)}"

    def how_to_get(self, missing: Sequence[str]) -> str:
        """A sentence on what to do about missing parts."""
        return how_to_get(self.reference, self.parts, missing)

    @property
    def reference(self) -> str:
        """What names it on the command line: `NAME@VARIANT`, `PATH.py:CLASS@VARIANT`."""
        return self.plugin.reference + (f"@{self.variant}" if len(self.card.variants) > 1 else "")


@dataclass(frozen=True)
class BuiltMethod:
    """A method ready to restore, with the choice and the setup it was made from."""

    choice: MethodChoice
    method: Method | FolderMethod
    setup: Setup


def choose_method(
    name: str,
    *,
    settings: Mapping[str, Value] | None = None,
    weights: Mapping[str, str | Path] | None = None,
    label: str | None = None,
    test: bool = False,
) -> MethodChoice:
    """Decide a method from `name` or `name@variant`.

    Args:
        name: A registered name, or `PATH.py:CLASS`; with or without `@variant`.
        settings: Values by setting; text is converted to the setting's type.
        weights: Files by part; the part "" stands for the only part there is.
        label: What the rows are called instead of the method's name.
        test: Take the card's test configuration, which needs no weights.

    Raises:
        RestobenchError: An unknown method, variant, setting or part, a wrong value, a file
            that is not there, or no test configuration.
    """
    plugin, variant_name = find_method(name)
    base = plugin.name
    card = method_card(plugin)
    if plugin.file and not label and base in plugins("restobench.methods"):
        raise RestobenchError(f"{name} would be called '{base}' like a method that is installed; say --as NAME.")
    if test and card.test is None:
        raise RestobenchError(f"The card of '{base}' has no test configuration.")
    variant_name = variant_name or card.default_variant
    if variant_name not in card.variants:
        raise unknown_name(f"variant of '{base}'", variant_name, card.variants)
    variant = card.variants[variant_name]
    overrides = variant.settings | (card.test.settings if test and card.test else {})
    return MethodChoice(
        plugin=plugin,
        card=card.of_variant(variant_name),
        variant=variant_name,
        settings=_settle(base, card, overrides, settings or {}),
        weights=_settle_weights(base, card.weights_of(variant_name), weights or {}, look=not test),
        label=label or base,
        test=test,
    )


def _settle(
    name: str, card: MethodCard, overrides: Mapping[str, Value], given: Mapping[str, Value]
) -> dict[str, Value]:
    for setting in given:
        if not card.settings:
            raise RestobenchError(f"'{name}' has no settings, so none is called {setting!r}; leave --set out.")
        if setting not in card.settings:
            raise unknown_name(f"setting of '{name}'", setting, card.settings)
    defaults = {setting: declared.default for setting, declared in card.settings.items()}
    chosen = defaults | dict(overrides) | dict(given)
    settled = {setting: card.settings[setting].parse(setting, value) for setting, value in chosen.items()}
    commands = [setting for setting in card.commands if settled[setting]]
    if card.commands and len(commands) != 1:
        ways = " or ".join(f"--set {setting}=COMMAND" for setting in card.commands)
        raise RestobenchError(f"'{name}' wants {ways}, and {'more than one was' if commands else 'none was'} given.")
    return settled


def _settle_weights(
    name: str, parts: Mapping[str, WeightFile], given: Mapping[str, str | Path], *, look: bool
) -> dict[str, Path]:
    """A file or folder for each part that was given; to `look` finds others where `restobench weights` puts them."""
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
        found[wanted] = Path(file).expanduser()
        given_files(parts[wanted], found[wanted])
    if look:
        found |= find_weights(name, {part: facts for part, facts in parts.items() if part not in found})
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
        RestobenchError: As `choose_method` and `MethodChoice.build` do, or it restores folders.
    """
    choice = choose_method(name, settings=settings, weights=weights)
    method = choice.build(device=device, dtype=dtype, scale=scale).method
    if isinstance(method, FolderMethod):
        raise RestobenchError(f"'{name}' restores whole folders of files, not tensors; use 'restobench restore'.")
    return method
