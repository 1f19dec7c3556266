"""`leaderboard explain`: the published numbers that differ from ours, tried in other ways on the stored pictures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from restobench.attribution.deciding import AT_LEAST, Attribution, Trial, attribute
from restobench.attribution.variants import Scorer, Variant, variants_of
from restobench.cache import Cache
from restobench.dataset import Dataset, open_dataset, other_revisions
from restobench.errors import RestobenchError, unknown_name
from restobench.evaluate import why_not
from restobench.image import read_array, to_tensor
from restobench.leaderboard.assemble import assemble
from restobench.leaderboard.board import Beside
from restobench.leaderboard.published import Published
from restobench.leaderboard.verdict import seed_allowance
from restobench.metrics.registry import choose_metrics
from restobench.results import RunRecord

_UNEXPLAINED = ("differs", "close", "compatible")
"""Verdicts that leave something to explain."""
_SHOWN = 5
"""Variants, the nearest first."""
_A_CELL = "A cell is METHOD@VARIANT/DATASET/METRIC, as in the tables of 'restobench leaderboard build'."


@dataclass(frozen=True)
class Explained:
    """What there is to say of one cell."""

    cell: str
    beside: Beside
    attribution: Attribution
    left_out: dict[str, str]
    """By metric that could not be tried: why."""

    def lines(self) -> list[str]:
        """In words, for people."""
        found, metric = self.attribution, self.cell.rpartition("/")[2]
        trial = found.trial
        lines = [
            f"{self.cell}: {self.beside.value} printed by {self.beside.paper} (table {self.beside.tables}), "
            f"{trial.measured:.5g} measured: {self.beside.verdict}."
        ]
        cells = f"{found.explained} of {found.tried} cells of {self.beside.paper} that differ"
        if found.causes:
            ways = " or ".join(variant.text(metric) for variant in found.causes)
            together = "; these cannot be told apart here" if len(found.causes) > 1 else ""
            lines.append(f"Explained by: {ways}. It gives {cells}, as printed{together}.")
        else:
            lines.append(
                f"No cause is named: that takes one way of scoring that gives {AT_LEAST} cells and more than half of "
                f"those that differ; the best gives {cells}. Nearest, which may be chance:"
            )
        for variant in found.nearest[:_SHOWN]:
            apart = trial.values[variant] - trial.published
            lines.append(f"    {trial.values[variant]:.5g} ({apart:+.2g}): {variant.text(metric)}")
        return [*lines, *(f"not tried: {name}: {why}" for name, why in self.left_out.items())]

    def as_row(self) -> dict[str, Any]:
        """For programs."""
        found, metric = self.attribution, self.cell.rpartition("/")[2]
        return {
            "cell": self.cell,
            "paper": self.beside.paper,
            "published": self.beside.value,
            "measured": found.trial.measured,
            "verdict": str(self.beside.verdict),
            "causes": [variant.text(metric) for variant in found.causes],
            "explained": found.explained,
            "tried": found.tried,
            "nearest": [
                {"way": variant.text(metric), "value": found.trial.values[variant]} for variant in found.nearest
            ],
            "not_tried": self.left_out,
        }


@dataclass(frozen=True)
class _Candidate:
    cell: str
    beside: Beside
    measured: float
    allowance: float
    """What another seed may do."""
    records: tuple[RunRecord, ...]


def explain_cell(
    cell: str,
    records: Sequence[RunRecord],
    published: Published,
    cache: Cache,
    *,
    paper: str = "",
    advance: Callable[[str], None] | None = None,
) -> Explained:
    """Find what explains the difference between a published number and ours.

    Args:
        cell: `METHOD@VARIANT/DATASET/METRIC`, as leaderboards call them.
        records: Every run there is; the pictures of those that differ are scored again.
        published: What papers print.
        cache: Where values are looked up and kept.
        paper: Whose number, where several print one.
        advance: Called with each cell before its pictures are scored.

    Raises:
        RestobenchError: No such cell, no number beside it or nothing to explain; or pictures are not there.
    """
    if cell.count("/") < 2:
        raise RestobenchError(f"{cell!r} is no cell. {_A_CELL}")
    metric = cell.rpartition("/")[2]
    choose_metrics([metric])
    candidates = _candidates(records, published, metric)
    beside = _asked(cell, candidates, paper)
    # One paper's program scored them all; another's may have done otherwise.
    same = [one for one in candidates if one.beside.paper == beside.paper and _is_open(one)]
    trials: list[Trial] = []
    left_out: dict[str, str] = {}
    for one in same:
        if advance:
            advance(one.cell)
        values, lacking = _values(one.records, metric, cache)
        values |= _elsewhere(one.records[0], records, metric)
        left_out |= lacking
        trials.append(_trial(one, values))
    return Explained(cell, beside, attribute(trials, cell), left_out)


def _candidates(records: Sequence[RunRecord], published: Published, metric: str) -> list[_Candidate]:
    """Every measured cell of the metric with a published number beside it."""
    board = assemble(records, published, demonstrations=True)
    by_name: dict[tuple[str, str, str], list[RunRecord]] = {}
    for record in records:
        by_name.setdefault((record.method, record.dataset, record.run["dataset"]["fingerprint"][:12]), []).append(
            record
        )
    called = _called({column.pictures for table in board.tables for column in table.columns})
    found = []
    for table in board.tables:
        for row, column, cell in table.cells():
            if column.metric == metric and cell.mean is not None:
                runs = by_name[row.method, column.dataset, column.fingerprint]
                complete = tuple(record for record in runs if record.complete and record.summary)
                found += [
                    _Candidate(
                        f"{row.method}/{called[column.pictures]}/{metric}",
                        beside,
                        cell.mean,
                        seed_allowance(len(complete), cell.seed_std),
                        complete,
                    )
                    for beside in cell.published
                    if beside.verdict
                ]
    return found


def _called(pictures: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
    """What sets of pictures are called in cells: by name, where several have it with revision, or all that there is."""
    names = {one: (one[0], "@".join(one[:2]), f"{'@'.join(one[:2])} ({one[2]})") for one in pictures}
    held = Counter(name for candidates in names.values() for name in candidates)
    return {one: next(name for name in candidates if held[name] == 1) for one, candidates in names.items()}


def _asked(cell: str, candidates: Sequence[_Candidate], paper: str) -> Beside:
    metric = cell.rpartition("/")[2]
    known = [one for one in candidates if one.cell == cell and paper in ("", one.beside.paper)]
    if not candidates:
        raise RestobenchError(
            f"No paper prints a number for {cell}, nor for another {metric} of these runs: there is nothing "
            f"to compare.\n{_A_CELL}"
        )
    if not known:
        raise unknown_name(
            "cell with a measured and a published number", cell, {one.cell for one in candidates}, _A_CELL
        )
    different = [one for one in known if _is_open(one)]
    if not different:
        words = ", ".join(f"{one.beside.value} ({one.beside.paper}): {one.beside.verdict}" for one in known)
        raise RestobenchError(f"There is nothing to explain about {cell}: {words}.")
    if len({one.beside.paper for one in different}) > 1:
        papers = ", ".join(sorted({one.beside.paper for one in different}))
        raise RestobenchError(f"Several papers print a number for {cell}: {papers}. Say which with --paper.")
    return different[0].beside


def _is_open(one: _Candidate) -> bool:
    return one.beside.verdict is not None and one.beside.verdict.word in _UNEXPLAINED


def _trial(one: _Candidate, values: dict[Variant, float]) -> Trial:
    digits = len(one.beside.value.partition(".")[2])
    return Trial(one.cell, float(one.beside.value), 0.5 * 10.0**-digits + one.allowance, one.measured, values)


def _values(records: Sequence[RunRecord], metric: str, cache: Cache) -> tuple[dict[Variant, float], dict[str, str]]:
    """Each variant's number: the mean over pictures, and over seeds."""
    by_seed = []
    lacking: dict[str, str] = {}
    for record in records:
        dataset = open_dataset(record.run["dataset"]["reference"])
        found = dataset.fingerprint(cache)
        if found != record.run["dataset"]["fingerprint"]:
            raise RestobenchError(
                f"'{dataset.name}' has changed since {record.folder.path} was made; get the old data set back first."
            )
        values, left_out = score_variants(record, dataset, variants_of(metric, dataset.scale), cache)
        values |= _against_others(record, dataset, metric, cache)
        by_seed.append(values)
        lacking |= left_out
    shared = [variant for variant in by_seed[0] if all(variant in values for values in by_seed)]
    return {variant: math.fsum(values[variant] for values in by_seed) / len(by_seed) for variant in shared}, lacking


