"""The restore stage on clusters of this machine."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from restobench.errors import RestobenchError
from restobench.planning import Options
from tests.cli.conftest import finish, here, is_a_sentence, run_folder, spawn
from tests.test_endurance import content, leftovers, without_nan

MakePairs = Callable[..., Path]

MORTAL = '''
import os
import signal
import time
from pathlib import Path


class Mortal:
    """Enlarges and adds noise; what a file in fatal/ names ends the process: once, or as the file says."""

    def __init__(self, setup):
        if Path("fatal/method").exists():
            raise RuntimeError("the card has fallen off the bus")
        self.scale = setup.scale or 1

    def restore(self, lq, noise, mask=None):
        for sample_id in noise.ids:
            death = Path("fatal") / sample_id
            if death.exists():
                if death.read_text() == "with the method":
                    death.rename("fatal/method")
                elif death.read_text() != "always":
                    death.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
        time.sleep((0.4 if Path("slowly").exists() else 0.05) * len(lq))
        enlarged = lq.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)
        return enlarged + 0.1 * noise.draw(enlarged.shape[1:])
'''
CLUSTER = """
import sys
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
other = cluster.add_node(num_cpus=2)
print(cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(other, allow_graceful=False)
cluster.shutdown()
"""
RUN = ("run", "-m", "mortal.py:Mortal", "-d", "many", "--metrics", "psnr", "--batch-size", 3, "--device", "cpu")

needs_ray = pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed: pip install 'restobench[ray]'")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("mortal.py").write_text(MORTAL)
    Path("fatal").mkdir()


class Nodes:
    """A cluster of two nodes with two cores each, all of them processes of this machine."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()

    def lose_one(self) -> None:
        """As if its plug were pulled."""
        assert self.process.stdin
        self.process.stdin.write("lose\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    found = Nodes()
    yield found
    found.close()


@pytest.fixture
def calm(make_pairs: MakePairs) -> dict[str, Any]:
    """What a local run of thirty pictures of two sizes makes."""
    make_pairs([f"s{number:02}" for number in range(0, 30, 2)], name="many", size=(6, 7))
    make_pairs([f"s{number:02}" for number in range(1, 30, 2)], name="many", size=(7, 6))
    assert finish(spawn(*RUN, "--runs", "calm")).code == 0
    return content(run_folder(Path("calm"), "many", "mortal"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(workers=2), "say --executor ray with them"),
        (Options(address="auto"), "say --executor ray with them"),
        (Options(executor="ray", workers=0), "--workers must be at least 1"),
        (Options(executor="ray", device="cuda:1"), "Ray gives each worker a card of its own"),
        (Options(executor="slurm"), "--executor must be one of local, ray"),  # type: ignore[arg-type]
    ],
)
def test_what_does_not_go_together_is_refused(options: Options, words: str) -> None:
    """Before anything is looked for."""
    with pytest.raises(RestobenchError, match=words):
        options.check()


def test_without_ray_it_is_said_how_to_get_it(make_pairs: MakePairs, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    make_pairs()
    monkeypatch.setitem(sys.modules, "ray", None)

    ran = here("run", "-m", "lanczos", "-d", "pairs", "--executor", "ray")

    assert is_a_sentence(ran, "--executor ray needs Ray", "pip install 'restobench[ray]'")


@needs_ray
@pytest.mark.slow
def test_where_no_cluster_answers_it_is_said(make_pairs: MakePairs) -> None:
    """The one thing that somebody who mistypes an address wants to know."""
    make_pairs()

    ran = finish(spawn("run", "-m", "lanczos", "-d", "pairs", "--executor", "ray", "--address", "127.0.0.1:1"))

    assert is_a_sentence(ran, "No Ray cluster can be used at '127.0.0.1:1'", "ray start --head")


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_pictures_and_tables_are_those_of_a_local_run(calm: dict[str, Any], nodes: Nodes, workers: int) -> None:
    """However many there are, on two nodes; noise and all, byte for byte."""
    ran = finish(
        spawn(*RUN, "--runs", "many-runs", "--executor", "ray", "--address", nodes.address, "--workers", workers)
    )

    folder = run_folder(Path("many-runs"), "many", "mortal")
    assert ran.code == 0, ran.err
    assert without_nan(content(folder)) == without_nan(calm)
    assert leftovers(folder) == []


@needs_ray
@pytest.mark.slow
def test_an_actor_that_is_killed_costs_nothing_but_time(calm: dict[str, Any]) -> None:
    """Another one takes its place and its pictures; here on a cluster of the run's own."""
    Path("fatal/s04").write_text("once")
    Path("fatal/s17").write_text("once")

    ran = finish(spawn(*RUN, "--runs", "wild", "--executor", "ray", "--workers", 2, "--json"))

    folder = run_folder(Path("wild"), "many", "mortal")
    assert ran.code == 0, ran.err
    assert "was lost (" in ran.err
    assert {row["method"] for row in json.loads(ran.out)} == {"bicubic", "mortal"}
    assert not list(Path("fatal").iterdir())
    assert without_nan(content(folder)) == without_nan(calm)
    assert leftovers(folder) == []


@needs_ray
@pytest.mark.slow
def test_a_picture_that_ends_every_actor_fails_alone(calm: dict[str, Any], nodes: Nodes) -> None:
    """All others are there, and the run says which one it was."""
    Path("fatal/s04").write_text("always")

    ran = finish(spawn(*RUN, "--runs", "wild", "--executor", "ray", "--address", nodes.address, "--workers", 2))

    made = content(run_folder(Path("wild"), "many", "mortal"))
    assert ran.code == 1, ran.err
    assert "workers were lost" in made["run"]["samples"]["failed"].pop("s04")
    assert made["run"]["samples"] == {"total": 30, "limit": None, "restored": 29, "failed": {}}
    assert made["pictures"].keys() == calm["pictures"].keys() - {"pictures/s04.png"}
    assert made["pictures"].items() <= calm["pictures"].items()


@needs_ray
@pytest.mark.slow
def test_where_no_worker_is_left_the_run_ends_and_keeps_what_it_has(calm: dict[str, Any], nodes: Nodes) -> None:
    """None can be replaced where the method cannot be built any more; the same command goes on when it can."""
    Path("fatal/s20").write_text("with the method")
    cluster = ("--executor", "ray", "--address", nodes.address, "--workers", 1)

    ran = finish(spawn(*RUN, "--runs", "wild", *cluster))
    between = content(run_folder(Path("wild"), "many", "mortal"))
    Path("fatal/method").unlink()
    last = finish(spawn(*RUN, "--runs", "wild", *cluster))

    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert "could not be replaced: RuntimeError: the card has fallen off the bus" in ran.err
    assert "No worker is left, and " in ran.err
    assert 0 < between["run"]["samples"]["restored"] == len(between["pictures"]) < 30
    assert last.code == 0, last.err
    assert without_nan(content(run_folder(Path("wild"), "many", "mortal"))) == without_nan(calm)


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_run_goes_on_where_it_was(calm: dict[str, Any], nodes: Nodes, number: signal.Signals) -> None:
    """After Ctrl-C what the actors had in hand is finished first; SIGTERM, as of a batch system, ends at once."""
    cluster = ("--executor", "ray", "--address", nodes.address, "--workers", 2)
    Path("slowly").touch()  # or all is done before a busy machine has heard
    process = spawn(*RUN, "--runs", "wild", *cluster)
    while not list(Path("wild").glob("many/mortal@default/*/pictures/*.png")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    stopped = finish(process)
    folder = run_folder(Path("wild"), "many", "mortal")
    between = content(folder)
    Path("slowly").unlink()
    last = finish(spawn(*RUN, "--runs", "wild", *cluster))

    assert stopped.code == 130
    assert "Interrupted" in stopped.err
    assert 0 < len(between["pictures"]) < 30
    assert between["run"]["samples"]["restored"] == len(between["pictures"])
    assert last.code == 0, last.err
    assert without_nan(content(folder)) == without_nan(calm)


@needs_ray
@pytest.mark.slow
def test_a_node_that_is_lost_costs_nothing_but_time(calm: dict[str, Any]) -> None:
    """There is no room for others in place of its actors; those that are left do the rest."""
    nodes = Nodes()
    try:
        process = spawn(*RUN, "--runs", "wild", "--executor", "ray", "--address", nodes.address, "--workers", 4)
        while len(list(Path("wild").glob("many/mortal@default/*/pictures/*.png"))) < 4:
            assert process.poll() is None
            time.sleep(0.01)
        nodes.lose_one()
        ran = finish(process)
    finally:
        nodes.close()

    folder = run_folder(Path("wild"), "many", "mortal")
    assert ran.code == 0, ran.err
    assert without_nan(content(folder)) == without_nan(calm)
    assert leftovers(folder) == []
