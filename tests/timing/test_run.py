"""From names to records, with the processes' work done in this one, by few calls."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from restobench.benchmark import run
from restobench.planning import Options
from restobench.timing.child import outcome_of
from restobench.timing.job import Job, Outcome
from restobench.timing.measure import QUICK
from restobench.timing.record import kept_records
from restobench.timing.run import time_methods

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def options(tmp_path: Path) -> Iterator[Options]:
    tf32 = torch.backends.cuda.matmul.allow_tf32
    yield Options(device="cpu", runs=tmp_path / "runs")
    torch.backends.cuda.matmul.allow_tf32 = tf32


def at_once(job: Job) -> Outcome:
    """As the other process would, in a few calls."""
    return outcome_of(replace(job, rules=replace(QUICK, calls=3)))


@pytest.fixture
def nine(make_pairs: object) -> Path:
    folder: Path = make_pairs([f"s{number}" for number in range(9)], name="nine")  # type: ignore[operator]
    return folder


def test_methods_become_records_that_are_found_again(nine: Path, options: Options) -> None:
    """Latency at batch 1; throughput at the batch of the ladder; every round in its place."""
    timed = time_methods(["bicubic", "nearest"], nine, options, do=at_once)

    assert timed.problems == {}
    assert {(one.label, one.scenario) for one in timed.records} == {
        ("bicubic", "latency"),
        ("bicubic", "throughput"),
        ("nearest", "latency"),
        ("nearest", "throughput"),
    }
    assert sorted(one.path(options.runs) for one in kept_records(options.runs)) == sorted(timed.kept)
    for one in timed.records:
        assert len(one.figures["rounds"]) == len(one.first_call_seconds) == 3
        assert one.figures["calls"] == 9
        assert (one.size, one.restored_size) == ((17, 13), (34, 26))
        assert one.state["hardware"]["cpu"] == one.device
        assert one.state["precision"]["dtype"] == "float32"
        if one.scenario == "throughput":
            assert list(one.ladder) == ["1", "2", "4", "8", "16", "32", "64"]
            assert str(one.batch) in one.ladder
            assert one.batch_asked is None
        else:
            assert one.batch == 1


def test_the_ordinary_run_stands_beside_as_end_to_end(nine: Path, options: Options) -> None:
    """Of the same pictures at the same size alone."""
    run("bicubic", nine, metrics=["psnr"], options=options)

    own = time_methods(["bicubic"], nine, options, scenarios=["latency"], do=at_once)
    other = time_methods(["bicubic"], nine, options, size=(20, 20), scenarios=["latency"], do=at_once)

    assert own.records[0].end_to_end
    assert own.records[0].end_to_end["pictures"] == 9
    assert own.records[0].end_to_end["seconds"] > 0
    assert other.records[0].end_to_end is None


def test_a_method_that_fails_is_told_and_the_other_has_its_row(nine: Path, options: Options, tmp_path: Path) -> None:
    """By name, with the reason."""
    (tmp_path / "broken.py").write_text(
        "class Broken:\n    def __init__(self, setup):\n        pass\n\n"
        "    def restore(self, lq, noise, mask=None):\n        raise ValueError('no such layer')\n"
    )

    timed = time_methods([f"{tmp_path}/broken.py:Broken", "bicubic"], nine, options, scenarios=["latency"], do=at_once)

    assert [one.label for one in timed.records] == ["bicubic"]
    assert timed.problems == {"broken@default, latency": "ValueError: no such layer"}


def test_a_few_calls_are_no_record(nine: Path, options: Options) -> None:
    """What is kept was measured by the protocol."""
    timed = time_methods(["bicubic"], nine, options, scenarios=["latency"], rules=QUICK, do=at_once)

    assert timed.records[0].marks[-1] == "quick"
    assert timed.kept == []
    assert kept_records(options.runs) == []
