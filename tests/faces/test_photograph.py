"""Whole photographs: which faces are restored, by what noise, and what the result shows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.faces.detection import Face
from restobench.faces.pasting import finished, make_canvas
from restobench.faces.photograph import Selection, Tools, Wishes, align_faces, restore_photograph
from restobench.faces.reading import as_photograph
from restobench.noise import Noise
from tests.faces.drawn import everything_is_face, face_at, knows, portrait, smooth

CROWD = [face_at((130, 150), 160), face_at((420, 160), 190, 12, 1), face_at((300, 385), 200, -20, 2)]


def brighter(lq: Tensor, noise: Noise) -> Tensor:
    return (lq + 0.1).clamp(0, 1)


def noisy(lq: Tensor, noise: Noise) -> Tensor:
    return (lq + 0.1 * noise.draw(lq.shape[1:])).clamp(0, 1)


def unchanged(lq: Tensor, noise: Noise) -> Tensor:
    return lq


def tools(faces: Sequence[Face]) -> Tools:
    return Tools(find=knows(*faces), parse=everything_is_face, restore=brighter)


def some_noise() -> Noise:
    return Noise.of_seed(5, ["group"])


def bilinear(stored: NDArray[np.uint8], upscale: int = 2) -> NDArray[np.uint8]:
    return finished(make_canvas(as_photograph(stored).picture, upscale))


def levels_at(result: NDArray[np.uint8], below: NDArray[np.uint8], centre: tuple[float, float]) -> float:
    """By how much the result is brighter than what lay below, around a point of the photograph."""
    x, y = (round(2 * side) for side in centre)
    window = (slice(y - 20, y + 20), slice(x - 20, x + 20))
    return float(result[window].mean() - below[window].mean())


def test_a_photograph_without_a_face_is_enlarged_and_counted() -> None:
    """Nothing is restored, nothing fails."""
    stored = smooth(530, 610)

    done = restore_photograph(as_photograph(stored), tools([]), some_noise(), Wishes())

    assert np.array_equal(done.picture, bilinear(stored))
    assert (done.found, done.dropped, done.faces, done.failures) == (0, 0, [], {})


def test_every_face_of_three_is_restored_where_it_is() -> None:
    """In one batch or three: brighter faces in an unchanged picture."""
    stored = smooth(530, 610)
    below = bilinear(stored)

    done = restore_photograph(as_photograph(stored), tools(CROWD), some_noise(), Wishes(batch_size=2))

    assert done.picture.shape == (1060, 1220, 3)
    assert sorted(done.restored) == sorted(done.crops) == [0, 1, 2]
    for centre in ((130, 150), (420, 160), (300, 385)):
        assert levels_at(done.picture, below, centre) == pytest.approx(25, abs=1)
    assert np.array_equal(done.picture[:, 1100:], below[:, 1100:])


def test_a_face_s_noise_is_its_own() -> None:
    """Neither the batch nor which other faces are restored changes it."""
    photograph = as_photograph(smooth(530, 610))
    with_noise = replace(tools(CROWD), restore=noisy)

    alone, together = (
        restore_photograph(photograph, with_noise, some_noise(), Wishes(batch_size=size)) for size in (1, 3)
    )
    centre = restore_photograph(
        photograph, with_noise, some_noise(), Wishes(selection=Selection(only_center_face=True), batch_size=3)
    )

    assert np.array_equal(alone.picture, together.picture)
    assert list(centre.restored) == [2]
    assert np.array_equal(centre.restored[2], together.restored[2])
    assert not np.array_equal(together.restored[0] - together.crops[0], together.restored[1] - together.crops[1])
    assert (centre.found, centre.dropped) == (3, 0)


def test_tiny_faces_are_counted_and_left() -> None:
    """By the distance that was asked for."""
    stored = smooth(530, 610)
    crowd = [CROWD[0], face_at((400, 300), 30, number=1)]

    released = restore_photograph(as_photograph(stored), tools(crowd), some_noise(), Wishes())
    true = restore_photograph(
        as_photograph(stored), tools(crowd), some_noise(), Wishes(selection=Selection(eye_distance="true"))
    )

    assert (released.found, released.dropped, list(released.restored)) == (2, 1, [0])
    assert (true.found, true.dropped, list(true.restored)) == (2, 0, [0, 1])


def test_a_face_whose_restoration_fails_is_left_and_named() -> None:
    """The others of its batch are restored; the released program would say nothing."""
    stored = smooth(530, 610)
    shapes = []

    def sometimes(lq: Tensor, noise: Noise) -> Tensor:
        shapes.append(len(lq))
        if len(lq) > 1 or torch.equal(lq[0], second):
            raise RuntimeError("out of memory")
        return brighter(lq, noise)

    crops = [face.crop for face in align_faces(stored, knows(*CROWD))]
    second = torch.from_numpy(crops[1].transpose(2, 0, 1).astype(np.float32) / np.float32(255))

    done = restore_photograph(
        as_photograph(stored), replace(tools(CROWD), restore=sometimes), some_noise(), Wishes(batch_size=3)
    )

    assert done.failures == {1: "RuntimeError: out of memory"}
    assert list(done.restored) == [0, 2]
    assert shapes == [3, 1, 1, 1]
    assert levels_at(done.picture, bilinear(stored), (420, 160)) == pytest.approx(0, abs=0.5)
    assert levels_at(done.picture, bilinear(stored), (130, 150)) == pytest.approx(25, abs=1)


def test_a_face_that_is_not_finite_or_of_another_size_fails() -> None:
    """One picture of a batch, or a method that enlarges."""

    def one_broken(lq: Tensor, noise: Noise) -> Tensor:
        broken = lq.clone()
        broken[0, 0, 3, 3] = torch.nan
        return broken

    def larger(lq: Tensor, noise: Noise) -> Tensor:
        return lq.repeat_interleave(2, 2).repeat_interleave(2, 3)

    photograph = as_photograph(smooth(530, 610))
    wishes = Wishes(batch_size=3)

    broken = restore_photograph(photograph, replace(tools(CROWD), restore=one_broken), some_noise(), wishes)
    enlarged = restore_photograph(photograph, replace(tools(CROWD), restore=larger), some_noise(), wishes)

    assert broken.failures == {0: "The restored face holds values that are not numbers."}
    assert enlarged.failures.keys() == {0, 1, 2}
    assert enlarged.failures[2].startswith("The method returned the shape (1, 3, 1024, 1024) for faces of")


def test_landmarks_that_make_no_sense_are_a_face_s_failure() -> None:
    """A profile whose points are not finite is dropped; what cannot be aligned is named."""
    spot = Face(0, (0, 0, 9, 9), 0.9, ((50.0, 50.0), (50.0, 56.0), *[(50.0, 50.0)] * 3))
    nowhere = Face(1, (0, 0, 9, 9), 0.9, ((float("nan"), 1.0),) * 5)

    done = restore_photograph(as_photograph(smooth(530, 610)), tools([spot, nowhere, CROWD[2]]), some_noise(), Wishes())

    assert done.dropped == 1
    assert list(done.restored)[-1] == 2
    assert done.picture.shape == (1060, 1220, 3)


def test_a_black_and_white_photograph_stays_so() -> None:
    """What the method paints is taken away, and the face has the crop's mean again."""

    def painted(lq: Tensor, noise: Noise) -> Tensor:
        return (lq * torch.tensor([1.0, 0.7, 0.4])[:, None, None] + 0.1).clamp(0, 1)

    colour, landmarks = portrait("grace-hopper")
    stored = np.repeat(colour.mean(axis=2, keepdims=True).round().astype(np.uint8), 3, axis=2)
    face = Face(0, (200, 150, 330, 320), 0.9, landmarks)
    painting = replace(tools([face]), restore=painted)

    kept = restore_photograph(as_photograph(stored), painting, some_noise(), Wishes())
    coloured = restore_photograph(as_photograph(stored), painting, some_noise(), Wishes(keep_grey=False))

    assert (kept.picture == kept.picture[..., :1]).all()
    assert not (coloured.picture == coloured.picture[..., :1]).all()
    assert kept.restored[0].mean() == pytest.approx(kept.crops[0].mean(), abs=0.01)
    assert kept.picture.dtype == np.uint8


