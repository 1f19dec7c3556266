"""What will be run: a grid of methods, checkpoints, seeds and data sets, decided before anything runs.

Reads cards, names and hashes; imports no method. What can be known to be wrong is an
error here, and what a run would do can be foretold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from restobench.cache import Cache
from restobench.card import Value
from restobench.dataset import Dataset, NotPreparedError, Sample, open_dataset
from restobench.environment import runs_folder
from restobench.errors import RestobenchError
from restobench.method import DTYPES, MethodChoice, choose_method
from restobench.metrics.protocol import protocol_metrics
from restobench.metrics.registry import Metric, choose_metrics
from restobench.patience import check_patience, refuse_time_limit
from restobench.provenance import best_device, precision
from restobench.reporter import Reporter
from restobench.restore import FailureLimit
from restobench.results import RunRecord, readable_runs
from restobench.store import RunFolder, RunIdentity, check_label
from restobench.suite import Asked, typed
from restobench.watched import digest, watched_files
from restobench.weights import refuse_altered

Existing = Literal["resume", "replace", "only"]
Executor = Literal["local", "ray"]
Weights = Mapping[str, str | Path] | Sequence[Mapping[str, str | Path]]
BASELINES = ("input", "bicubic")
"""What a method reads when nothing is done: at scale 1, and where pictures are to be enlarged."""
EXECUTORS: tuple[Executor, ...] = ("local", "ray")
EXISTING: tuple[Existing, ...] = ("resume", "replace", "only")


@dataclass(frozen=True)
class Options:
    """How runs are made. Of these only `seed`, `device`'s kind, `dtype` and `tf32` change a picture."""

    seed: int = 0
    seeds: int = 1
    """How many seeds, from `seed` on, each a run of its own."""
    device: str | None = None
    dtype: str = "float32"
    tf32: bool = False
    batch_size: int | None = 1
    """Pictures at a time; None: as many as make it quickest."""
    limit: int | None = None
    existing: Existing = "resume"
    max_failures: FailureLimit | None = None
    retries: int = 0
    """How often a picture that failed is tried again."""
    timeout: float | None = None
    """Seconds that a picture may take."""
    runs: Path = field(default_factory=runs_folder)
    executor: Executor = "local"
    address: str | None = None
    """Of a Ray cluster; None: one is started on this machine."""
    workers: int | None = None
    """Of the cluster; None: one a device."""

    def check(self) -> None:
        """Raises RestobenchError where a value cannot be."""
        for name, value in (
            ("batch-size", self.batch_size),
            ("limit", self.limit),
            ("seeds", self.seeds),
            ("workers", self.workers),
        ):
            if value is not None and value < 1:
                raise RestobenchError(f"--{name} must be at least 1, not {value}.")
        check_patience(self.retries, self.timeout)
        if self.dtype not in DTYPES:
            raise RestobenchError(f"--dtype must be one of {', '.join(DTYPES)}, not {self.dtype!r}.")
        if self.executor not in EXECUTORS:
            raise RestobenchError(f"--executor must be one of {', '.join(EXECUTORS)}, not {self.executor!r}.")
        if self.executor == "local" and (self.workers or self.address):
            raise RestobenchError("--workers and --address are of a cluster; say --executor ray with them.")
        if self.executor == "ray" and ":" in (self.device or ""):
            raise RestobenchError(f"Ray gives each worker a card of its own: --device cuda, not {self.device}.")
        if self.existing not in EXISTING:
            raise RestobenchError(f"--existing must be one of {', '.join(EXISTING)}, not {self.existing!r}.")


class Work(NamedTuple):
    """What a run has to do."""

    restore: list[Sample]
    take_over: dict[str, RunFolder]
    """By sample, the run of the same method that made its picture from the same input."""
    already: int
    """Samples that have their picture."""


