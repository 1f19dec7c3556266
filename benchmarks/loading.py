"""How fast pairs are read, ahead of a method and not, beside basicsr's data set in PyTorch's loader.

    .venv/bin/python benchmarks/loading.py [PAIRS]

All give the same: lq and gt as float32 tensors in [0, 1]. Told are pairs a second by the wall clock, and
how busy a method is kept that takes as long for a picture as one takes to decode: where nothing is read
ahead, half of the time. The method sleeps, as a processor waits for a graphics card. basicsr's lines need
that extra; its data set decodes by OpenCV and looks at nothing, ours refuses what is transparent, cut off
or of 16 bits, and turns what EXIF says is turned. Asserts nothing.
"""

import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch
from PIL import Image
from synthesis import write_clean
from torch import Tensor

from restobench.ahead import read_ahead
from restobench.dataset import Sample, open_dataset
from restobench.image import read_array, to_tensor

PAIRS = 80
SIDES = {"faces, 512 and 512": (512, 1), "super-resolution, 64 and 256": (256, 4)}
ROUNDS = 3

Pairs = Iterator[tuple[Tensor, Tensor]]


def write_pairs(folder: Path, count: int, side: int, scale: int) -> None:
    """A data set of crops; lq is the clean one made smaller."""
    folder.mkdir()
    write_clean(folder / "gt", count, side)
    (folder / "lq").mkdir()
    for path in (folder / "gt").iterdir():
        with Image.open(path) as clean:
            clean.resize((side // scale, side // scale), Image.Resampling.BICUBIC).save(folder / "lq" / path.name)


def _pair(sample: Sample) -> tuple[Tensor, Tensor]:
    assert sample.lq
    assert sample.gt
    return to_tensor(read_array(sample.lq)), to_tensor(read_array(sample.gt))


def one_by_one(folder: Path) -> Pairs:
    """Ours, each read when it is wanted."""
    yield from map(_pair, open_dataset(folder).samples)


def ahead(folder: Path) -> Pairs:
    """Ours, as the restore and the evaluate stage read."""
    for _, pair in read_ahead(open_dataset(folder).samples, _pair):
        if isinstance(pair, Exception):
            raise pair
        yield pair


def by_basicsr(workers: int) -> Callable[[Path], Pairs]:
    """basicsr's PairedImageDataset as its test programs load it: one pair at a time, in so many processes."""

    def read(folder: Path) -> Pairs:
        from degradations import basicsr

        options = {
            "dataroot_gt": str(folder / "gt"),
            "dataroot_lq": str(folder / "lq"),
            "io_backend": {"type": "disk"},
            "phase": "val",
            "scale": 1,
        }
        pictures = basicsr("data.paired_image_dataset").PairedImageDataset(options)
        for pair in torch.utils.data.DataLoader(pictures, batch_size=1, num_workers=workers):
            yield pair["lq"][0], pair["gt"][0]

    return read


def seconds(read: Callable[[Path], Pairs], folder: Path, pause: float = 0.0) -> float:
    """From the first pair to the last, after which a method of `pause` seconds works on each."""
    pairs = read(folder)
    next(pairs)  # processes and threads have started
    before = time.perf_counter()
    for _ in pairs:
        time.sleep(pause)
    return time.perf_counter() - before


def main() -> None:
    """Measure and print a Markdown table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    torch.set_num_threads(1)
    lines: dict[str, Callable[[Path], Pairs]] = {"one by one": one_by_one, "read ahead, 4 threads": ahead}
    if find_spec("basicsr"):
        lines |= {f"basicsr, {workers} processes": by_basicsr(workers) for workers in (0, 2)}
    print(f"python benchmarks/loading.py {count}")
    print(f"Python {platform.python_version()}, torch {version('torch')}, {platform.machine()}")
    print("basicsr is there" if find_spec("basicsr") else "basicsr is not installed: its lines are missing", end="\n\n")
    print("| pairs | read | pairs a second | a method as fast as decoding is busy |")
    print("|---|---|---:|---:|")
    with tempfile.TemporaryDirectory() as temporary:
        for title, (side, scale) in SIDES.items():
            folder = Path(temporary) / f"{side}"
            write_pairs(folder, count, side, scale)
            alone = statistics.median(seconds(one_by_one, folder) for _ in range(ROUNDS)) / (count - 1)
            for name, read in lines.items():
                taken = statistics.median(seconds(read, folder) for _ in range(ROUNDS))
                waited = statistics.median(seconds(read, folder, alone) for _ in range(ROUNDS))
                busy = alone * (count - 1) / waited
                print(f"| {title} | {name} | {(count - 1) / taken:.0f} | {busy:.0%} |", flush=True)


if __name__ == "__main__":
    main()
