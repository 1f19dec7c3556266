"""One measurement, in this process: by few calls, on small pictures."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from restobench.dataset import open_dataset
from restobench.errors import RestobenchError
from restobench.noise import Noise
from restobench.timing.child import Batch, outcome_of, time_calls
from restobench.timing.inputs import Inputs, read_inputs
from restobench.timing.job import Job
from restobench.timing.measure import QUICK
from tests.conftest import picture
from tests.timing.test_rows import JOB

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def inputs() -> Inputs:
    return Inputs([f"s{n}" for n in range(9)], np.stack([picture(n, 13, 17) for n in range(9)]), None)


@pytest.fixture
def job(inputs: Inputs, tmp_path: Path) -> Iterator[Job]:
    inputs.save(tmp_path)
    tf32 = torch.backends.cuda.matmul.allow_tf32
    yield replace(JOB, inputs=str(tmp_path), rules=QUICK, scale=2)
    torch.backends.cuda.matmul.allow_tf32 = tf32


class Net:
    """A method with a network and noise, which notes what it is given."""

    def __init__(self) -> None:
        self.net = nn.Conv2d(3, 3, 3, padding=1)
        self.given: list[Tensor] = []
        self.modes: list[bool] = []

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        self.given.append(lq)
        self.modes.append(torch.is_inference_mode_enabled())
        restored: Tensor = self.net(lq) + noise.draw((3, 1, 1))
        return restored


def test_a_method_is_built_timed_and_described(job: Job) -> None:
    """All that a record needs comes back as JSON can hold it."""
    found = outcome_of(job)

    assert "problem" not in found
    assert len(found["seconds"]) == found["calls"] >= 5
    assert min(found["seconds"]) > 0
    assert found["restored_size"] == (34, 26)
    assert found["different_inputs"] == 8
    assert found["contents"]["parameters"] == 0
    assert found["memory"]["process"] > 10**7
    assert found["memory"]["allocated"] is None
    assert set(found["watched"]) == {"used_by_others", "shared"}
    assert torch.__version__.startswith(found["versions"]["torch"])


def test_at_least_eight_inputs_take_turns_and_noise_is_drawn_before(inputs: Inputs, job: Job) -> None:
    """At every batch size; of fewer pictures than a batch some come again, with noise of their own."""
    for batch, calls_a_turn in ((1, 8), (3, 3), (16, 1)):
        method = Net()

        found = time_calls(method, inputs, replace(job, batch=batch, rules=replace(QUICK, calls=10)))

        different = {given.data_ptr() for given in method.given}
        assert len(different) == calls_a_turn
        assert found["different_inputs"] >= 8
        assert found["late_draws"] == 0
        assert all(method.modes)
    ids = Batch(inputs, 0, 16, "cpu").ahead.ids
    assert len(set(ids)) == 16


def test_what_is_behind_a_pipe_tells_its_seconds_and_nothing_of_its_memory(inputs: Inputs, job: Job) -> None:
    """The peak of the process that only waits would be a lie."""

    class Worker(Net):
        reported_seconds = 0.25

    found = time_calls(Worker(), inputs, job)

    assert set(found["seconds"]) == {0.25}
    assert not {"memory", "watched", "contents"} & set(found)


def test_inputs_reach_the_method_as_a_run_would_hand_them_over(inputs: Inputs) -> None:
    """Float32 in [0, 1], three channels first."""
    batch = Batch(inputs, 8, 2, "cpu")

    assert batch.lq.shape == (2, 3, 13, 17)
    assert torch.equal(batch.lq[1], torch.from_numpy(inputs.pictures[0]).permute(2, 0, 1).float() / 255)


@pytest.mark.parametrize("returned", [torch.zeros(3, 4, 4), torch.full((1, 3, 4, 4), torch.nan), None])
def test_what_is_no_picture_is_not_worth_a_time(returned: object, inputs: Inputs, job: Job) -> None:
    """A fast method that returns nonsense would lead the table."""

    class Nonsense(Net):
        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            return returned  # type: ignore[return-value]  # the point

    with pytest.raises(RestobenchError, match=r"returned|not numbers"):
        time_calls(Nonsense(), inputs, job)


def test_what_goes_wrong_is_told_with_its_kind(job: Job, tmp_path: Path) -> None:
    """Out of memory ends the ladder and nothing else; anything else is the row's problem."""
    (tmp_path / "greedy.py").write_text(
        "import torch\n\n\nclass Greedy:\n    def __init__(self, setup):\n        pass\n\n"
        "    def restore(self, lq, noise, mask=None):\n"
        "        raise torch.OutOfMemoryError('CUDA out of memory') if len(lq) > 1 else ValueError('no')\n"
    )
    greedy = replace(job, method=f"{tmp_path}/greedy.py:Greedy")

    assert outcome_of(replace(greedy, batch=2))["out_of_memory"] == "OutOfMemoryError: CUDA out of memory"
    assert outcome_of(greedy) == {"problem": "ValueError: no"}
    assert "No method" in outcome_of(replace(job, method="bycubic"))["problem"]


def test_pictures_are_brought_to_one_size(make_pairs: object, tmp_path: Path) -> None:
    """Enlarged or reduced until they cover it, and their middle cut out; masks likewise."""
    folder = make_pairs([f"s{n}" for n in range(9)], size=(13, 17))  # type: ignore[operator]
    dataset = open_dataset(folder)

    own, wide = read_inputs(dataset), read_inputs(dataset, (40, 20))

    assert own.pictures.shape == (9, 13, 17, 3)
    assert wide.pictures.shape == (9, 20, 40, 3)
    assert len({one.tobytes() for one in wide.pictures}) == 9
    own.save(tmp_path)
    again = Inputs.load(tmp_path)
    assert again.ids == own.ids
    assert np.array_equal(again.pictures, own.pictures)


def test_too_few_pictures_are_refused(make_pairs: object) -> None:
    """One picture in a loop is a measurement of a cache."""
    folder = make_pairs()  # type: ignore[operator]

    with pytest.raises(RestobenchError, match="at least 8 different"):
        read_inputs(open_dataset(folder))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_work_in_another_stream_of_a_gpu_is_not_free(inputs: Inputs, job: Job) -> None:
    """Between the events there is next to nothing; the wait for the device holds it."""

    class Aside(Net):
        def __init__(self) -> None:
            self.stream = torch.cuda.Stream()

        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            with torch.cuda.stream(self.stream):
                torch.cuda._sleep(20_000_000)
            return lq

    found = time_calls(Aside(), inputs, replace(job, device="cuda", rules=replace(QUICK, seconds=0.5)))

    assert found["host_bound"]
    assert min(found["seconds"]) > 0.005
