"""Runs that lie beneath what their method was given: seldom what was meant, and pointed out.

Reads what evaluation left, and computes no metric.
"""

from __future__ import annotations

from collections.abc import Sequence

from restobench.benchmark import RunResult
from restobench.compare import means_on_common_samples
from restobench.metrics.registry import choose_metrics
from restobench.planning import BASELINES


def worse_than_their_input(results: Sequence[RunResult]) -> list[str]:
    """A sentence for each run that every full-reference metric puts below its input, itself or enlarged by bicubic.

    A method may well lose in PSNR what it wins in LPIPS; one that loses in all of them seldom does what was meant.
    """
    fingerprints = [result.record.run["dataset"]["fingerprint"] for result in results]
    inputs = {
        fingerprint: result
        for fingerprint, result in zip(fingerprints, results, strict=True)
        if result.record.run["label"] in BASELINES
    }
    notes = []
    for fingerprint, result in zip(fingerprints, results, strict=True):
        other = inputs.get(fingerprint)
        if other is None or other is result:
            continue
        means = means_on_common_samples(result.record, other.record)
        compared = [
            metric
            for metric in choose_metrics(result.metrics)
            if metric.card.kind == "full-reference" and metric.card.reference == "clean"
            if metric.name in means
        ]
        sign = {"higher": 1, "lower": -1}
        # Ours and theirs, each.
        if compared and all(sign[one.card.better] * (means[one.name][0] - means[one.name][1]) < 0 for one in compared):
            numbers = ", ".join("{} {:.4g} against {:.4g}".format(one.name, *means[one.name]) for one in compared)
            notes.append(
                f"{result.record.name} scores worse than {other.record.method}, its input: {numbers}. "
                "Are these the pictures that were meant?"
            )
    return notes