def _against_others(record: RunRecord, dataset: Dataset, metric: str, cache: Cache) -> dict[Variant, float]:
    """The same pictures as other revisions of the data set would have them scored: fewer, or other clean pictures.

    That can be told only where each of a revision's inputs is one that was restored.
    """
    inputs = dataset.inputs(cache)
    values: dict[Variant, float] = {}
    for other in other_revisions(dataset):
        if all(inputs.get(sample_id) == sha256 for sample_id, sha256 in other.inputs(cache).items()):
            found, _ = score_variants(record, other, [Variant(metric)], cache)
            values |= {Variant(metric, revision=other.revision): value for value in found.values()}
    return values


def _elsewhere(own: RunRecord, records: Sequence[RunRecord], metric: str) -> dict[Variant, float]:
    """What the method's runs on other revisions of the data set were scored, by revision."""
    means: dict[str, list[float]] = {}
    for record in records:
        revision = record.run["dataset"]["revision"]
        same = (record.method, record.dataset) == (own.method, own.dataset)
        if same and record.complete and revision != own.run["dataset"]["revision"]:
            means.setdefault(revision, []).extend(
                row["mean"] for row in record.summary if row["metric"] == metric and row["mean"] is not None
            )
    return {Variant(metric, revision=name): math.fsum(all_) / len(all_) for name, all_ in means.items() if all_}


