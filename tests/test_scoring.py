from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

import restobench
from restobench.benchmark import evaluate_folder
from restobench.cache import Cache
from restobench.errors import RestobenchError
from restobench.image import read_picture, to_eight_bit, write_picture
from restobench.planning import Options

MakePairs = Callable[..., Path]
METRICS = ["psnr", "ssim", "psnr-y", "ssim-yiq"]


def test_scores_in_a_loop_equal_those_of_the_saved_pictures(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A training run's curve must stand beside its final table."""
    folder = make_pairs([f"s{i}" for i in range(4)], size=(12, 14))
    gt = torch.stack([read_picture(path) for path in sorted((folder / "gt").iterdir())])
    restored = gt + 0.05 * torch.randn(gt.shape, generator=torch.Generator().manual_seed(0))

    in_loop = restobench.score(restored, gt, metrics=METRICS)

    for number, picture in enumerate(restored):
        write_picture(tmp_path / "theirs" / f"s{number}.png", to_eight_bit(picture))
    result, _ = evaluate_folder(tmp_path / "theirs", folder, "mine", Options(), Cache(), metrics=METRICS)
    saved = pd.read_parquet(result.record.folder.samples_path)
    for name in METRICS:
        assert in_loop[name].tolist() == saved[name].tolist()


def test_a_protocol_names_the_metrics() -> None:
    """The default needs no download."""
    gt = torch.rand(2, 3, 32, 40)

    values = restobench.score(gt, gt)

    assert list(values) == ["psnr", "ssim", "psnr-y", "ssim-y", "fsim", "gmsd"]
    assert values["ssim"].tolist() == [1, 1]


def test_what_cannot_be_scored_is_one_sentence() -> None:
    """No traceback out of a metric."""
    pictures = torch.rand(1, 3, 16, 16)

    with pytest.raises(RestobenchError, match="'psnr' compares with clean pictures"):
        restobench.score(pictures, metrics=["psnr"])
    with pytest.raises(RestobenchError, match="a protocol or metrics, not both"):
        restobench.score(pictures, pictures, protocol="offline-v1", metrics=["psnr"])
    with pytest.raises(RestobenchError, match="No metric is called 'psnrr'"):
        restobench.score(pictures, pictures, metrics=["psnrr"])
