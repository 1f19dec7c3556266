"""Pairs to train on."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from restobench.degradations.augment import TURNS, turned
from restobench.degradations.generators import Generators
from restobench.degradations.pool import PairPool
from restobench.degradations.real_esrgan import degrade_with, draw_choices, draw_kernels
from restobench.degradations.recipes import IMAGENET_TEST, REAL_ESRGAN_TRAINING
from restobench.degradations.resize import resized_antialiased
from restobench.degradations.training import (
    SIDES,
    TRAINING_TASKS,
    PairBatch,
    RealsrBatch,
    TrainingPair,
    TrainingTask,
    degraded_realsr,
    pair_batch,
    realsr_batch,
    realsr_picture,
    training_pair,
)
from restobench.errors import RestobenchError
from tests.filling import image

pytestmark = pytest.mark.usefixtures("one_thread")

ODD_SIZES = ((37, 53), (500, 333), (256, 256), (64, 700))
FACES: tuple[TrainingTask, ...] = ("faceir", "inpaint-face")
OTHERS: tuple[TrainingTask, ...] = ("bicsr", "inpaint-imagenet")


def a_picture(height: int, width: int, tag: str = "clean") -> NDArray[np.float32]:
    return image(tag, (1, 3, height, width), 0)[0].permute(1, 2, 0).numpy()


def of(name: str) -> Generators:
    return Generators.of_sample(0, name)


def pair_of(task: TrainingTask, name: str = "a", side: int | None = None) -> TrainingPair:
    """A pair of the task, from a picture that it takes."""
    size = (side or SIDES[task],) * 2 if task in FACES else (83, 131)
    return training_pair(task, a_picture(*size), of(name), side=side)


@pytest.mark.parametrize("task", [task for task in TRAINING_TASKS if task != "realsr"])
def test_a_pair_has_the_published_size_and_range(task: TrainingTask) -> None:
    """Float32 in [0, 1], but for what the bicubic filter lets overshoot."""
    pair = pair_of(task)

    side = SIDES[task]
    small = side // 4 if task == "bicsr" else side
    assert pair.gt.shape == (side, side, 3)
    assert pair.lq.shape == (small, small, 3)
    assert (pair.mask is not None) == task.startswith("inpaint")
    for array in filter(lambda array: array is not None, pair):
        assert array.dtype == np.float32
    assert 0 <= pair.gt.min() <= pair.gt.max() <= 1
    overshoot = 0.2 if task == "bicsr" else 0
    assert -overshoot <= pair.lq.min() <= pair.lq.max() <= 1 + overshoot


@pytest.mark.parametrize("task", [task for task in TRAINING_TASKS if task != "realsr"])
def test_8_bits_and_floats_are_the_same_picture(task: TrainingTask) -> None:
    """As read from a file, or as whoever prepared it has it."""
    eight_bit = (a_picture(64, 64) * 255).round().astype(np.uint8)
    floats = eight_bit.astype(np.float32) / np.float32(255)

    for one, other in zip(*(training_pair(task, each, of("a"), side=64) for each in (eight_bit, floats)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("size", ODD_SIZES)
@pytest.mark.parametrize("task", OTHERS)
def test_pictures_of_any_size_are_taken(task: TrainingTask, size: tuple[int, int]) -> None:
    """Smaller ones are enlarged, longer ones cut."""
    assert training_pair(task, a_picture(*size), of("a")).gt.shape == (256, 256, 3)


@pytest.mark.parametrize("task", [task for task in TRAINING_TASKS if task != "realsr"])
def test_a_pair_depends_on_its_picture_s_generators_alone(task: TrainingTask) -> None:
    """Not on what was prepared before, nor on any global generator."""
    first = pair_of(task, side=96)
    torch.manual_seed(1)
    np.random.seed(1)
    others = [pair_of(task, name, side=96) for name in "bcd"]
    again = pair_of(task, side=96)

    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(not np.array_equal(first.lq, other.lq) for other in others)


@pytest.mark.parametrize("task", ["inpaint-imagenet", "inpaint-face"])
def test_the_hole_is_black_and_the_mask_is_1_there(task: TrainingTask) -> None:
    """Around it lq is gt; networks that see [-1, 1] find -1 in the hole."""
    holes = []
    for name in "abcdef":
        pair = pair_of(task, name, side=96)
        assert pair.mask is not None
        assert pair.mask.shape == (96, 96, 1)
        assert set(np.unique(pair.mask)) == {0, 1}
        hole = pair.mask[..., 0] == 1
        assert (pair.lq[hole] == 0).all()
        np.testing.assert_array_equal(pair.lq[~hole], pair.gt[~hole])
        assert (2 * pair.lq - 1)[hole].max() == -1
        holes.append(hole)

    assert any((hole != holes[0]).any() for hole in holes)


def test_masks_are_drawn_the_same_from_numpy_s_old_generator() -> None:
    """`Generators.of_seed` holds one, as the official programs did."""
    pairs = [training_pair("inpaint-face", a_picture(64, 64), Generators.of_seed(3), side=64) for _ in range(2)]

    assert pairs[0].mask is not None
    np.testing.assert_array_equal(pairs[0].mask, pairs[1].mask)


def test_inpaint_face_leaves_the_face_as_it_is() -> None:
    """Not even mirrored."""
    face = a_picture(64, 64)

    np.testing.assert_array_equal(training_pair("inpaint-face", face, of("a"), side=64).gt, face)


def test_bicsr_shrinks_what_it_returns_as_the_clean_picture() -> None:
    """The pair is turned after it was made; the filter does not mind."""
    for name in "abcdefgh":
        pair = pair_of("bicsr", name, side=64)
        gt = torch.from_numpy(pair.gt).permute(2, 0, 1)[None]

        shrunk = resized_antialiased(gt, 0.25)[0].permute(1, 2, 0).numpy()

        np.testing.assert_allclose(pair.lq, shrunk, atol=1e-5)


def test_bicsr_takes_all_eight_positions_alike() -> None:
    """A picture of the wanted size is not cut, so that only the turn is left."""
    picture = a_picture(16, 16)
    positions = {turned(picture, turn).tobytes(): turn for turn in range(TURNS)}
    found = Counter(
        positions[training_pair("bicsr", picture, of(str(number)), side=16).gt.tobytes()] for number in range(800)
    )

    assert len(found) == TURNS
    assert max(abs(count - 100) for count in found.values()) < 4.5 * 100**0.5


def test_faceir_mirrors_every_other_face_and_keeps_the_size() -> None:
    """The clean picture is mirrored with the degraded one, and grey once in a hundred times."""
    face = a_picture(64, 64)
    mirrored = grey = 0
    for number in range(300):
        pair = training_pair("faceir", face, of(str(number)), side=64)
        if np.ptp(pair.gt, axis=2).max() < 1e-6:
            assert np.ptp(pair.lq, axis=2).max() < 1e-6
            grey += 1
        elif np.array_equal(pair.gt, face[:, ::-1]):
            mirrored += 1
        else:
            np.testing.assert_array_equal(pair.gt, face)
        np.testing.assert_allclose(pair.lq * 255, (pair.lq * 255).round(), atol=1e-4)

    assert abs(mirrored - 150) < 4 * 300**0.5 / 2
    assert grey < 15


@pytest.mark.parametrize("size", ODD_SIZES)
def test_realsr_pictures_have_one_size(size: tuple[int, int]) -> None:
    """So that they can become a batch, whatever they were."""
    prepared = realsr_picture(a_picture(*size), of("a"))

    assert prepared.gt.shape == (256, 256, 3)
    assert prepared.gt.dtype == np.float32
    assert 0 <= prepared.gt.min() <= prepared.gt.max() <= 1


def test_realsr_pads_a_small_picture_and_takes_the_shorter_side_of_a_large_one() -> None:
    """The whole of what the shorter side spans is seen, only less sharp."""
    small, large = a_picture(37, 53), np.full((500, 333, 3), 0.5, np.float32)
    large[:, :20], large[:, -20:] = 0.0, 1.0

    padded = [realsr_picture(small, of(name)).gt for name in "abcdefgh"]
    whole = [realsr_picture(large, of(name)).gt for name in "abcdefgh"]

    assert all(any(np.array_equal(gt[:37, :53], seen) for seen in (small, small[:, ::-1])) for gt in padded)
    assert len({gt.tobytes() for gt in padded}) == 2
    # Both borders of the large one are in every square.
    assert all({gt[0, 0, 0], gt[0, -1, 0]} == {0, 1} for gt in whole)


def test_realsr_draws_the_flip_then_the_place_then_the_kernels() -> None:
    """The order of the programs that the recipe comes from."""
    generators, by_hand = Generators.of_seed(5), Generators.of_seed(5)

    prepared = realsr_picture(a_picture(70, 90), generators, side=32)

    by_hand.python.random()
    by_hand.python.randint(0, 0)
    by_hand.python.randint(0, 20)
    kernels = draw_kernels(REAL_ESRGAN_TRAINING, by_hand)
    for one, other in zip(prepared.kernels, kernels, strict=True):
        np.testing.assert_array_equal(one.values(), other.values())


def batch_of(names: Sequence[str], **options: Any) -> RealsrBatch:
    return realsr_batch([realsr_picture(a_picture(90, 110, name), of(name), **options) for name in names])


def test_a_realsr_batch_is_degraded_by_the_chain_with_its_own_kernels() -> None:
    """What is drawn for the batch: its choices, its levels, its noise."""
    batch = batch_of("abc", side=64)
    by_hand = Generators.of_seed(1)

    found = degraded_realsr(batch, Generators.of_seed(1))

    choices = draw_choices(REAL_ESRGAN_TRAINING, by_hand.python)
    expected = degrade_with(batch.gt, batch.kernels, choices, REAL_ESRGAN_TRAINING, by_hand.torch).lq
    assert torch.equal(found.lq, expected)
    assert torch.equal(found.gt, batch.gt)
    assert found.lq.shape == (3, 3, 16, 16)
    assert found.mask is None


def test_a_larger_square_is_cut_after_it_was_degraded_in_both_pictures_alike() -> None:
    """By a mild recipe, what was degraded looks most like the clean picture that was cut at its very place."""
    batch = batch_of("ab", side=64, crop=80, recipe=IMAGENET_TEST)
    windows = batch.gt.unfold(2, 64, 4).unfold(3, 64, 4).permute(2, 3, 0, 1, 4, 5).flatten(0, 1)  # (25, B, 3, 64, 64)
    shrunk = torch.stack([resized_antialiased(window, 0.25) for window in windows])
    assert batch.gt.shape == (2, 3, 80, 80)

    places = set()
    for seed in range(6):
        found = degraded_realsr(batch, Generators.of_seed(seed), side=64, recipe=IMAGENET_TEST)
        assert found.lq.shape == (2, 3, 16, 16)
        (place,) = [number for number, window in enumerate(windows) if torch.equal(window, found.gt)]
        assert (shrunk - found.lq).abs().mean(dim=(1, 2, 3, 4)).argmin() == place
        places.add(place)

    assert len(places) > 1


def test_earlier_pairs_come_out_of_the_pool() -> None:
    """Still paired, and of another batch than the one that went in."""
    pool = PairPool(batches=1)
    generators = Generators.of_seed(1)
    first, second = batch_of("ab", side=64), batch_of("cd", side=64)

    put_in = degraded_realsr(first, generators, pool=pool)
    taken_out = degraded_realsr(second, generators, pool=pool)

    assert torch.equal(put_in.gt, first.gt)
    order = [next(place for place in range(2) if torch.equal(gt, put_in.gt[place])) for gt in taken_out.gt]
    assert sorted(order) == [0, 1]
    assert torch.equal(taken_out.lq, put_in.lq[order])


def test_a_batch_of_pairs_is_tensors_with_the_channels_first() -> None:
    """The masks come along where there are any."""
    pairs = [pair_of("inpaint-face", name, side=64) for name in "ab"]

    batch = pair_batch(pairs)

    assert batch.mask is not None
    assert batch.mask.shape == (2, 1, 64, 64)
    assert torch.equal(batch.lq, batch.gt * (1 - batch.mask))
    np.testing.assert_array_equal(batch.gt[1].permute(1, 2, 0), pairs[1].gt)
    assert pair_batch([pair_of("bicsr", side=32)]).mask is None


class Prepared(Dataset[Any]):
    """Four pictures, prepared where they are asked for."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return realsr_picture(a_picture(60, 80, str(index)), of(str(index)), side=32)


