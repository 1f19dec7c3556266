"""What a batch bears: a lack of memory, a method that fails now and then, one that hangs."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch import Tensor

from restobench.attempt import Attempts, Outcome, Picture
from restobench.batching import BatchSizes
from restobench.dataset import Sample, open_dataset
from restobench.errors import RestobenchError
from restobench.image import read_array
from restobench.noise import Noise
from restobench.patience import finishing_batches
from restobench.planning import Options, plan
from restobench.restore import restore_samples
from tests.conftest import picture
from tests.test_restore import Noisy, pictures, run

MakePairs = Callable[..., Path]


def batch(ids: Sequence[str]) -> list[tuple[Sample, Picture]]:
    return [(Sample(i, None, None, None, i), Picture(picture(n, 13, 17), None)) for n, i in enumerate(ids)]


def attempts(method: Noisy, batch_size: int = 8, retries: int = 0, timeout: float | None = None) -> Attempts:
    return Attempts(method, 0, 2, "cpu", BatchSizes(batch_size), retries, timeout)


def restored(trying: Attempts, ids: Sequence[str]) -> Outcome:
    return trying.settle(trying.begin(batch(ids)))


def same(one: Outcome, other: Outcome) -> bool:
    return one.pictures.keys() == other.pictures.keys() and all(
        np.array_equal(one.pictures[i], other.pictures[i]) for i in one.pictures
    )


class Greedy(Noisy):
    """Runs out of memory with more than three pictures at a time."""

    error: Exception = torch.OutOfMemoryError("CUDA out of memory")

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        if len(lq) > 3:
            self.batches.append(len(lq))
            raise self.error
        return super().restore(lq, noise, mask)


class Flaky(Noisy):
    """Fails every picture once, in whatever batch."""

    def __init__(self, times: int = 1) -> None:
        super().__init__()
        self.times = times
        self.seen: dict[str, int] = {}

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        (sample_id,) = noise.ids
        self.seen[sample_id] = self.seen.get(sample_id, 0) + 1
        if self.seen[sample_id] <= self.times:
            raise RuntimeError("a hiccup")
        return super().restore(lq, noise, mask)


class Hanging(Noisy):
    """Waits for ever for whatever is called `hangs`, and swallows what it can."""

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        while "hangs" in noise.ids:
            try:
                time.sleep(60)
            except Exception:
                continue
        return super().restore(lq, noise, mask)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA"), MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you")],
    ids=["cuda", "python", "cpu"],
)
def test_batches_become_smaller_where_memory_runs_out(error: Exception) -> None:
    """Halves, and halves of these; batches to come are small from the start, and no picture is lost or changed."""
    ids = [f"s{number}" for number in range(8)]
    greedy = Greedy()
    greedy.error = error
    trying = attempts(greedy)

    first, second = restored(trying, ids), restored(trying, ids)

    assert greedy.batches == [8, 4, *[2] * 8]
    assert trying.sizes.largest == 2
    assert first.failures == second.failures == {}
    assert len(first.notes) == 2
    assert "from there on 4" in first.notes[0]
    assert second.notes == []
    assert same(first, restored(attempts(Noisy()), ids))


def test_a_run_goes_on_with_batches_that_fit(make_pairs: MakePairs, tmp_path: Path) -> None:
    """What is read ahead for large batches is restored all the same."""
    samples = open_dataset(make_pairs([f"s{number:02d}" for number in range(21)])).samples
    greedy = Greedy()

    outcome = run(samples, tmp_path / "greedy", greedy, batch_size=8)
    run(samples, tmp_path / "plain", batch_size=1)

    assert outcome.failures == {}
    assert sorted(outcome.seconds) == [sample.id for sample in samples]
    assert max(greedy.batches[2:]) == 2
    assert pictures(tmp_path / "greedy") == pictures(tmp_path / "plain")


def test_a_picture_that_is_too_large_by_itself_is_a_failure() -> None:
    """There is nothing to halve."""

    class Hopeless(Greedy):
        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            raise self.error

    outcome = restored(attempts(Hopeless()), ["a", "b"])

    assert outcome.failures == dict.fromkeys("ab", "OutOfMemoryError: CUDA out of memory")


def test_what_the_failed_call_held_is_let_go_before_the_next() -> None:
    """A traceback keeps frames, and frames keep tensors: the retry would run out of memory too."""
    held = []

    class Holds(Noisy):
        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            import weakref

            if len(lq) > 1:
                large = torch.zeros(3)
                held.append(weakref.ref(large))
                raise torch.OutOfMemoryError("CUDA")
            assert held[0]() is None
            return super().restore(lq, noise, mask)

    assert restored(attempts(Holds()), ["a", "b"]).failures == {}


def test_a_picture_is_tried_again_as_often_as_asked() -> None:
    """With the noise that it had; once more is enough for a hiccup, and no more than was asked is tried."""
    ids = ["a", "b", "c"]

    trying = attempts(Flaky(), batch_size=1, retries=1)

    never = restored(attempts(Flaky(), batch_size=1), ids)
    once = restored(trying, ids)
    hopeless = restored(attempts(Flaky(times=3), batch_size=1, retries=2), ids)

    assert never.failures == dict.fromkeys(ids, "RuntimeError: a hiccup")
    assert once.failures == {}
    assert trying.recovered == ids
    assert sorted(once.seconds) == ids
    assert same(once, restored(attempts(Noisy()), ids))
    assert hopeless.failures == never.failures


def test_a_run_says_which_pictures_had_to_be_tried_again(make_pairs: MakePairs, tmp_path: Path) -> None:
    """In one line, however many: a method that fails now and then is worth knowing of."""
    samples = open_dataset(make_pairs([f"s{number}" for number in range(7)])).samples

    outcome = run(samples, tmp_path / "out", Flaky(), retries=1)

    assert outcome.notes == ["7 pictures came out only when they were tried again: s0, s1, s2, s3, s4, ..."]


def test_values_that_are_not_numbers_are_tried_again_too() -> None:
    """Alone: the others of the batch were right."""

    class Spoils(Noisy):
        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            restored = super().restore(lq, noise, mask)
            if len(self.batches) == 1:
                restored[1] = torch.nan
            return restored

    method = Spoils()

    outcome = restored(attempts(method, retries=1), ["a", "b", "c"])

    assert method.batches == [3, 1]
    assert same(outcome, restored(attempts(Noisy()), ["a", "b", "c"]))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_one_value_that_is_no_number_spoils_its_picture_alone(value: float) -> None:
    """Also beside values so large that their sum is none, which are merely clamped."""

    class Spoils(Noisy):
        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            restored = super().restore(lq, noise, mask)
            restored[1, 2, 5, 7] = value
            restored[2, :, :4] = 3e38
            return restored

    outcome = restored(attempts(Spoils()), ["a", "b", "c"])

    assert outcome.failures.keys() == {"b"}
    assert (outcome.pictures["c"][:4] == 255).all()


def test_a_picture_that_hangs_fails_and_the_others_do_not(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Found alone, out of its batch; an alarm that somebody had set is set again afterwards."""
    samples = open_dataset(make_pairs(["a", "b", "hangs", "z"])).samples
    before = signal.getsignal(signal.SIGALRM)
    theirs = signal.setitimer(signal.ITIMER_REAL, 200)

    outcome = run(samples, tmp_path / "out", Hanging(), batch_size=2, timeout=0.2)

    assert outcome.failures == {"hangs": "Took longer than 0.2 s (--timeout)."}
    assert sorted(pictures(tmp_path / "out")) == ["a.png", "b.png", "z.png"]
    assert 100 < signal.setitimer(signal.ITIMER_REAL, *theirs)[0] < 200
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_time_limit_is_refused_where_it_would_not_work(make_pairs: MakePairs, tmp_path: Path) -> None:
    """In another thread nothing rings; what somebody else's program does is ended by its own setting."""
    folder = make_pairs()
    refused: list[str] = []

    def elsewhere() -> None:
        try:
            run(open_dataset(folder).samples, tmp_path / "out", timeout=1)
        except RestobenchError as error:
            refused.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()

    assert "main thread" in refused[0]
    with pytest.raises(RestobenchError, match="--set timeout=SECONDS"):
        plan(["command"], [folder], Options(timeout=1), None, settings={"worker": "x"}, label="x")  # type: ignore[arg-type]  # never reached
    with pytest.raises(RestobenchError, match="more than 0"):
        Options(timeout=0).check()
    with pytest.raises(RestobenchError, match="--retries"):
        Options(retries=-1).check()


