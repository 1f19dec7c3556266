import errno
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import restobench.behind
from restobench.dataset import Sample, open_dataset
from restobench.errors import RestobenchError
from restobench.image import read_array, write_picture
from restobench.method import Setup
from restobench.noise import Noise
from restobench.restore import FailureLimit, Restored, restore_samples
from tests.conftest import picture

MakePairs = Callable[..., Path]


class Noisy:
    """Enlarges twice and adds a little noise: a stochastic method."""

    def __init__(self, setup: Setup | None = None) -> None:
        self.batches: list[int] = []

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        self.batches.append(len(lq))
        enlarged = lq.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return enlarged + 0.1 * noise.draw(enlarged.shape[1:])


class Picky(Noisy):
    """Fails on every batch that holds a dark picture."""

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        if (lq.flatten(1).max(dim=1).values == 0).any():
            raise ValueError("too dark")
        return super().restore(lq, noise, mask)


class Folder:
    """Restores folders: enlarges every picture twice, and fails when it comes to one called `bad`."""

    def __init__(self, setup: Setup | None = None) -> None:
        self.calls: list[tuple[list[str], int]] = []

    def restore_folder(self, lq_dir: Path, restored_dir: Path, *, seed: int) -> None:
        self.calls.append((sorted(path.name for path in lq_dir.iterdir()), seed))
        for path in sorted(lq_dir.iterdir()):
            if path.stem == "bad":
                raise ValueError("no such layer")
            write_picture(restored_dir / path.name, read_array(path).repeat(2, axis=0).repeat(2, axis=1))


def run(samples: Sequence[Sample], folder: Path, method: Noisy | Folder | None = None, **changed: object) -> Restored:
    arguments = {"scale": 2, "seed": 0, "batch_size": 1, "device": "cpu"} | changed
    return restore_samples(
        method or Noisy(),
        samples,
        target=lambda name: folder / f"{name}.png",
        **arguments,  # type: ignore[arg-type]
    )


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def test_the_batch_size_and_the_order_change_no_picture(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A sample's noise is its own."""
    samples = open_dataset(make_pairs([f"s{i}" for i in range(8)])).samples

    run(samples, tmp_path / "1", batch_size=1)
    run(samples[::-1], tmp_path / "3", batch_size=3)
    run(samples, tmp_path / "8", batch_size=8)

    assert len(pictures(tmp_path / "1")) == 8
    assert pictures(tmp_path / "1") == pictures(tmp_path / "3") == pictures(tmp_path / "8")


def test_a_method_may_use_the_memory_of_its_result_again(make_pairs: MakePairs, tmp_path: Path) -> None:
    """As compiled ones do: what it returned is looked at while it is called once more."""

    class Thrifty(Noisy):
        result = torch.empty(0)

        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            self.result.fill_(torch.nan)
            self.result = self.result.resize_(1, 3, 26, 34).copy_(super().restore(lq, noise))
            return self.result

    samples = open_dataset(make_pairs([f"s{i}" for i in range(12)])).samples

    run(samples, tmp_path / "thrifty", Thrifty())
    run(samples, tmp_path / "plain")

    assert pictures(tmp_path / "thrifty") == pictures(tmp_path / "plain")


def test_only_pictures_of_one_size_share_a_batch(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Nothing is resized or padded to fit."""
    samples = [
        *open_dataset(make_pairs(["a", "c", "e"], size=(8, 9), name="one")).samples,
        *open_dataset(make_pairs(["b", "d"], size=(9, 8), name="two")).samples,
    ]
    method = Noisy()

    outcome = run(sorted(samples, key=lambda sample: sample.id), tmp_path / "out", method, batch_size=3)

    assert sorted(method.batches) == [2, 3]
    assert len(outcome.seconds) == 5
    assert read_array(tmp_path / "out" / "b.png").shape == (18, 16, 3)


def test_one_bad_picture_in_a_batch_fails_alone(make_pairs: MakePairs, tmp_path: Path) -> None:
    """The batch is tried again picture by picture."""
    folder = make_pairs([f"s{i}" for i in range(5)])
    write_picture(folder / "lq" / "s2.png", np.zeros((13, 17, 3), np.uint8))

    outcome = run(open_dataset(folder).samples, tmp_path / "out", Picky(), batch_size=4)

    assert outcome.failures == {"s2": "ValueError: too dark"}
    assert sorted(pictures(tmp_path / "out")) == ["s0.png", "s1.png", "s3.png", "s4.png"]


def test_pictures_that_cannot_be_read_are_failures(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A text file, a truncated file, and a pair that does not fit."""
    folder = make_pairs(["good", "misfit", "text", "torn"])
    (folder / "lq" / "text.png").write_text("no picture")
    torn = folder / "lq" / "torn.png"
    torn.write_bytes(torn.read_bytes()[:200])
    write_picture(folder / "gt" / "misfit.png", picture(0, 27, 34))

    outcome = run(open_dataset(folder).samples, tmp_path / "out", batch_size=2)

    assert sorted(outcome.failures) == ["misfit", "text", "torn"]
    assert "not x2" in outcome.failures["misfit"]
    assert sorted(pictures(tmp_path / "out")) == ["good.png"]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda x: x[..., :-1], "returned the shape"),
        (lambda x: x[:, :1], "returned the shape"),
        (lambda x: x * float("nan"), "not numbers"),
        (lambda x: None, "AttributeError"),
    ],
)
def test_what_a_method_returns_is_checked(
    make_pairs: MakePairs, tmp_path: Path, spoil: Callable[[Tensor], Tensor], sentence: str
) -> None:
    """A wrong picture must not be saved as if it were one."""

    class Wrong(Noisy):
        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            return spoil(super().restore(lq, noise))

    outcome = run(open_dataset(make_pairs(["a"])).samples, tmp_path / "out", Wrong())

    assert sentence in outcome.failures["a"]
    assert not (tmp_path / "out").exists()


