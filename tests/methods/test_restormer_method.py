import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from restobench.card import Value
from restobench.errors import RestobenchError
from restobench.method import Setup, choose_method, load_method
from restobench.noise import Noise
from restobench_methods.restormer.configurations import CONFIGURATIONS, shrunk
from restobench_methods.restormer.inference import pad
from restobench_methods.restormer.method import Restormer
from restobench_methods.restormer.network import Restormer as Network
from tests.filling import fill, image
from tests.methods.test_restormer_network import official_keys

pytestmark = pytest.mark.usefixtures("one_thread")

GREY = "gaussian_gray_denoising_blind"
DUAL = "dual_pixel_defocus_deblurring"


def tiny(variant: str = "deraining", *, dtype: torch.dtype = torch.float32, **settings: Value) -> Restormer:
    """The variant in small."""
    chosen = choose_method(f"restormer@{variant}", settings=settings, test=True)
    return Restormer(Setup(torch.device("cpu"), dtype, variant=variant, settings=chosen.settings, test=True))


def noise(count: int = 1) -> Noise:
    return Noise.of_seed(0, [str(number) for number in range(count)])


@pytest.mark.parametrize("size", [(37, 53), (8, 16), (1, 1), (3, 40), (7, 9)])
@pytest.mark.parametrize("variant", ["deraining", "real_denoising", GREY])
def test_the_result_has_the_size_of_the_input(variant: str, size: tuple[int, int]) -> None:
    """What padding adds is cut away again, at every size."""
    restored = tiny(variant).restore(image("a", (2, 3, *size)), noise(2))

    assert restored.shape == (2, 3, *size)
    assert restored.dtype == torch.float32
    assert restored.min() >= 0
    assert restored.max() <= 1


@pytest.mark.parametrize(
    ("size", "mode"),
    [((37, 53), "reflect"), ((5, 40), "reflect"), ((3, 45), "edge"), ((45, 3), "edge"), ((1, 1), "edge")],
)
def test_padding_mirrors_where_both_sides_are_long_enough(size: tuple[int, int], mode: Any) -> None:
    """Numpy is the reference. Where one side is too short for its own reflection both are repeated."""
    picture = image("a", (1, 3, *size))
    wanted = [(0, 0), (0, 0), (0, -size[0] % 8), (0, -size[1] % 8)]

    assert np.array_equal(pad(picture).numpy(), np.pad(picture.numpy(), wanted, mode=mode))


def test_a_grey_network_sees_the_luma_and_gives_it_three_times() -> None:
    """Through the boundary that all methods share."""
    method, lq = tiny(GREY), image("a", (1, 3, 20, 27))
    luma = 0.299 * lq[:, :1] + 0.587 * lq[:, 1:2] + 0.114 * lq[:, 2:]

    restored = method.restore(lq, noise())

    assert torch.equal(restored[:, 0], restored[:, 1])
    assert torch.equal(restored[:, 0], restored[:, 2])
    torch.testing.assert_close(restored, method.restore(luma.expand(-1, 3, -1, -1), noise()), rtol=0, atol=1e-5)


def test_the_dual_pixel_network_takes_two_views_and_refuses_one() -> None:
    """A data set of three channels has no second view."""
    method = tiny(DUAL)

    assert method.restore(image("a", (1, 6, 20, 27)), noise()).shape == (1, 3, 20, 27)
    with pytest.raises(RestobenchError) as caught:
        method.restore(image("a", (1, 3, 20, 27)), noise())
    assert str(caught.value) == (
        "'restormer@dual_pixel_defocus_deblurring' restores from the left and the right view of a dual-pixel camera, "
        "six channels, and needs a data set of its own; take 'restormer@single_image_defocus_deblurring' for pictures."
    )


def test_one_tile_over_the_whole_picture_changes_nothing() -> None:
    """Nor do tiles that are larger than it."""
    lq = image("a", (1, 3, 37, 53))
    whole = tiny().restore(lq, noise())

    for tile in (56, 64):
        assert torch.equal(tiny(tile=tile, overlap=8).restore(lq, noise()), whole)


def test_tiles_are_averaged_where_they_overlap() -> None:
    """Starts and plain mean as the released programs have them; the golden cases hold the numbers."""
    method, lq = tiny(tile=16, overlap=8), image("a", (1, 3, 20, 16))

    restored = method.restore(lq, noise())

    padded, whole = pad(lq), tiny()
    top, bottom = (whole.inference.restore(padded[..., start : start + 16, :], noise()) for start in (0, 8))
    expected = torch.cat([top[..., :8, :], (top[..., 8:, :] + bottom[..., :8, :]) / 2, bottom[..., 8:, :]], dim=2)
    torch.testing.assert_close(restored, expected[..., :20, :].clamp(0, 1), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"tile": 100}, r"A tile of 100 pixels is no multiple of 8; take 96\."),
        ({"tile": 3, "overlap": 0}, r"no multiple of 8; take 8\."),
        ({"tile": 32, "overlap": 32}, "must be smaller than the tile"),
    ],
)
def test_tiles_that_the_network_cannot_take_are_refused(settings: dict[str, Any], complaint: str) -> None:
    """Before anything is restored."""
    with pytest.raises(RestobenchError, match=complaint):
        tiny(**settings)


