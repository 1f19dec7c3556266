"""What a recipe says of itself, and what its code does: draw a sample's values; from a clean picture make a pair.

The two are apart so that a set can be made again from the values in its manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from restobench.card import Task
from restobench.errors import RestobenchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Stored = NDArray[np.uint8]
    """(H, W, 3), 8-bit RGB."""

FACE_SIDE = 512
"""Of the faces that all face recipes take and give, in pixels."""

_PROTOCOLS: dict[Task, str] = {"super-resolution": "sr-synthetic-v1", "face": "face-synthetic-v1"}

Parameters = dict[str, Any]
"""All that a sample's pixels follow from beside the clean picture, as JSON has it: values, and the names and
seeds of the streams that its noise comes from."""


@dataclass(frozen=True)
class Recipe:
    """What a recipe says of itself; its code is loaded by `registry.maker_of`."""

    name: str
    summary: str
    task: Task
    revision: str = "1"
    """Changes when its pictures do."""
    scale: int = 1
    seed: int = 0
    """Where none is given; the published one, where there is one."""
    size: tuple[int, int] | None = None
    """Width and height of the only clean pictures it takes."""
    min_side: int = 32
    """Of the clean pictures, in pixels."""
    made_size: str = "varying"
    """Of the set's clean pictures, in words."""
    citation: str | None = None
    libraries: tuple[str, ...] = ("numpy", "pillow", "opencv-python-headless")
    """Distributions whose versions may move its pixels or bytes."""

    @property
    def protocol(self) -> str:
        """What its sets are scored by: that of the papers on its task."""
        return _PROTOCOLS.get(self.task, "restoration-v1")

    def misfit(self, width: int, height: int) -> str | None:
        """Why a clean picture of this size cannot be taken; None: it can."""
        if self.size and (width, height) != self.size:
            return f"{width} x {height}, and '{self.name}' degrades pictures of {self.size[0]} x {self.size[1]}"
        if min(width, height) < self.min_side:
            return f"{width} x {height}, and '{self.name}' needs sides of at least {self.min_side} pixels"
        return None


class Planned(NamedTuple):
    """A sample that a set will have."""

    id: str
    parameters: Parameters


class Pair(NamedTuple):
    """A sample's pictures, (H, W, 3), 8-bit RGB; gt is the recipe's `scale` times as large as lq."""

    gt: Stored
    lq: Stored


class Maker(Protocol):
    """A recipe's code."""

    def plan(self, ids: Sequence[str], seed: int) -> list[Planned]:
        """Choose samples among all clean pictures (ids in sorted order) and draw their values."""

    def make(self, picture: Stored, parameters: Parameters) -> Pair:
        """The pair of a clean picture; the same for the same arguments, whatever was made before.

        Raises:
            RestobenchError: The values are none of this recipe's, or the picture does not fit them.
        """

    def tags(self, parameters: Parameters) -> dict[str, str]:
        """By what samples can be told apart in tables; empty where there is nothing."""


Values = TypeVar("Values")


def parsed(adapter: TypeAdapter[Values], parameters: Parameters) -> Values:
    """The parameters as what they were before they became JSON.

    Raises:
        RestobenchError: They are something else.
    """
    try:
        return adapter.validate_python(parameters)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3])
        raise RestobenchError(f"the recorded parameters are not this recipe's ({wrong})") from None
