"""Every metric, fed what a run may bring: NaN, a flat picture, one pixel, other sizes, odd ones, other batches."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

import restobench
from restobench.errors import RestobenchError
from restobench.metrics.registry import all_metrics, choose_metrics
from tests.metrics.pairs import a_pair

pytestmark = pytest.mark.usefixtures("one_thread")


class Expected(NamedTuple):
    """What a metric makes of pictures that say nothing."""

    flat: str = "number"
    """Of two flat pictures of different grey: a number, NaN, or the error's words."""
    side: int = 1
    """The smallest that it takes."""
    size: tuple[int, int] = (37, 53)
    """Height and width of pictures that it takes."""
    slow: bool = False


FLAT = "A channel of the restored picture is flat"
EXPECTED = {
    "psnr": Expected(),
    "psnr-y": Expected(),
    "psnr-yiq": Expected(),
    "psnr-matched": Expected(flat=FLAT),
    "mse": Expected(),
    "ssim": Expected(side=11),
    "ssim-y": Expected(side=11),
    "ssim-yiq": Expected(side=11),
    "ssim-matched": Expected(flat=FLAT, side=11),
    "fsim": Expected(side=11),
    "gmsd": Expected(side=11),
    "ms_ssim": Expected(side=161, size=(161, 170)),
    "vif": Expected(side=41, size=(43, 53)),
    "lpips-alex": Expected(side=31),
    "lpips-vgg": Expected(side=16, slow=True),
    "clipiqa": Expected(side=32),
    "ids": Expected(),
    "ids-cos": Expected(slow=True),
    "musiq": Expected(slow=True),
    "dists": Expected(side=16, slow=True),
}
names = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if EXPECTED[name].slow else []) for name in EXPECTED]
)


def values(name: str, restored: Tensor, gt: Tensor) -> list[float]:
    """As a training loop gets them; a clean picture is given to those that want one."""
    (metric,) = choose_metrics([name])
    scored: list[float] = restobench.score(restored, gt if metric.card.reference else None, metrics=[name])[
        name
    ].tolist()
    return scored


@pytest.fixture(autouse=True)
def weights(request: pytest.FixtureRequest, with_weights: Callable[..., Path]) -> None:
    """Those of the metric that is asked for."""
    name = request.node.callspec.params["name"]
    if choose_metrics([name])[0].card.library == "pyiqa":
        pytest.importorskip("pyiqa")
    with_weights(name)


@names
def test_a_value_that_is_no_number_is_refused(name: str) -> None:
    """One NaN would become the mean of 3,000 pictures."""
    restored, gt = a_pair(1, *EXPECTED[name].size)
    restored[0, 1, 20, 30] = math.nan

    with pytest.raises(RestobenchError, match="values from nan to nan; a metric wants finite ones"):
        values(name, restored, gt)


@names
def test_a_flat_picture_is_scored_or_refused_as_its_page_says(name: str) -> None:
    """A method that fails may print one."""
    height, width = EXPECTED[name].size
    restored, gt = (torch.full((1, 3, height, width), grey) for grey in (0.2, 0.6))

    if EXPECTED[name].flat == "number":
        assert all(map(math.isfinite, values(name, restored, gt)))
    else:
        with pytest.raises(RestobenchError, match=EXPECTED[name].flat):
            values(name, restored, gt)


@names
def test_one_pixel_is_scored_or_too_small(name: str) -> None:
    """The card's smallest side is said in the error."""
    restored, gt = torch.full((1, 3, 1, 1), 0.2), torch.full((1, 3, 1, 1), 0.6)
    side = EXPECTED[name].side

    assert choose_metrics([name])[0].card.min_side == side
    if side > 1:
        with pytest.raises(RestobenchError, match=f"1 x 1; this metric needs sides of at least {side} pixels"):
            values(name, restored, gt)
    elif EXPECTED[name].flat == "number":
        assert all(map(math.isfinite, values(name, restored, gt)))


@names
def test_pictures_of_two_sizes_are_refused(name: str) -> None:
    """Also by a metric that resizes what its network sees."""
    height, width = EXPECTED[name].size
    restored, gt = a_pair(1, height, width + 1)
    if not choose_metrics([name])[0].card.reference:
        pytest.skip("it compares with nothing")

    with pytest.raises(RestobenchError, match="they must be of one size, for pictures are never resized"):
        values(name, restored, gt[..., :-1])


@names
def test_the_batch_moves_a_value_by_less_than_1e_5(name: str) -> None:
    """Pictures that are not square, upright and level."""
    height, width = EXPECTED[name].size
    for size in ((height, width), (width, height)):
        restored, gt = a_pair(3, *size)

        together = values(name, restored, gt)
        alone = [values(name, restored[i : i + 1], gt[i : i + 1])[0] for i in range(3)]

        assert together == pytest.approx(alone, rel=1e-5)
        assert len(set(alone)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["psnr", "psnr-y", "ssim", "fsim", "gmsd", "ms_ssim", "vif", "lpips-alex", "ids"])
def test_4096_by_4096_is_scored(name: str) -> None:
    """In bands, at a smaller scale, or whole: not one of these asks for memory that grows faster than the picture."""
    restored, gt = a_pair(1, 4096, 4096)

    assert all(map(math.isfinite, values(name, restored, gt)))


@pytest.mark.parametrize("name", ["psnr"])
def test_every_metric_that_needs_no_download_is_here(name: str) -> None:
    """A new one must say what it does with these."""
    without = {metric.name for metric in all_metrics() if not metric.card.weights and metric.card.library != "pyiqa"}

    assert without - {"consistency"} <= EXPECTED.keys()