def test_a_mask_reaches_the_method(make_pairs: MakePairs, tmp_path: Path) -> None:
    """White in mask/ is 1."""
    folder = make_pairs(["a"], scale=1)
    hole = np.zeros((13, 17, 3), np.uint8)
    hole[:4] = 255
    write_picture(folder / "mask" / "a.png", hole)
    seen = []

    class Fills(Noisy):
        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            seen.append(mask)
            return lq

    run(open_dataset(folder).samples, tmp_path / "out", Fills(), scale=1)

    assert seen[0].shape == (1, 1, 13, 17)
    assert torch.equal(seen[0][0, 0, :, 0], torch.tensor([1.0] * 4 + [0.0] * 9))


def test_a_run_that_fails_too_often_stops(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Nobody wants three thousand times the same error."""

    class Broken(Noisy):
        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            raise RuntimeError("no")

    samples = open_dataset(make_pairs([f"s{i}" for i in range(9)])).samples

    outcome = run(samples, tmp_path / "out", Broken(), limit=FailureLimit(number=2))

    assert outcome.stopped
    assert len(outcome.failures) == 3


def test_a_method_of_folders_is_called_once_for_all(make_pairs: MakePairs, tmp_path: Path) -> None:
    """And its time is divided by what it wrote; the runner is the same."""
    method = Folder()
    advanced: list[tuple[int, int]] = []

    outcome = run(
        open_dataset(make_pairs(["a", "b", "sub/c"])).samples,
        tmp_path / "out",
        method,
        seed=7,
        advance=lambda *n: advanced.append(n),
    )

    ((names, seed),) = method.calls
    assert len(names) == 3
    assert seed == 7
    assert sorted(outcome.seconds) == ["a", "b", "sub/c"]
    assert 0 < sum(outcome.seconds.values()) <= outcome.wall_seconds
    assert read_array(tmp_path / "out" / "sub" / "c.png").shape == (26, 34, 3)
    assert tuple(map(sum, zip(*advanced, strict=True))) == (3, 0)


def test_what_a_method_of_folders_made_before_it_failed_is_kept(make_pairs: MakePairs, tmp_path: Path) -> None:
    """What it was about is the failure of each of the others, and is said once more at the end."""
    folder = make_pairs(["a", "bad", "c", "text"])
    (folder / "lq" / "text.png").write_text("no picture")
    method = Folder()

    outcome = run(open_dataset(folder).samples, tmp_path / "out", method, limit=FailureLimit(number=5))

    assert method.calls[0][0] == ["a.png", "bad.png", "c.png"]
    assert list(outcome.seconds) == ["a"]
    assert outcome.failures.pop("text").endswith("replace or remove it.")
    assert outcome.failures == dict.fromkeys(["bad", "c"], "ValueError: no such layer")
    assert outcome.notes == ["ValueError: no such layer"]


def test_a_method_of_folders_is_not_called_for_nothing(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A program that finds no pictures often fails, for no reason of its own."""
    folder = make_pairs(["text"])
    (folder / "lq" / "text.png").write_text("no picture")
    method = Folder()

    outcome = run(open_dataset(folder).samples, tmp_path / "out", method, scale=1)

    assert (method.calls, list(outcome.failures)) == ([], ["text"])


def test_what_times_itself_is_believed_and_runs_alone(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Its time is one picture's then."""

    class Piped(Noisy):
        reported_seconds = 0.0

        def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
            self.reported_seconds += 1
            return super().restore(lq, noise, mask)

    method = Piped()

    outcome = run(open_dataset(make_pairs()).samples, tmp_path / "out", method, batch_size=3)

    assert method.batches == [1, 1, 1]
    assert outcome.seconds == {"a": 1, "b": 2, "c": 3}


def test_a_full_disk_is_one_sentence_and_tears_nothing(
    make_pairs: MakePairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is kept for the next try."""
    written = []

    def write(path: Path, pixels: object) -> None:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written.append(path)
        write_picture(path, pixels)  # type: ignore[arg-type]

    monkeypatch.setattr(restobench.behind, "write_picture", write)
    samples = open_dataset(make_pairs([f"s{i}" for i in range(9)])).samples

    with pytest.raises(RestobenchError, match=r"The disk is full: .* free some space and run the same command"):
        run(samples, tmp_path / "out")

    assert len(pictures(tmp_path / "out")) == 2
    assert list((tmp_path / "out").glob(".part-*")) == []


@pytest.mark.parametrize(
    ("text", "number", "share"), [("10", 10, None), ("0", 0, None), ("0.1", None, 0.1), ("5%", None, 0.05)]
)
def test_failure_limits_are_numbers_or_shares(text: str, number: int | None, share: float | None) -> None:
    """Both are common."""
    assert FailureLimit.parse(text) == FailureLimit(number, share)


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "200%", "", "nan"])
def test_other_failure_limits_are_refused(text: str) -> None:
    """What was meant is not ours to guess."""
    with pytest.raises(RestobenchError, match="--max-failures"):
        FailureLimit.parse(text)
