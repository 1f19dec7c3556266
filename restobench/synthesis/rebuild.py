"""A set made again from its manifest and the clean pictures, and held against it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from restobench.ahead import read_ahead
from restobench.environment import datasets_folder
from restobench.errors import RestobenchError
from restobench.files import sha256_of
from restobench.manifest import Head, MadeSample, Manifest, read_manifest
from restobench.reporter import Reporter, Silence
from restobench.synthesis.folder import other_versions
from restobench.synthesis.make import MadeSet, carry_out, find_source, first_lines, head_of
from restobench.synthesis.registry import find_recipe
from restobench.synthesis.workers import Job


@dataclass(frozen=True)
class Rebuilt:
    """A set that was made again, and how it compares with what its manifest records."""

    made: MadeSet
    other_bytes: tuple[str, ...]
    """Samples with the recorded pixels in files of other bytes: a compressor's doing."""
    other_pixels: tuple[str, ...]
    """Samples with other pixels."""
    versions: str
    """Libraries that are here in another version than the manifest records; empty: none."""

    @property
    def equal(self) -> bool:
        """Whether every file is the recorded one, byte for byte."""
        return not (self.other_bytes or self.other_pixels)


def rebuild_dataset(
    path: Path,
    source: Path,
    *,
    output: Path | None = None,
    workers: int | None = 1,
    reporter: Reporter | None = None,
) -> Rebuilt:
    """Make the set of a manifest again: its samples with its values, whatever the recipe would draw.

    Args:
        path: A manifest.json.
        source: The folder of the clean pictures that it names.
        output: The set's folder; by default `NAME@RECIPE`, or `NAME` where they are one, in RESTOBENCH_DATASETS.
        workers: Processes; they change no byte. None: one a processor core, where there is enough to do.
        reporter: Who hears how it goes.

    Raises:
        RestobenchError: The manifest cannot be read or names a recipe that is not known here, a clean
            picture is missing or another one, or as `make_dataset`.
    """
    recorded = read_manifest(path)
    recipe = find_recipe(recorded.recipe.name)
    if recipe.revision != recorded.recipe.revision:
        raise RestobenchError(
            f"{path} was made by revision {recorded.recipe.revision} of '{recipe.name}', and this restobench has "
            f"revision {recipe.revision}; install restobench {recorded.versions.get('restobench', 'of then')}."
        )
    name = recorded.name if recorded.name == recipe.name else f"{recorded.name}@{recipe.name}"
    folder = output if output is not None else datasets_folder() / name
    if path.resolve().is_relative_to(folder.resolve()):
        raise RestobenchError(
            f"The manifest {path} lies in the folder that it would be rebuilt in; name another one with --output. "
            "To mend a set, give the command again that made it."
        )
    find_source(source, folder)
    _refuse_other_pictures(recorded, source)
    jobs = [Job(one.id, source / one.source, one.source, one.parameters) for one in recorded.samples]
    head = head_of(recorded.name, recipe, recorded.seed)
    made = carry_out(head, recipe, jobs, folder, workers, reporter or Silence())
    return _compared(recorded, made, head)


def _refuse_other_pictures(recorded: Manifest, source: Path) -> None:
    """Of other pictures anything would be made but the recorded set."""

    def problem(sample: MadeSample) -> str:
        path = source / sample.source
        if not path.is_file():
            return f"{path} does not exist."
        return "" if sha256_of(path) == sample.source_sha256 else f"{path} is another picture than the recorded one."

    found = read_ahead(recorded.samples, problem)
    if wrong := [answer for _, answer in found if isinstance(answer, str) and answer]:
        raise RestobenchError(
            f"Of {len(recorded.samples)} clean pictures {len(wrong)} are not those of the manifest:\n"
            + first_lines(wrong)
        )


def _compared(recorded: Manifest, made: MadeSet, head: Head) -> Rebuilt:
    new = {sample.id: sample for sample in made.manifest.samples}
    pixels = [
        old.id
        for old in recorded.samples
        if (old.gt.pixels, old.lq.pixels) != (new[old.id].gt.pixels, new[old.id].lq.pixels)
    ]
    files = [old.id for old in recorded.samples if (old.gt, old.lq) != (new[old.id].gt, new[old.id].lq)]
    other_bytes = tuple(sample_id for sample_id in files if sample_id not in set(pixels))
    return Rebuilt(made, other_bytes, tuple(pixels), other_versions(recorded.head, head))
