"""What run.json and timing.json say of a run, kept true while it is restored."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from restobench.conformance.record import known_record
from restobench.files import written_whole
from restobench.planning import Options, PlannedRun
from restobench.provenance import best_device, git_commit, hardware, versions
from restobench.restore import Restored
from restobench.store import RunFolder, now


class Session:
    """One go at restoring a run; earlier goes at the same run are kept beside it."""

    def __init__(
        self,
        planned: PlannedRun,
        folder: RunFolder,
        options: Options,
        *,
        audit: Mapping[str, Any],
        workers: Sequence[Mapping[str, Any]] = (),
        earlier: dict[str, Any] | None,
    ) -> None:
        """Begin it; writes nothing yet.

        Args:
            planned: What is run.
            folder: Where, its lock held by the caller.
            options: How.
            audit: What the method said of its weights when it was built.
            workers: The hardware of each worker of a cluster; none where this process restores.
            earlier: run.json as the sessions before left it; None: this is the first.
        """
        choice = planned.choice
        device = options.device or best_device()
        self._planned = planned
        self._folder = folder
        self._seconds = folder.read_timing()
        self._failed = dict(earlier["samples"]["failed"]) if earlier else {}
        self._limit = widest_limit(earlier, options.limit)
        self._now: dict[str, Any] = {
            "started": now(),
            "batch_size": options.batch_size or "auto",
            "hardware": workers[0] if workers else hardware(device),
            "versions": versions(choice.plugin.distribution),
            "commit": git_commit(choice.plugin.folder),
        }
        if workers:
            self._now["workers"] = workers
        # A record is of sources that we can see, without TF32.
        unrecorded = options.tf32 or choice.command
        self.conformance = None if unrecorded else known_record(choice, device, options.dtype)
        self._run = {
            "label": choice.label,
            "variant": choice.variant,
            "family": choice.family,
            "checkpoint": choice.checkpoint,
            "method": {
                "name": choice.name,
                "title": choice.card.title,
                "licence": choice.card.licence,
                "training_data": choice.card.training_data,
                "package": choice.plugin.distribution,
                "weights": {part: str(path) for part, path in choice.weights.items()},
                "audit": dict(audit),
            },
            "demonstration": choice.card.demonstration,
            "dataset": planned.dataset.describe() | {"fingerprint": planned.fingerprint},
            "determinants": planned.identity.determinants,
            "sources": planned.identity.sources,
            "conformance": self.conformance,
            "finished": None,
            "sessions": [*(earlier["sessions"] if earlier else []), self._now],
        }

    def take_over(self, pictures: Mapping[str, RunFolder]) -> None:
        """Copy pictures and their times from other runs of the same method, by sample."""
        times = {other: other.read_timing() for other in set(pictures.values())}
        for sample_id, other in pictures.items():
            with written_whole(self._folder.picture(sample_id)) as beside:
                shutil.copyfile(other.picture(sample_id), beside)
            if sample_id in times[other]:
                self._seconds[sample_id] = times[other][sample_id]
        self._now["taken_over"] = Counter(str(other.path) for other in pictures.values())

    def save(self, outcome: Restored) -> None:
        """Write what is known so far. Only pictures that are there count, whatever was meant to be written."""
        there = self._folder.restored_ids()
        seconds = self._seconds | outcome.seconds
        # Times first: a picture without one costs nothing, a run.json ahead of them would lie.
        self._folder.write_timing(
            {sample_id: seconds[sample_id] for sample_id in seconds if sample_id in there}, self._planned.choice.timing
        )
        failed = self._failed | outcome.failures
        self._run["samples"] = {
            "total": len(self._planned.dataset.samples),
            "limit": self._limit,
            "restored": len(there),
            "failed": {sample_id: text for sample_id, text in failed.items() if sample_id not in there},
        }
        self._folder.write_run(self._run)

    def finish(self, outcome: Restored) -> None:
        """Write what came of it, and how long it took."""
        self._run["finished"] = now()
        restored, timing = len(outcome.seconds), self._planned.choice.timing
        self._now |= {
            "finished": self._run["finished"],
            "restored": restored,
            "timing": timing,
            "batch_size": outcome.batch_size or self._now["batch_size"],
            "method_seconds": sum(outcome.seconds.values()) if timing == "method" else None,
            "wall_seconds": outcome.wall_seconds,
            "seconds_per_picture": outcome.wall_seconds / restored if restored else None,
            "pictures_per_second": restored / outcome.wall_seconds if outcome.wall_seconds else None,
            "notes": outcome.notes,
        }
        self.save(outcome)


def widest_limit(earlier: dict[str, Any] | None, limit: int | None) -> int | None:
    """The larger limit of the sessions so far: what was tried once is not untried by asking for less."""
    before = earlier["samples"].get("limit", 0) if earlier else 0
    return None if limit is None or before is None else max(limit, before)


def close_killed_session(folder: RunFolder, run: dict[str, Any], limit: int | None) -> None:
    """Put run.json right where nothing is left to restore.

    A writer that was killed after its last picture could not say so any more, and a wider
    limit may have been asked for since.
    """
    samples = run["samples"] | {"limit": widest_limit(run, limit), "restored": len(folder.restored_ids())}
    if samples != run["samples"] or not run["finished"]:
        folder.write_run(run | {"samples": samples, "finished": run["finished"] or now()})
