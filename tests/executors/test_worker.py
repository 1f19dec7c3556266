from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from restobench.dataset import open_dataset
from restobench.errors import RestobenchError
from restobench.executors.worker import Job, Order, Started, Worker
from restobench.method import choose_method
from restobench.provenance import versions
from restobench.restore import Restored

MakePairs = Callable[..., Path]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def order(**changed: object) -> Order:
    choice = choose_method("bicubic")
    Path("writer.json").write_text("it is me")
    plain = Order(
        choice, "cpu", "float32", False, 2, Path("log"), choice.source_hash(), Path("writer.json"), "it is me"
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def test_an_actor_restores_shards(make_pairs: MakePairs, one_thread: None) -> None:
    """It says what it is, writes pictures, and tells times and failures as the local run does."""
    folder = make_pairs(["a", "b", "c"])
    (folder / "lq" / "b.png").write_text("no picture")
    worker = Worker()

    started = worker.start(order(), threads=1)
    outcome = worker.restore(open_dataset(folder).samples, Job(Path("out").joinpath, 2, 0, None, 0, None))

    assert isinstance(started, Started)
    assert started.hardware["device"] == "cpu"
    assert isinstance(outcome, Restored)
    assert (sorted(outcome.seconds), list(outcome.failures)) == (["a", "c"], ["b"])
    assert {path.name for path in Path("out").iterdir()} == {"a", "c"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"marked": "it is somebody else"}, "sees another writer.json"),
        ({"marker": Path("elsewhere/writer.json")}, "does not see elsewhere/writer.json"),
        ({"folder": Path("/nowhere")}, "does not see /nowhere"),
        ({"sources": "0" * 64}, "other source files of 'bicubic'"),
        ({"versions": versions() | {"torch": "1.0"}}, "the driver torch 1.0"),
        ({"versions": versions() | {"new": "1.0"}}, "has new missing, the driver new 1.0"),
    ],
)
def test_an_actor_refuses_a_place_where_pictures_would_be_others(changed: dict[str, object], words: str) -> None:
    """Or would land elsewhere: a cluster need not have one environment, nor share its folders."""
    refused = Worker().start(order(**changed), threads=1)

    assert isinstance(refused, RestobenchError)
    assert words in str(refused)
    assert str(refused).startswith("The worker on ")
