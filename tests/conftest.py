"""A home of its own for every test run, and small pictures to work on."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image


@pytest.fixture(scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _own_home(session_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test does touches the user's cache, data sets or runs."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(session_home))
    monkeypatch.setenv("RESTOBENCH_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("RESTOBENCH_DATASETS", raising=False)


def picture(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """A smooth random picture, (H, W, 3)."""
    small = np.random.default_rng(seed).integers(0, 256, (max(2, height // 6), max(2, width // 6), 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture
def make_pairs(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a folder with lq/ and gt/ and returns it."""

    def make(
        ids: Sequence[str] = ("a", "b", "c"),
        *,
        size: tuple[int, int] = (13, 17),
        scale: int = 2,
        name: str = "pairs",
        gt: bool = True,
    ) -> Path:
        folder = tmp_path / name
        for number, sample_id in enumerate(ids):
            clean = picture(number, size[0] * scale, size[1] * scale)
            for part, pixels in (("lq", clean[::scale, ::scale]), ("gt", clean)):
                if part == "gt" and not gt:
                    continue
                path = folder / part / f"{sample_id}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
        return folder

    return make