def score_variants(
    record: RunRecord, dataset: Dataset, variants: Sequence[Variant], cache: Cache
) -> tuple[dict[Variant, float], dict[str, str]]:
    """The mean of each variant over a run's stored pictures, and the metrics that could not be tried.

    Raises:
        RestobenchError: A picture is missing or cannot be read.
    """
    metrics = {metric.name: metric for metric in choose_metrics(variant.metric for variant in variants)}
    reasons = {name: why_not(metric, dataset) for name, metric in metrics.items()}
    scorer = Scorer([variant for variant in variants if not reasons[variant.metric]])
    pictures = {sample.id: record.folder.picture(sample.id) for sample in dataset.samples}
    if gone := next((path for path in pictures.values() if not path.exists()), None):
        raise RestobenchError(f"The picture {gone} is not there, and other ways of scoring need it: run it again.")
    sha256 = cache.hashes([*pictures.values(), *(sample.gt for sample in dataset.samples if sample.gt)])
    pairs = {
        sample.id: (sha256[pictures[sample.id]], sha256[sample.gt] if sample.gt else "") for sample in dataset.samples
    }
    prints = {name: metric.identified(cache).fingerprint for name, metric in metrics.items() if not reasons[name]}
    keys = {
        variant: f"{prints[variant.metric]}|border={variant.border}|change={variant.change}"
        for variant in scorer.variants
    }
    known = {
        variant: cache.values(key, list(pairs.values()))
        for variant, key in keys.items()
        if scorer.card_of(variant).kind != "set"
    }
    for number, sample in enumerate(dataset.samples):
        pair = pairs[sample.id]
        wanted = [
            variant
            for variant in scorer.variants
            if variant not in scorer.failed
            and (pair not in known[variant] if variant in known else _among_the_first(scorer, variant, number))
        ]
        if not wanted:
            continue
        restored = to_tensor(read_array(pictures[sample.id]))[None]
        gt = to_tensor(read_array(sample.gt))[None] if sample.gt else None
        for variant, value in scorer.score(restored, gt, wanted).items():
            cache.keep(keys[variant], {pair: value})
            known[variant][pair] = value
    means = dict(scorer.of_sets())
    for variant, values in known.items():
        counted = [value for pair in pairs.values() if _counts(scorer, variant, value := values.get(pair, math.nan))]
        if counted and variant not in scorer.failed:
            means[variant] = math.fsum(counted) / len(counted)
    lacking = {name: why for name, why in reasons.items() if why} | scorer.left_out
    lacking |= {variant.text(variant.metric): why for variant, why in scorer.failed.items()}
    return means, lacking


def _among_the_first(scorer: Scorer, variant: Variant, number: int) -> bool:
    """Whether a set-level metric is over this sample too."""
    first = scorer.card_of(variant).first
    return first is None or number < first


def _counts(scorer: Scorer, variant: Variant, value: float) -> bool:
    """Whether a value is in the mean, as elsewhere: what is infinite, or tells that two pictures are one, is not."""
    below = scorer.card_of(variant).identical_below
    return math.isfinite(value) and (below is None or value >= below)
