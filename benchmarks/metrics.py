"""One evaluation with seven metrics beside one process for each that runs pyiqa; and the Frechet distance beside sqrtm.

    .venv/bin/python benchmarks/metrics.py [scores] [memory] [frechet] [large] [--side 96] [--metrics ...]

`scores`: crops of scikit-image's photographs in four sizes, noisy ones against clean ones. `restobench
evaluate` scores them once with all metrics; then, for each metric, a process builds pyiqa's and is given
picture after picture, as pyiqa's command line does. Networks of full size on both sides read the same
files of weights, whose values follow from names, so that the numbers must agree; the largest
difference is told. Processor time of whole processes, start-up included, with one thread setting for both.

`frechet`: features like Inception's (2048, correlated) for n = 407, 970 and 3,000 against stored
statistics, and two sets of 407; ours and the textbook's formula with scipy's `sqrtm`.

`memory`: the peak of `restobench evaluate --metrics fid-gt` over so many pictures, and over four times as many.

`large`, where it is asked for: the peak of a process that scores one pair of `--side` pixels, for each metric.

Needs the extra `iqa` and no network. Asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PARTS = ["scores", "memory", "frechet"]
ASKED_FOR = ["large"]
METRICS = "psnr,ssim,psnr-y,lpips-alex,lpips-vgg,clipiqa-pyiqa,musiq"
THEIRS: dict[str, tuple[str, dict[str, object]]] = {
    # Our name: pyiqa's, and what it must be told to compute the same.
    "psnr": ("psnr", {}),
    "ssim": ("ssimc", {}),
    "psnr-y": ("psnr", {"test_y_channel": True, "color_space": "ycbcr"}),
    "lpips-alex": ("lpips", {}),
    "lpips-vgg": ("lpips-vgg", {}),
    "dists": ("dists", {}),
    "musiq": ("musiq", {}),
    "topiq_nr": ("topiq_nr", {"backbone_pretrain": False}),  # its own file holds the backbone
    "clipiqa-pyiqa": ("clipiqa", {}),
}


def write_pictures(folder: Path, count: int, side: int) -> None:
    """Clean crops with sides of `side` to half as much again, and the same with noise, as 8-bit PNG."""
    import numpy as np
    from PIL import Image
    from skimage import data

    photographs = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    longer, between = side * 3 // 2, side * 4 // 3
    sizes = ((side, side), (side, longer), (longer, side), (between, between))
    generator = np.random.default_rng(0)
    for number in range(count):
        photograph, (height, width) = photographs[number % 4], sizes[number // 4 % 4]
        top, left = (
            int(generator.integers(0, side - size))
            for side, size in zip(photograph.shape[:2], (height, width), strict=True)
        )
        clean = photograph[top : top + height, left : left + width]
        noisy = np.clip(clean + generator.normal(0, 12, clean.shape), 0, 255).round().astype(np.uint8)
        for part, pixels in (("clean/gt", clean), ("restored", noisy)):
            (folder / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / part / f"{number:03}.png")


def write_weights(home: Path, names: Sequence[str]) -> None:
    """Files of weights with values that follow from names: where restobench keeps them, and where pyiqa does."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import lpips
    import torch

    from tests.metrics.filled import clip, put_weights

    ours = home / "weights" / "metrics" / "restobench"
    ours.mkdir(parents=True)
    if {"clipiqa", "clipiqa-pyiqa"} & set(names):  # the tests make do with a small one
        torch.save(clip(full=True).state_dict(), ours / "RN50.pt")
    put_weights(home, *names)
    places = [home / "hub" / place for place in ("checkpoints", "pyiqa", "clip")]
    for place in places:
        place.mkdir(parents=True)
        for path in ours.iterdir():
            (place / path.name).symlink_to(path)
    # pyiqa keeps LPIPS's linear layers in files of its own; the lpips package has the same ones.
    for network, file in (("alex", "LPIPS_v0.1_alex-df73285e.pth"), ("vgg", "LPIPS_v0.1_vgg-a78928a0.pth")):
        (places[1] / file).symlink_to(Path(lpips.__file__).parent / "weights" / "v0.1" / f"{network}.pth")