def test_a_first_interrupt_waits_for_the_batch_and_a_second_does_not(make_pairs: MakePairs, tmp_path: Path) -> None:
    """What was begun is kept; whoever cannot wait presses again."""
    said: list[str] = []
    samples = open_dataset(make_pairs(["a", "b", "c", "d"])).samples

    class Interrupted(Noisy):
        presses = 1

        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            if "b" in noise.ids:
                for _ in range(self.presses):
                    signal.raise_signal(signal.SIGINT)
            return super().restore(lq, noise, mask)

    class Twice(Interrupted):
        presses = 2

    with pytest.raises(KeyboardInterrupt):
        run(samples, tmp_path / "once", Interrupted(), say=said.append)
    with pytest.raises(KeyboardInterrupt):
        run(samples, tmp_path / "twice", Twice())

    assert sorted(pictures(tmp_path / "once")) == ["a.png", "b.png"]
    assert sorted(pictures(tmp_path / "twice")) == ["a.png"]
    assert said == ["Interrupted: the batch in hand is finished. Ctrl-C again stops at once."]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_whoever_handles_ctrl_c_otherwise_goes_on_doing_so() -> None:
    """A program that uses the library has its own ideas."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with finishing_batches(heard.append) as interrupted:  # type: ignore[arg-type]  # never called
            signal.raise_signal(signal.SIGINT)

            assert not interrupted()
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]


@pytest.mark.slow
def test_two_thousand_samples_of_which_a_twentieth_fails_end_with_exactly_those(
    make_pairs: MakePairs, tmp_path: Path
) -> None:
    """Of five kinds, among them damaged files, in batches, with memory running out on the way."""
    folder = make_pairs([f"s{number:04d}" for number in range(2000)], size=(6, 7), gt=False)
    samples = open_dataset(folder, scale=2).samples
    rng = np.random.default_rng(0)
    chosen = rng.choice(2000, 100, replace=False)
    others = ("raises", "nan", "shape", "torn")
    kinds = {samples[at].id: "hangs" if number < 5 else others[number % 4] for number, at in enumerate(chosen)}
    for sample in samples:
        if kinds.get(sample.id) == "torn":
            assert sample.lq
            sample.lq.write_bytes(sample.lq.read_bytes()[:60])

    class Faulty(Noisy):
        calls = 0

        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            self.calls += 1
            if len(lq) > 2 and self.calls == 7:
                raise torch.OutOfMemoryError("CUDA out of memory")
            met = {kinds.get(sample_id) for sample_id in noise.ids}
            if "raises" in met:
                raise ValueError("injected")
            if "hangs" in met:
                time.sleep(60)
            restored = super().restore(lq, noise, mask)
            if "shape" in met:
                return restored[..., :-1]
            broken = [place for place, sample_id in enumerate(noise.ids) if kinds.get(sample_id) == "nan"]
            restored[broken] = torch.nan
            return restored

    outcome = run(samples, tmp_path / "out", Faulty(), batch_size=4, timeout=0.25)

    assert sorted(outcome.failures) == sorted(kinds)
    words = {"raises": "injected", "nan": "not numbers", "shape": "shape", "hangs": "longer than", "torn": "damaged"}
    assert all(words[kind] in outcome.failures[sample_id] for sample_id, kind in kinds.items())
    made = {path.stem for path in (tmp_path / "out").iterdir()}
    assert made == {sample.id for sample in samples} - set(kinds)
    assert made == set(outcome.seconds)
    assert all(
        read_array(tmp_path / "out" / f"{sample_id}.png").shape == (12, 14, 3) for sample_id in sorted(made)[::50]
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_does_not_grow_with_the_data_set(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Twenty thousand samples need what two thousand need, but for a number and a name each."""
    (sample,) = open_dataset(make_pairs(["a"], size=(6, 7), gt=False), scale=2).samples
    grown: dict[int, int] = {}
    process = psutil.Process()
    done = 0

    def advance(now: int, failed: int) -> None:
        nonlocal done
        done += now
        if done % 2000 == 0:
            grown[done] = process.memory_info().rss

    many = [Sample(f"s{number}", sample.lq, None, None, "s") for number in range(20_000)]
    outcome = restore_samples(
        Noisy(),
        many,
        target=lambda name: tmp_path / "out" / f"{int(name[1:]) % 50}.png",
        scale=2,
        seed=0,
        batch_size=8,
        device="cpu",
        advance=advance,
    )

    assert len(outcome.seconds) == 20_000
    assert grown[20_000] - grown[2000] < 30e6