@dataclass(frozen=True)
class PlannedRun:
    """One cell of the grid: what will be run and where it will lie."""

    choice: MethodChoice
    dataset: Dataset
    fingerprint: str
    identity: RunIdentity
    seed: int

    @property
    def title(self) -> str:
        """`method@variant on dataset`, with the seed where it matters."""
        seed = f", seed {self.seed}" if self.choice.takes_seed and self.seed else ""
        return f"{self.choice.label}@{self.choice.variant} on {self.dataset.name}{seed}"

    def folder(self, options: Options) -> RunFolder:
        """The run's own folder; with `--existing only` also one that other source files made.

        Raises:
            RestobenchError: With `--existing only`, where there is neither.
        """
        folder = self.identity.folder(options.runs)
        if options.existing != "only" or folder.run_path.exists():
            return folder
        others = self.by_other_sources(options)
        if not others:
            raise RestobenchError(f"There are no pictures of {self.title} in {options.runs}; leave --existing out.")
        return max(others, key=lambda record: record.finished).folder

    def by_other_sources(self, options: Options) -> list[RunRecord]:
        """Runs that differ from this one in the method's source files alone."""
        own = self.identity.folder(options.runs).path
        shared = self.identity.key.rpartition("-")[0]
        folders = [RunFolder(path.parent) for path in own.parent.glob(f"{shared}-*/run.json") if path.parent != own]
        return readable_runs(folder for folder in folders if not folder.is_imported)

    def imported(self, options: Options) -> list[RunFolder]:
        """Runs of this very key that came in archives. They lie beside the run's own folder and are never reused."""
        own = self.identity.folder(options.runs).path
        found = (RunFolder(path.parent) for path in sorted(own.parent.glob(f"{own.name}-*/run.json")))
        return [folder for folder in found if folder.is_imported]

    def starts_anew(self, options: Options) -> bool:
        """Whether the pictures that are there are made again: on request, or because nothing tells what made them."""
        return options.existing == "replace" or (options.existing == "resume" and bool(self.choice.never_reused))

    def work(self, folder: RunFolder, options: Options, cache: Cache) -> Work:
        """What there is of the samples that are asked for, what can be taken over, what must be restored."""
        asked = self.dataset.samples[: options.limit]
        if self.starts_anew(options):
            return Work(list(asked), {}, 0)
        there = folder.restored_ids()
        absent = [sample for sample in asked if sample.id not in there]
        already = len(asked) - len(absent)
        if options.existing == "only":
            return Work([], {}, already)
        elsewhere = self._made_elsewhere([sample.id for sample in absent], options, cache)
        return Work([sample for sample in absent if sample.id not in elsewhere], elsewhere, already)

    def _made_elsewhere(self, ids: Sequence[str], options: Options, cache: Cache) -> dict[str, RunFolder]:
        """By sample, a run of the same method that made a picture from the same input.

        One mended picture of 3,000 makes another data set, and must not cost 3,000 restorations.
        """
        own = self.identity.folder(options.runs).path
        wanted = {key: value for key, value in self.identity.determinants.items() if key != "dataset"}
        found: dict[str, RunFolder] = {}
        paths = sorted(own.parent.glob("*/inputs.json")) if ids else []
        folders = [RunFolder(path.parent) for path in paths if path.parent != own]
        for other in readable_runs(folder for folder in folders if not folder.is_imported):
            made = {key: value for key, value in other.run["determinants"].items() if key != "dataset"}
            if (made, other.run["sources"]) == (wanted, self.identity.sources):
                inputs, known = self.dataset.inputs(cache), other.folder.read_inputs()
                there = other.folder.restored_ids()
                found |= {i: other.folder for i in ids if i in there and known.get(i) == inputs[i]}
        return found