def test_a_photograph_in_colour_keeps_a_grey_face() -> None:
    """It is the photograph that decides, not the face."""
    stored = smooth(530, 610)
    stored[70:230, 50:210] = stored[70:230, 50:210, :1]

    done = restore_photograph(as_photograph(stored), tools(CROWD[:1]), some_noise(), Wishes())

    assert done.restored[0].dtype == np.uint8


@pytest.mark.parametrize(("size", "result"), [((40, 40), (1024, 1024)), ((37, 53), (1024, 1466))])
def test_a_tiny_photograph_becomes_twice_what_was_read(size: tuple[int, int], result: tuple[int, int]) -> None:
    """And not twice what was stored."""
    done = restore_photograph(as_photograph(smooth(*size)), tools([face_at((256, 256), 300)]), some_noise(), Wishes())

    assert done.picture.shape == (*result, 3)
    assert list(done.restored) == [0]


def test_sixteen_bits_give_eight() -> None:
    """The faces are cut out of what is finer than 8 bits."""
    stored = smooth(530, 610).astype(np.uint16) * 257 + 100

    done = restore_photograph(
        as_photograph(stored), replace(tools(CROWD), restore=unchanged), some_noise(), Wishes(upscale=1)
    )

    assert done.picture.dtype == np.uint8
    assert done.crops[0].dtype == np.float32
    assert np.abs(done.picture.astype(int) - stored // 257).max() <= 1


def test_the_background_is_made_from_what_was_stored() -> None:
    """Of a small photograph, before it was enlarged; a method's own scale need not be the wanted one."""
    stored, asked = smooth(300, 310), []

    def four_times(lq: Tensor, noise: Noise) -> Tensor:
        asked.append((tuple(lq.shape), noise.ids))
        return 0.5 * torch.ones(1, 3, 4 * lq.shape[2], 4 * lq.shape[3])

    done = restore_photograph(as_photograph(stored), replace(tools([]), enlarge=four_times), some_noise(), Wishes())

    assert asked == [((1, 3, 300, 310), ("group",))]
    assert done.picture.shape == (1024, 1058, 3)
    assert np.abs(done.picture.astype(int) - 128).max() <= 1


def test_restored_faces_are_enlarged_too_where_that_is_asked_for() -> None:
    """They lie where they lay, and went through the enlarger at 512 x 512."""
    stored, asked = smooth(530, 610), []

    def twice(lq: Tensor, noise: Noise) -> Tensor:
        asked.append(tuple(lq.shape[2:]))
        return lq.repeat_interleave(2, 2).repeat_interleave(2, 3)

    photograph, enlarging = as_photograph(stored), replace(tools(CROWD), enlarge=twice)

    plain = restore_photograph(photograph, enlarging, some_noise(), Wishes())
    enlarged = restore_photograph(photograph, enlarging, some_noise(), Wishes(enlarge_faces=True))

    assert asked == [(530, 610), (530, 610), (512, 512), (512, 512), (512, 512)]
    assert not np.array_equal(plain.picture, enlarged.picture)
    assert np.abs(plain.picture.astype(int) - enlarged.picture).max() <= 12
    assert enlarged.restored[0].shape == (512, 512, 3)


def test_a_background_that_is_not_finite_is_an_error() -> None:
    """Of the photograph: there is nothing to paste onto."""

    def broken(lq: Tensor, noise: Noise) -> Tensor:
        return torch.full_like(lq, torch.nan)

    with pytest.raises(RestobenchError, match="background holds values that are not numbers"):
        restore_photograph(
            as_photograph(smooth(530, 610)), replace(tools(CROWD), enlarge=broken), some_noise(), Wishes()
        )


def test_faces_can_be_aligned_and_nothing_more() -> None:
    """For data sets of aligned faces: the crops that a method would be given."""
    stored = smooth(530, 610)
    photograph = as_photograph(stored)

    crops = [face.crop for face in align_faces(stored, knows(*CROWD))]

    done = restore_photograph(photograph, tools(CROWD), some_noise(), Wishes())
    assert len(crops) == 3
    assert all(np.array_equal(crop, done.crops[number]) for number, crop in enumerate(crops))
    assert align_faces(stored, knows()) == []
    assert len(align_faces(stored, knows(*CROWD), Selection(only_center_face=True))) == 1