def theirs(name: str, work: Path) -> None:
    """The process of one metric: pyiqa's network, given picture after picture; prints the values as JSON."""
    import torch.hub

    torch.hub.set_dir(work / "home" / "hub")
    import pyiqa
    import pyiqa.archs.clip_model

    # Its own check takes OpenAI's very file, a TorchScript archive; here it is a state dict.
    pyiqa.archs.clip_model._download = lambda url, root: str(work / "home" / "hub" / "clip" / Path(url).name)
    torch.jit.load = _no_archive

    called, options = THEIRS[name]
    metric = pyiqa.create_metric(called, device="cpu", **options)
    values = []
    for path in sorted((work / "restored").iterdir()):
        pair = (str(path), str(work / "clean" / "gt" / path.name))
        values.append(metric(*pair).item() if metric.metric_mode == "FR" else metric(pair[0]).item())
    print("values:" + json.dumps(values))


def _no_archive(*_: object, **__: object) -> None:
    raise RuntimeError


class Ended(NamedTuple):
    """What a process cost and printed."""

    seconds: float
    """Of the processor."""
    wall: float
    peak_mb: float
    printed: str


def ended(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a process to its end."""
    with tempfile.TemporaryFile("w+") as file:
        begun = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        file.seek(0)
        printed = file.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{printed}")
    return Ended(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, printed)


def evaluated(work: Path, names: Sequence[str], threads: int) -> Ended:
    """`restobench evaluate` of the pictures in `work` with these metrics, all in one process."""
    what = ["--restored", str(work / "restored"), "--dataset", str(work / "clean"), "--as", "noisy"]
    command = [sys.executable, "-m", "restobench", "evaluate", *what, "--metrics", ",".join(names), "--device", "cpu"]
    return ended(command, surroundings(work, threads))


def surroundings(work: Path, threads: int) -> dict[str, str]:
    """Environment variables: where things lie, and one number of threads for both programs."""
    places = {"RESTOBENCH_HOME": str(work / "home"), "RESTOBENCH_RUNS": str(work / "runs"), "HF_HUB_OFFLINE": "1"}
    return os.environ | places | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def scores(names: Sequence[str], count: int, side: int, threads: int) -> None:
    """The first table."""
    import pandas as pd

    with tempfile.TemporaryDirectory(prefix="restobench-") as folder:
        work = Path(folder)
        write_pictures(work, count, side)
        write_weights(work / "home", names)
        ours = evaluated(work, names, threads)
        (table,) = (work / "runs").rglob("samples.parquet")
        values = pd.read_parquet(table).set_index("id").sort_index()
        print(f"\n{count} pictures with sides of {side} to {side * 3 // 2}, threads: {threads}\n")
        print("| | processor s | wall s | largest difference |\n|---|---:|---:|---:|")
        seconds = wall = 0.0
        for name in names:
            one = ended([sys.executable, __file__, "one", name, str(work)], surroundings(work, threads))
            found = json.loads(next(line for line in one.printed.splitlines() if line.startswith("values:"))[7:])
            apart = (values[name] - found).abs().max()
            print(f"| pyiqa, {name} | {one.seconds:.1f} | {one.wall:.1f} | {apart:.1e} |", flush=True)
            seconds, wall = seconds + one.seconds, wall + one.wall
        print(f"| pyiqa, {len(names)} processes | {seconds:.1f} | {wall:.1f} | |")
        print(f"| restobench evaluate | {ours.seconds:.1f} | {ours.wall:.1f} | |")
        print(f"| ratio | {seconds / ours.seconds:.1f} | {wall / ours.wall:.1f} | |")


def memory(count: int, side: int, threads: int) -> None:
    """The second table."""
    print("\n| FID against the clean pictures | peak, MB |\n|---|---:|")
    for pictures in (count, 4 * count):
        with tempfile.TemporaryDirectory(prefix="restobench-") as folder:
            work = Path(folder)
            write_pictures(work, pictures, side)
            write_weights(work / "home", ["fid-gt"])
            print(f"| {pictures} pictures | {evaluated(work, ['fid-gt'], threads).peak_mb:.0f} |", flush=True)


def large(names: Sequence[str], side: int, threads: int) -> None:
    """The table of `large`."""
    from restobench.metrics.registry import choose_metrics

    print(f"\n| one pair of {side} x {side} | peak, GB | processor s |\n|---|---:|---:|", flush=True)
    for metric in choose_metrics(names):
        with tempfile.TemporaryDirectory(prefix="restobench-") as folder:
            work = Path(folder)
            if metric.card.weights:
                write_weights(work / "home", [metric.name])
            command = [sys.executable, __file__, "pair", metric.name, str(side)]
            one = ended(command, surroundings(work, threads))
            print(f"| {metric.name} | {one.peak_mb / 1024:.1f} | {one.seconds:.0f} |", flush=True)


def pair(name: str, side: int) -> None:
    """The process of one metric of `large`: random pictures, one of them with noise."""
    import torch

    import restobench
    from restobench.metrics.registry import choose_metrics

    gt = torch.rand(1, 3, side, side)
    restored = (gt + 0.1 * torch.rand_like(gt)).clamp(0, 1)
    (metric,) = choose_metrics([name])
    restobench.score(restored, gt if metric.card.reference else None, metrics=[name])


def frechet(dimensions: int, threads: int) -> None:
    """The third table."""
    import numpy as np
    import scipy.linalg
    import torch

    from restobench.metrics.frechet import Gaussian, frechet_distance

    torch.set_num_threads(threads)
    generator = np.random.default_rng(0)
    mixing = generator.standard_normal((dimensions, dimensions)) / dimensions**0.5

    def features(count: int, seed: int) -> torch.Tensor:
        drawn = np.random.default_rng(seed).standard_normal((count, dimensions)) * np.logspace(0, -1.5, dimensions)
        return torch.from_numpy(np.abs(drawn @ mixing + 0.4).astype(np.float32))

    def by_sqrtm(x: torch.Tensor, mean: np.ndarray, covariance: np.ndarray) -> float:
        array = x.double().numpy()
        own = np.cov(array, rowvar=False)
        difference = array.mean(axis=0) - mean
        root = np.real(scipy.linalg.sqrtm(own @ covariance))
        return float(difference @ difference + np.trace(own) + np.trace(covariance) - 2 * np.trace(root))

    reference = Gaussian.of(features(6000, 1))
    begun = time.process_time()
    _ = reference.root
    print(f"\nThe reference's root, once: {time.process_time() - begun:.2f} s\n")
    print("| features | ours, s | sqrtm, s | ratio | relative difference |\n|---|---:|---:|---:|---:|")
    for count in (407, 970, 3000, 0):
        x = features(count or 407, 2)
        other = reference if count else features(407, 3)
        stored = other if isinstance(other, Gaussian) else Gaussian.of(other)
        begun = time.process_time()
        ours = frechet_distance(x, other)
        middle = time.process_time()
        expected = by_sqrtm(x, stored.mean.numpy(), stored.covariance.numpy())
        end = time.process_time()
        title = f"{count:,} against stored statistics" if count else "407 against 407"
        seconds, sqrtm_seconds = middle - begun, end - middle
        print(
            f"| {title} | {seconds:.2f} | {sqrtm_seconds:.1f} | {sqrtm_seconds / seconds:.0f} | "
            f"{abs(ours - expected) / expected:.0e} |",
            flush=True,
        )


def main() -> None:
    """Measure and print Markdown tables."""
    if sys.argv[1:2] == ["one"]:
        theirs(sys.argv[2], Path(sys.argv[3]))
        return
    if sys.argv[1:2] == ["pair"]:
        pair(sys.argv[2], int(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[*PARTS, *ASKED_FOR], default=PARTS)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--dimensions", type=int, default=2048, help="of the features; fewer for a quick look")
    parser.add_argument("--metrics", default=METRICS)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    import torch

    print(f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}")
    if "scores" in options.what:
        scores(options.metrics.split(","), options.pictures, options.side, options.threads)
    if "memory" in options.what:
        memory(options.pictures, options.side, options.threads)
    if "large" in options.what:
        large(options.metrics.split(","), options.side, options.threads)
    if "frechet" in options.what:
        frechet(options.dimensions, options.threads)


if __name__ == "__main__":
    main()
