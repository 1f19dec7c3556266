"""A home of its own for every test run, and small pictures to work on."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from restobench.plugins import plugins


@pytest.fixture(scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _own_home(session_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test does touches the user's caches, data sets or runs."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(session_home))
    monkeypatch.setenv("RESTOBENCH_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("HF_HOME", str(session_home / "huggingface"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("RESTOBENCH_DATASETS", raising=False)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small networks in one thread: several wait for each other, for seconds where the machine has other work."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def quick_canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics that take no time: FSIM alone would take as long as a file of tests."""
    from restobench import canaries
    from restobench.metrics.registry import choose_metrics

    chosen = choose_metrics(["psnr", "psnr-y", "ssim"])
    monkeypatch.setattr(canaries, "all_metrics", lambda: chosen)


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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture(scope="session")
def face_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Weights for the tool `faces`, whose detector finds two faces in Grace Hopper's portrait, none in plain grey."""
    pytest.importorskip("facexlib", reason="facexlib is not installed: pip install 'restobench[face]'")
    from tests.faces.drawn import portrait
    from tests.faces.real_networks import save_detection, save_parsing

    folder = tmp_path_factory.mktemp("face-weights")
    files = {part: folder / f"{part}.pth" for part in ("detection", "parsing")}
    save_detection(files["detection"], portrait("grace-hopper")[0], faces=2)
    save_parsing(files["parsing"])
    yield files
    for file in files.values():
        file.unlink()  # 195 MB, which pytest would keep for three sessions


CARD = 'title = "Mine"\nsummary = "S"\nrevision = "1"\nlicence = "MIT"\n'


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that puts a distribution with one method on the path, as pip would."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    packages = []

    def make(
        distribution: str,
        name: str,
        *,
        package: str,
        source: str = "class Mine:\n    pass\n",
        card: str = CARD,
        module: str = "method",
    ) -> None:
        packages.append(package)
        (site / package).mkdir(exist_ok=True)
        (site / package / "__init__.py").write_text("")
        (site / package / "method.py").write_text(source)
        (site / package / "card.toml").write_text(card)
        # As pip does: two names that begin alike would else be taken for one.
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[restobench.methods]\n{name} = {package}.{module}:Mine\n")
        importlib.invalidate_caches()
        plugins.cache_clear()

    yield make
    plugins.cache_clear()
    for imported in [module for module in sys.modules if module.partition(".")[0] in packages]:
        del sys.modules[imported]


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[object], object]:
    """A function that writes a state as a training does, and gives what is read again."""
    import torch

    def through_a_file(state: object) -> object:
        torch.save(state, tmp_path / "state.pt")
        return torch.load(tmp_path / "state.pt", weights_only=True)

    return through_a_file
