import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from restobench import load_method
from restobench.image import to_eight_bit
from restobench.method import choose_method
from restobench.noise import Noise

KERNELS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def stored(*size: int, low: int = 0, high: int = 256) -> torch.Tensor:
    """Random pictures as they come from 8-bit files: whole grey levels over 255."""
    return torch.randint(low, high, size, generator=torch.Generator().manual_seed(0)).float() / 255


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("name", KERNELS)
def test_each_kernel_is_pillows_to_the_last_bit(name: str, scale: int) -> None:
    """The row 'bicubic' of a table must be what anybody gets from the stored picture."""
    lq = stored(2, 3, 37, 53)

    restored = load_method(name, scale=scale).restore(lq, Noise.of_seed(0, ["a", "b"]))

    expected = [
        np.asarray(Image.fromarray(to_eight_bit(one)).resize((53 * scale, 37 * scale), KERNELS[name])) for one in lq
    ]
    assert restored.shape == (2, 3, 37 * scale, 53 * scale)
    assert restored.dtype == torch.float32
    assert all(np.array_equal(to_eight_bit(one), pixels) for one, pixels in zip(restored, expected, strict=True))


def test_bicubic_has_the_kernel_of_the_papers() -> None:
    """PyTorch's antialiased bicubic has a = -0.5 as well; 8 bits between the passes cost one grey level.

    Its plain one has a = -0.75, which is further away. Mid greys: nothing is clipped on the way.
    """
    lq = stored(1, 3, 37, 53, low=96, high=160)

    restored = load_method("bicubic", scale=4).restore(lq, Noise.of_seed(0, ["a"]))

    same, other = (
        F.interpolate(lq, scale_factor=4, mode="bicubic", antialias=antialias) for antialias in (True, False)
    )
    assert (restored - same).abs().max() * 255 < 1.5
    assert (restored - other).abs().max() * 255 > 3


@pytest.mark.parametrize("name", ["input", *KERNELS])
def test_a_scale_of_one_gives_the_input_back(name: str) -> None:
    """Whoever names no scale gets no other size."""
    lq = stored(1, 3, 37, 53)

    restored = load_method(name).restore(lq, Noise.of_seed(0, ["a"]))

    assert torch.equal(restored, lq)


@pytest.mark.parametrize("name", KERNELS)
def test_pictures_do_not_depend_on_their_batch(name: str) -> None:
    """Each is enlarged by itself."""
    method = load_method(name, scale=2)
    lq = stored(3, 3, 9, 14)

    together = method.restore(lq, Noise.of_seed(0, ["a", "b", "c"]))
    alone = torch.cat([method.restore(one[None], Noise.of_seed(0, ["a"])) for one in lq])

    assert torch.equal(together, alone)


@pytest.mark.parametrize("name", KERNELS)
def test_enlarging_is_for_super_resolution_only(name: str) -> None:
    """Where the size stays, the untouched input is the row that means something."""
    choice = choose_method(name)

    assert choice.misfit(task="super-resolution", scale=4, has_mask=False) is None
    assert "it is for super-resolution" in str(choice.misfit(task="face", scale=1, has_mask=False))


def test_the_input_stands_beside_methods_that_keep_the_size() -> None:
    """It cannot be compared with pictures four times as large."""
    choice = choose_method("input")

    assert choice.misfit(task="face", scale=1, has_mask=False) is None
    assert "it works at x1, and the data set is x4" in str(
        choice.misfit(task="super-resolution", scale=4, has_mask=False)
    )