@pytest.mark.slow
def test_workers_prepare_what_the_loop_would_prepare_itself() -> None:
    """Batches cross over to the loop's process as they are, tuples with names and all."""
    options: dict[str, Any] = {"batch_size": 2, "collate_fn": realsr_batch}

    here = list(DataLoader(Prepared(), **options))
    elsewhere = list(DataLoader(Prepared(), num_workers=2, multiprocessing_context="spawn", **options))

    assert len(here) == len(elsewhere) == 2
    for one, other in zip(here, elsewhere, strict=True):
        assert isinstance(other, RealsrBatch)
        assert torch.equal(one.gt, other.gt)
        assert all(torch.equal(a, b) for a, b in zip(one.kernels, other.kernels, strict=True))
    assert isinstance(degraded_realsr(elsewhere[0], Generators.of_seed(0)), PairBatch)


def test_what_cannot_be_trained_on_is_refused_in_one_sentence() -> None:
    """Arrays of another kind, faces of another size, sides that four does not divide, and tasks that nobody knows."""
    face = a_picture(100, 96)
    with pytest.raises(RestobenchError, match=r"8 bits or float32 in \[0, 1\]; this one is uint16 of \(100, 96, 3\)"):
        training_pair("bicsr", (face * 255).astype(np.uint16), of("a"))  # type: ignore[arg-type]
    with pytest.raises(RestobenchError, match=r"this one is float32 of \(100, 96\)"):
        realsr_picture(face[..., 0], of("a"))
    with pytest.raises(RestobenchError, match="aligned and has 512 x 512 pixels; this picture has 96 x 100"):
        training_pair("faceir", face, of("a"))
    with pytest.raises(RestobenchError, match="of 66 pixels cannot be made 4 times smaller exactly"):
        training_pair("bicsr", face, of("a"), side=66)
    with pytest.raises(RestobenchError, match="Pictures of 32 pixels cannot be cut to 64; prepare larger ones"):
        degraded_realsr(batch_of("a", side=32), Generators.of_seed(0), side=64)
    with pytest.raises(RestobenchError, match="degraded as a batch: prepare them with realsr_picture"):
        training_pair("realsr", face, of("a"))
    with pytest.raises(RestobenchError, match=r"No training task is called 'faceirr'\. Did you mean 'faceir'"):
        training_pair("faceirr", face, of("a"))  # type: ignore[arg-type]
    with pytest.raises(RestobenchError, match="must have one size, and these have 64 x 64, 8 x 8"):
        pair_batch([pair_of("inpaint-imagenet", side=64), pair_of("bicsr", side=32)])
