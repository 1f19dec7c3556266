"""A paired data set from a folder of clean pictures, by a recipe."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import features

from restobench.ahead import read_ahead
from restobench.dataset import dataset_cards, find_pictures
from restobench.environment import datasets_folder
from restobench.errors import RestobenchError
from restobench.files import sha256_of
from restobench.image import picture_size
from restobench.journal import add_line, open_journal
from restobench.manifest import MANIFEST, Head, MadeBy, MadeSample, Manifest, read_manifest
from restobench.provenance import installed_version
from restobench.reporter import Reporter, Silence
from restobench.synthesis.folder import SetFolder
from restobench.synthesis.registry import find_recipe, maker_of
from restobench.synthesis.workers import Job, make_all

if TYPE_CHECKING:
    from restobench.synthesis.recipe import Maker, Recipe


@dataclass(frozen=True)
class MadeSet:
    """A set that is whole."""

    folder: Path
    manifest: Manifest
    made: int
    """Samples made now; the others were there."""


def make_dataset(
    reference: str,
    source: Path,
    *,
    output: Path | None = None,
    seed: int | None = None,
    workers: int | None = 1,
    limit: int | None = None,
    reporter: Reporter | None = None,
) -> MadeSet:
    """Make a set, or go on with it where it was left.

    Args:
        reference: `NAME@RECIPE`, or `RECIPE` for a set of the recipe's own name.
        source: A folder of clean pictures, perhaps in folders.
        output: The set's folder; by default the one called `reference` in RESTOBENCH_DATASETS.
        seed: By default the recipe's own.
        workers: Processes; they change no byte. None: one a processor core, where there is enough to do.
        limit: Only the first so many samples; they are those that the whole set begins with.
        reporter: Who hears how it goes.

    Raises:
        RestobenchError: An unknown recipe, a name that is taken, pictures that are missing, cannot be
            read or are too small (the others are made and kept), or a folder that holds something else.
    """
    name, _, recipe_name = reference.partition("@")
    recipe = find_recipe(recipe_name or name)
    if output is None:
        _refuse_taken(name)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise RestobenchError(
            f"A data set cannot be called {name!r}: use lower case letters, digits, '.', '_' and '-', "
            f"as in 'my-set@{recipe.name}'."
        )
    folder = output if output is not None else datasets_folder() / reference
    pictures = find_source(source, folder)
    maker = maker_of(recipe)
    seed = recipe.seed if seed is None else seed
    # Through JSON and back, so that what was drawn compares with what was recorded.
    planned = [(one.id, json.loads(json.dumps(one.parameters))) for one in maker.plan(list(pictures), seed)[:limit]]
    jobs = [
        Job(sample_id, pictures[sample_id], pictures[sample_id].relative_to(source).as_posix(), parameters)
        for sample_id, parameters in planned
    ]
    return carry_out(head_of(name, recipe, seed), recipe, jobs, folder, workers, reporter or Silence())


def head_of(name: str, recipe: Recipe, seed: int) -> Head:
    """What all samples of a set share that is made here and now."""
    versions = {"python": platform.python_version()}
    for distribution in ("restobench", *recipe.libraries):
        versions[distribution] = installed_version(distribution) or "unknown"
    # They come inside of Pillow: one is a degradation, the others compress what is written.
    for codec in ("libjpeg_turbo", "zlib", "zlib_ng"):
        if version := features.version(codec):
            versions[codec] = version
    return Head(name=name, recipe=MadeBy(name=recipe.name, revision=recipe.revision), seed=seed, versions=versions)


def find_source(source: Path, folder: Path) -> dict[str, Path]:
    """The clean pictures by id.

    Raises:
        RestobenchError: There are none, or the set's folder lies among them or they in it.
    """
    if not source.is_dir():
        problem = "is not a folder" if source.exists() else "does not exist"
        raise RestobenchError(f"The source {source} {problem}; name a folder of clean pictures.")
    inside, outside = source.resolve(), folder.resolve()
    if inside.is_relative_to(outside) or outside.is_relative_to(inside):
        raise RestobenchError(
            f"The clean pictures in {source} and the set in {folder} lie in each other: "
            "the set would become part of what it is made from. Name another folder with --output."
        )
    return find_pictures(source)


def _refuse_taken(name: str) -> None:
    for card, _ in dataset_cards().values():
        if name in card.aliases or (name == card.name and card.crops):
            raise RestobenchError(
                f"'{name}' already is the name of the data set '{card.title}'; choose another one: NAME@RECIPE."
            )


def carry_out(
    head: Head,
    recipe: Recipe,
    jobs: Sequence[Job],
    path: Path,
    workers: int | None,
    reporter: Reporter,
) -> MadeSet:
    """Make what is not there yet, then write manifest and card.

    Raises:
        RestobenchError: As `make_dataset`.
    """
    _refuse_sizes(recipe, jobs)
    folder = SetFolder(path)
    with folder.locked():
        found, known = folder.read()
        folder.refuse_another(found, head, {job.id for job in jobs})
        there = _still_there(folder, maker_of(recipe), jobs, known)
        todo = [job for job in jobs if job.id not in there]
        if not todo and folder.is_finished() and len(there) == len(known):
            return MadeSet(path, read_manifest(path / MANIFEST), made=0)
        if there:
            folder.refuse_other_versions(found, head)
            reporter.say(f"{head.name}: {len(there)} of {len(jobs)} are there")
        samples, failures = dict(there), []
        with (
            open_journal(path, head, there.values()) as journal,
            reporter.stage(f"{head.name}: making", len(todo)) as advance,
        ):
            for _, result in make_all(todo, recipe, folder, workers):
                if isinstance(result, RestobenchError):
                    failures.append(str(result))
                    advance(0, 1)
                else:
                    add_line(journal, result)
                    samples[result.id] = result
                    advance(1, 0)
        if failures:
            raise RestobenchError(
                f"{len(failures)} of {len(jobs)} pictures of the set in {path} could not be made; the others are kept. "
                "Mend or remove these clean pictures, and give the same command again:\n" + first_lines(failures)
            )
        return MadeSet(path, folder.finish(head, recipe, samples.values()), made=len(todo))


def _refuse_sizes(recipe: Recipe, jobs: Sequence[Job]) -> None:
    """Find what cannot be degraded before anything is made; headers alone are read."""
    wrong = []
    for job in jobs:
        size = picture_size(job.source)
        if size is None:
            wrong.append(f"{job.source} cannot be read as a picture.")
        elif misfit := recipe.misfit(*size):
            wrong.append(f"{job.source} is {misfit}.")
    if wrong:
        raise RestobenchError(first_lines(wrong))


def first_lines(lines: Sequence[str]) -> str:
    """The first five, and how many more there are."""
    rest = [f"... and {len(lines) - 5} more."] if len(lines) > 5 else []
    return "\n".join([*lines[:5], *rest])


def _still_there(
    folder: SetFolder, maker: Maker, jobs: Sequence[Job], known: dict[str, MadeSample]
) -> dict[str, MadeSample]:
    """The samples that were made of this very picture with these very values, and lie there unchanged."""

    def right(job: Job) -> bool:
        sample = known[job.id]
        described = job.name, job.parameters, maker.tags(job.parameters)
        same = described == (sample.source, sample.parameters, sample.tags)
        return same and sha256_of(job.source) == sample.source_sha256 and folder.has(sample)

    candidates = [job for job in jobs if job.id in known]
    found = read_ahead(candidates, right)
    return {job.id: known[job.id] for job, answer in found if answer is True}