def test_another_scale_is_refused() -> None:
    """The data set's scale decides the size of the result."""
    with pytest.raises(RestobenchError, match="'restormer@deraining' keeps a picture's size, and x2 is asked for"):
        choose_method("restormer", test=True).build(scale=2)


def test_without_weights_one_sentence_says_what_to_do() -> None:
    """Nothing is restored with a network that was never trained."""
    with pytest.raises(RestobenchError) as caught:
        load_method("restormer@real_denoising")
    assert str(caught.value) == (
        "'restormer' needs weights that were not given: model. Fetch real_denoising.pth, size unknown with 'restobench "
        "weights fetch restormer@real_denoising', or name the file: --weights FILE."
    )
    settings = choose_method("restormer").settings
    with pytest.raises(RestobenchError, match="'restormer@deraining' needs its weights: --weights FILE"):
        Restormer(Setup(torch.device("cpu"), torch.float32, variant="deraining", settings=settings))


@pytest.mark.parametrize("variant", ["deraining", DUAL, "real_denoising", GREY])
def test_a_file_with_exactly_the_official_keys_loads(tmp_path: Path, variant: str) -> None:
    """Under `params`, at full size; the other variants have the names and shapes of one of these."""
    # One stored number a tensor, seen as its whole shape: the file stays small.
    state = {name: torch.zeros(()).expand(shape) for name, shape in official_keys(variant).items()}
    torch.save({"params": state}, tmp_path / "net.pth")

    built = choose_method(f"restormer@{variant}", weights={"": tmp_path / "net.pth"}).build(scale=1)

    assert built.setup.audit["model"] == {"loaded": len(state), "missing": [], "unexpected": []}


def test_the_checkpoint_is_what_restores(tmp_path: Path) -> None:
    """Every number of it is loaded."""
    network = fill(Network(**shrunk(CONFIGURATIONS["real_denoising"]))).eval()
    torch.save({"params": network.state_dict()}, tmp_path / "net.pth")
    lq = image("a", (1, 3, 16, 24))

    chosen = choose_method("restormer@real_denoising", weights={"model": tmp_path / "net.pth"}, test=True)
    method = chosen.build().method

    assert isinstance(method, Restormer)
    with torch.no_grad():
        torch.testing.assert_close(method.restore(lq, noise()), network(lq).clamp(0, 1), rtol=0, atol=1e-5)


def test_a_checkpoint_of_another_variant_is_refused(tmp_path: Path) -> None:
    """Every wrong key is named, and nothing runs half loaded."""
    torch.save({"params": Network(**shrunk(CONFIGURATIONS["deraining"])).state_dict()}, tmp_path / "net.pth")

    with pytest.raises(RestobenchError, match=r"16 unexpected: encoder_level1\.0\.norm1\.body\.bias"):
        choose_method("restormer@real_denoising", weights={"": tmp_path / "net.pth"}, test=True).build()


@pytest.mark.parametrize("variant", CONFIGURATIONS)
def test_the_card_names_the_variants_file(variant: str) -> None:
    """On the release page of the authors' repository, under its own name."""
    choice = choose_method(f"restormer@{variant}")

    (facts,) = choice.parts.values()

    assert facts.file == f"{variant}.pth"
    assert facts.url == f"https://github.com/swz30/Restormer/releases/download/v1.0/{variant}.pth"
    assert choice.card.licence == "MIT"
    assert choice.card.training_data != "depends on the variant"


def test_every_variant_of_the_card_is_one_of_the_code() -> None:
    """And deraining is what 'restormer' alone means."""
    card = choose_method("restormer").card

    assert set(card.variants) == set(CONFIGURATIONS)
    assert card.default_variant == "deraining"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_rounds_the_convolutions_once(dtype: torch.dtype) -> None:
    """Instead of at every call, which changes nothing."""
    lq = image("a", (1, 3, 24, 16))
    full, half = tiny(), tiny(dtype=dtype)

    restored = half.restore(lq, noise())

    with torch.inference_mode(), torch.autocast("cpu", dtype=dtype):
        expected = full.inference.network(lq).float().clamp(0, 1)
    assert torch.equal(restored, expected)
    assert restored.dtype == torch.float32
    assert (restored - full.restore(lq, noise())).abs().max() < 0.02


RESTORE_ONE = """
import resource, sys, torch
from restobench.method import Setup, choose_method
from restobench.noise import Noise
from restobench_methods.restormer.method import Restormer

settings = choose_method("restormer", settings={"tile": int(sys.argv[2]), "overlap": 16}, test=True).settings
method = Restormer(Setup(torch.device("cpu"), torch.float32, variant="deraining", settings=settings, test=True))
side = int(sys.argv[1])
restored = method.restore(torch.rand(1, 3, side, side), Noise.of_seed(0, ["a"]))
assert restored.shape == (1, 3, side, side)
assert restored.isfinite().all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
"""Restores one picture of a side in tiles and tells the most memory that the process held, in bytes (on Linux)."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
def test_memory_grows_with_the_picture_alone() -> None:
    """2048 x 2048 in tiles needs a few copies of the picture more than one tile, and no larger maps."""

    def peak(side: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", RESTORE_ONE, str(side), "256"], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    picture = 3 * 4 * 2048**2

    assert peak(2048) - peak(256) < 6 * picture
