"""Faces of 512 x 512: by the ranges that papers train with, and the CelebA-Test of DifFace and ResShift."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from restobench.degradations.face import FaceDegradation, degraded_face, draw_celeba_test, draw_for_training, made_grey
from restobench.degradations.generators import Generators
from restobench.degradations.recipes import FACE_RECIPES
from restobench.synthesis.recipe import FACE_SIDE, Pair, Parameters, Planned, parsed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from restobench.synthesis.recipe import Stored

    Floats = NDArray[np.float32]

CELEBA_TEST_COUNT = 2000


@dataclass(frozen=True)
class _Values:
    """A face's parameters; its noise comes from a stream of its own."""

    degradation: FaceDegradation
    noise_tag: str
    noise_seed: int


@dataclass(frozen=True)
class _TapeValues:
    """A face's parameters; its noise stands on one tape with that of all the others."""

    degradation: FaceDegradation
    noise_seed: int
    noise_from: int
    """How many numbers of the tape the faces before it have used."""


_VALUES, _TAPE_VALUES = TypeAdapter(_Values), TypeAdapter(_TapeValues)


class FaceTraining:
    """By the ranges that a paper trains with; each face draws from streams of its own."""

    def __init__(self, name: str) -> None:
        """By the recipe of that name in `degradations.recipes`."""
        self._recipe = FACE_RECIPES[name]

    def plan(self, ids: Sequence[str], seed: int) -> list[Planned]:
        """All faces."""
        planned = []
        for sample_id in ids:
            drawn = draw_for_training(self._recipe, Generators.of_sample(seed, f"{sample_id}/parameters"))
            planned.append(Planned(sample_id, asdict(_Values(drawn, f"{sample_id}/noise", seed))))
        return planned

    def make(self, picture: Stored, parameters: Parameters) -> Pair:
        """The degraded face; the clean one is made grey where that one is."""
        values = parsed(_VALUES, parameters)
        stream = Generators.of_sample(values.noise_seed, values.noise_tag).numpy
        gt = _eight_bit(made_grey(_floats(picture))) if values.degradation.grey else picture
        return Pair(gt, _degraded(picture, values.degradation, stream.standard_normal(_shape(values.degradation))))

    def tags(self, parameters: Parameters) -> dict[str, str]:
        """None: all faces are degraded in one way."""
        return {}


class CelebaTest:
    """CelebA-Test as DifFace and ResShift made it, the same picture for picture.

    Python's generator under one seed shuffles the sorted names, of which the first 2,000 are taken,
    and draws their values one face after the other; NumPy's draws their noise, also one after the
    other. So a face depends on which pictures there are: the published set is of all 30,000.
    """

    def __init__(self) -> None:
        """No tape is wound up yet."""
        self._tapes: dict[int, _Tape] = {}

    def plan(self, ids: Sequence[str], seed: int) -> list[Planned]:
        """At most 2,000 faces, in the order of the draw."""
        python = random.Random(seed)
        shuffled = sorted(ids)
        python.shuffle(shuffled)
        planned, used = [], 0
        for sample_id in shuffled[:CELEBA_TEST_COUNT]:
            drawn = draw_celeba_test(python)
            planned.append(Planned(sample_id, asdict(_TapeValues(drawn, seed, used))))
            height, width, channels = _shape(drawn)
            used += height * width * channels
        return planned

    def make(self, picture: Stored, parameters: Parameters) -> Pair:
        """The face itself, and the degraded one."""
        values = parsed(_TAPE_VALUES, parameters)
        tape = self._tapes.setdefault(values.noise_seed, _Tape(values.noise_seed))
        noise = tape.read(values.noise_from, _shape(values.degradation))
        return Pair(picture, _degraded(picture, values.degradation, noise))

    def tags(self, parameters: Parameters) -> dict[str, str]:
        """None: all faces are degraded in one way."""
        return {}


class _Tape:
    """The standard normals of NumPy's old generator under one seed, read at any place by any thread.

    That generator cannot jump ahead; so its states at the places read are kept, and what lies
    between the nearest of them and the wanted place is drawn and thrown away.
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.RandomState(seed)
        self._places = [0]
        self._states: list[Any] = [self._generator.get_state()]
        self._lock = Lock()

    def read(self, place: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """The numbers from `place` on, in this shape."""
        with self._lock:
            nearest = bisect_right(self._places, place) - 1
            self._generator.set_state(self._states[nearest])
            self._generator.standard_normal(place - self._places[nearest])
            self._remember(place)
            numbers = np.asarray(self._generator.standard_normal(shape))
            self._remember(place + numbers.size)
            return numbers

    def _remember(self, place: int) -> None:
        at = bisect_right(self._places, place)
        if self._places[at - 1] != place:
            self._places.insert(at, place)
            self._states.insert(at, self._generator.get_state())


def _shape(degradation: FaceDegradation) -> tuple[int, int, int]:
    """Of the small face, to which the noise is added."""
    side = int(FACE_SIDE // degradation.down_factor)
    return side, side, 3


def _degraded(picture: Stored, degradation: FaceDegradation, noise: NDArray[np.float64]) -> Stored:
    return _eight_bit(degraded_face(_floats(picture), degradation, noise))


def _floats(picture: Stored) -> Floats:
    return picture.astype(np.float32) / np.float32(255)


def _eight_bit(picture: Floats) -> Stored:
    return (picture * 255).round().clip(0, 255).astype(np.uint8)
