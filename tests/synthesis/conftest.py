"""Clean pictures to make sets from, and a set as bytes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.conftest import picture

NAMES = ("b.png", "a 1.jpg", "ü/c.bmp", "ü/d/e.png", "f.PNG", "g.tif")


def texture(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """A smooth picture with a little grain, so that nothing is exactly flat."""
    grain = np.random.default_rng(seed).normal(0, 3, (height, width, 3))
    return (picture(seed, height, width) + grain).clip(0, 255).astype(np.uint8)


@pytest.fixture
def clean(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a folder of clean pictures and returns it."""

    def write(*names: str, size: tuple[int, int] = (40, 56), folder: str = "clean") -> Path:
        for number, name in enumerate(names or NAMES):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(texture(number, *size)).save(path)
        return tmp_path / folder

    return write


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a set by its path, but for the lock."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