def plan(
    methods: Sequence[str],
    datasets: Sequence[str | Path],
    options: Options,
    cache: Cache,
    *,
    settings: Mapping[str, Value] | None = None,
    weights: Weights = (),
    label: str | None = None,
    scale: int | None = None,
    baseline: bool = True,
    reporter: Reporter | None = None,
) -> list[PlannedRun]:
    """Decide every run of a grid, the baselines first.

    What a method reads when nothing is done is always a row: `input` at scale 1, else
    `bicubic`. A method that draws no noise is run once, however many seeds are asked for.

    Args:
        methods: Names, with or without `@variant`.
        datasets: Names, folders or URLs.
        options: Seeds, device, precision and the like.
        cache: Where hashes of files are kept.
        settings: Of the one method.
        weights: Of the one method: files by part ("" for the only one), or several such
            mappings, each a run of its own.
        label: What the one method's rows are called.
        scale: For folders without clean pictures.
        baseline: Whether to add the row of doing nothing.
        reporter: Who hears how data sets come from where they lie.

    Raises:
        RestobenchError: An unknown name, a wrong setting, a method that does not fit a data
            set (with the reason), or data that are missing.
    """
    asked = typed(methods, settings, weights, label)
    return plan_grid(asked, datasets, options, cache, scale=scale, baseline=baseline, reporter=reporter)


def plan_grid(
    asked: Sequence[Asked],
    datasets: Sequence[str | Path],
    options: Options,
    cache: Cache,
    *,
    scale: int | None = None,
    baseline: bool = True,
    reporter: Reporter | None = None,
) -> list[PlannedRun]:
    """As `plan`, of methods of which each has settings, weights and a name of its own.

    Raises:
        RestobenchError: As `plan` does, or two runs would be rows of one name.
    """
    options.check()
    _refuse_absent(asked)
    named = [(choice, one.label) for one in asked for choice in _choose(one)]
    for choice, label in named:
        _check_foreign(choice, label, options)
    choices = [choice for choice, _ in named]
    opened = _open(datasets, choices, scale, reporter)
    misfits = [
        f"'{choice.label}' cannot run on '{dataset.name}': {reason}."
        for dataset in opened
        for choice in choices
        if (reason := choice.misfit(task=dataset.task, scale=dataset.scale, has_mask=dataset.has_mask))
    ]
    if misfits:
        raise RestobenchError("\n".join(misfits))
    for dataset in opened:
        if inside := dataset.folder_around(options.runs):
            raise RestobenchError(
                f"The runs folder {options.runs} lies inside {inside}, so that every run would become part of the "
                "data set; choose another one with --runs, or move the pictures into a folder called lq."
            )
    planned: dict[tuple[str, str, str], PlannedRun] = {}
    for dataset in opened:
        fingerprint = dataset.fingerprint(cache)
        first = [choose_method(BASELINES[dataset.scale > 1])] if baseline else []
        for choice in [*first, *choices]:
            for seed in range(options.seed, options.seed + (options.seeds if choice.takes_seed else 1)):
                one = _planned(choice, dataset, fingerprint, seed, options, cache)
                planned.setdefault((dataset.reference, choice.label, one.identity.key), one)
    _refuse_one_name(list(planned.values()))
    return list(planned.values())


def _refuse_absent(asked: Sequence[Asked]) -> None:
    """Name all files that are not there at once: a suite may want a dozen, each a training of days.

    Raises:
        RestobenchError: There are several such files; of one, `choose_method` says more.
    """
    files = dict.fromkeys(str(file) for one in asked for weights in one.weights for file in weights.values())
    absent = [file for file in files if not Path(file).expanduser().exists()]
    if len(absent) > 1:
        raise RestobenchError("\n".join([f"{len(absent)} of {len(files)} files of weights do not exist:", *absent]))


def _refuse_one_name(planned: Sequence[PlannedRun]) -> None:
    """Tables have one row of a name, and would show one of several such runs."""
    keys: dict[tuple[str, str], str] = {}
    for one in planned:
        if keys.setdefault((one.dataset.reference, one.title), one.identity.key) != one.identity.key:
            raise RestobenchError(
                f"Several runs would be called {one.title}, and tables show one of a name. Give each a name of its "
                "own: --as NAME, or in a suite as = 'NAME-{SETTING}'."
            )


def _open(
    datasets: Sequence[str | Path], choices: Sequence[MethodChoice], scale: int | None, reporter: Reporter | None
) -> list[Dataset]:
    """Open the data sets. Where some are not on this machine, say with them what the methods lack."""
    opened, absent = [], []
    for reference in dict.fromkeys(datasets):
        try:
            opened.append(open_dataset(reference, scale=scale, reporter=reporter))
        except NotPreparedError as error:
            absent.append(str(error))
    if absent:
        lacks = dict.fromkeys(lack for choice in choices if (lack := choice.lack()))
        raise RestobenchError("\n".join([*absent, *lacks]))
    return opened


def _check_foreign(choice: MethodChoice, label: str | None, options: Options) -> None:
    """What a program of somebody else's must have, which a method of ours has by itself."""
    if options.timeout:
        refuse_time_limit(choice)
    if choice.command and not label:
        raise RestobenchError(f"'{choice.name}' can be any program; say what its rows are called: --as NAME.")
    if choice.command and options.seeds > 1 and not choice.takes_seed:
        raise RestobenchError(
            f"{options.seeds} seeds would make one picture {options.seeds} times: the setting '{choice.command}' "
            "lacks {seed}. Write it where the program reads its seed, or leave --seeds out."
        )


def _choose(asked: Asked) -> list[MethodChoice]:
    """The method with each set of weights; several sets are checkpoints of one family."""
    name, settings, weights, label = asked
    if label is not None:
        check_label(label)
    if len(weights) < 2:
        return [choose_method(name, settings=settings, weights=weights[0] if weights else None, label=label)]
    choices = [choose_method(name, settings=settings, weights=files, label=label) for files in weights]
    shared = set.intersection(*(set(map(str, files.values())) for files in weights))
    own = [next((Path(file) for file in files.values() if str(file) not in shared), Path()) for files in weights]
    names = [path.stem for path in own]
    if len(set(names)) < len(names):
        names = [f"{path.parent.name}-{path.stem}" for path in own]
    if len(set(names)) < len(names):
        raise RestobenchError("Two checkpoints have one name and one folder name; run them one by one with --as.")
    return [
        replace(choice, label=check_label(f"{choice.label}-{checkpoint}"), family=choice.label, checkpoint=checkpoint)
        for choice, checkpoint in zip(choices, names, strict=True)
    ]


def _planned(
    choice: MethodChoice, dataset: Dataset, fingerprint: str, seed: int, options: Options, cache: Cache
) -> PlannedRun:
    weights = cache.hashes(path for files in choice.weight_files.values() for path in files.values())
    refuse_altered(choice.name, choice.parts, weights)
    watched = watched_files(choice.declared_files, besides=options.runs)
    contents = cache.hashes(path for files in watched.values() for path in files)
    determinants: dict[str, Any] = {
        "method": choice.name,
        "variant": choice.variant,
        "revision": choice.card.revision,
        "settings": {name: value for name, value in choice.settings.items() if choice.card.settings[name].in_key},
        "weights": choice.weight_hashes(weights),
        # What draws no noise has no seed, and is the same run for every one.
        "seed": seed if choice.takes_seed else None,
        "dataset": fingerprint,
        "scale": dataset.scale,
        **precision(options.device or best_device(), options.dtype, options.tf32),
    }
    if watched:
        determinants["files"] = {declared: digest(files, contents) for declared, files in watched.items()}
    identity = RunIdentity(dataset.name, choice.label, choice.variant, determinants, choice.source_hash())
    return PlannedRun(choice, dataset, fingerprint, identity, seed)


def refuse_missing_weights(planned: Sequence[PlannedRun]) -> None:
    """Say what all runs lack before the first begins: the last of them may come hours later.

    Raises:
        RestobenchError: Weights are missing; of each method what, and what to do.
    """
    lacks = dict.fromkeys(lack for one in planned if (lack := one.choice.lack()))
    if lacks:
        raise RestobenchError("\n".join(lacks))


def metrics_for(dataset: Dataset, names: Sequence[str] | None) -> list[Metric]:
    """The metrics asked for; where none were named, those of the data set's protocol."""
    return choose_metrics(names) if names is not None else protocol_metrics(dataset.protocol)
