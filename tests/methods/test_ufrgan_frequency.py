import numpy as np
import pytest
import torch
from torch import Tensor

from restobench.errors import RestobenchError
from restobench_methods.ufrgan.configuration import Frequency
from restobench_methods.ufrgan.frequency import above, frequency_features, frequency_stages, grey
from tests.filling import image, noise

pytestmark = pytest.mark.usefixtures("one_thread")


def pictures(height: int = 64, width: int = 64, count: int = 2) -> Tensor:
    shape = (count, 3, height, width)
    return (image("a", shape) + 0.04 * noise("n", shape)).clamp(0, 1)


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (128, 80)])
def test_features_are_49_unit_vectors_at_sides_that_are_multiples_of_16(size: tuple[int, int]) -> None:
    """7 x 7 overlapping blocks of a quarter of the centre's sides, three thresholds, bits and what they lack."""
    features = frequency_features(pictures(*size), Frequency())

    assert features.shape == (2, 49, 2 * 3 * (size[0] // 8) * (size[1] // 8))
    torch.testing.assert_close(features.norm(dim=2), torch.ones(2, 49))


def test_blocks_are_in_reading_order_and_overlap_by_half() -> None:
    """The block in row 1, column 2 of a centre of 32 x 48 begins at frequency (4, 12)."""
    stages = frequency_stages(pictures(64, 96, 1), Frequency(thresholds=(4.0,)))

    block = stages.bits[0, 0, 4:12, 12:24].flatten()

    vector = torch.cat([block, 1 - block])
    torch.testing.assert_close(stages.features[0, 7 + 2], vector / vector.norm())


def test_the_spectrum_is_numpys() -> None:
    """Orthonormal, so that white noise of deviation s has magnitudes of about s, whatever the size."""
    x = pictures(48, 80, 1)

    spectrum = frequency_stages(x, Frequency()).spectrum

    reference = np.abs(np.fft.fft2(grey(x)[0].double().numpy(), norm="ortho"))
    torch.testing.assert_close(spectrum[0].double(), torch.from_numpy(reference), rtol=1e-4, atol=1e-5)


def test_the_centre_holds_the_high_frequencies_unless_shifted() -> None:
    """A picture of one wave: its peak is in the centre where the wave is fine, or coarse and shifted."""
    steps = torch.arange(64)

    def peak_of(waves: int, *, shift: bool) -> float:
        wave = 0.5 + 0.4 * torch.cos(2 * torch.pi * waves * steps / 64)
        picture = wave[:, None] * wave * torch.ones(1, 3, 1, 1)
        return frequency_stages(picture, Frequency(shift=shift)).crop.max().item()

    fine, coarse = 24, 3

    assert peak_of(fine, shift=False) > 3 > peak_of(coarse, shift=False)
    assert peak_of(coarse, shift=True) > 3


def test_the_log_magnitude_is_zero_at_the_level_and_smooth_at_nothing() -> None:
    """A black picture has no magnitude at all, and still a gradient."""
    x = torch.zeros(1, 3, 32, 32, requires_grad=True)

    stages = frequency_stages(x, Frequency())
    stages.features.sum().backward()

    assert above(1.0, 0.01) == 0
    assert stages.log_magnitude.max().item() == pytest.approx(above(0.0, 0.01))
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize(("rule", "share"), [("median", 0.5), ("quantile:0.75", 0.25), ("quantile:0", 1.0)])
def test_a_rule_takes_each_pictures_own_threshold(rule: str, share: float) -> None:
    """A dark picture and a bright one have as many bits."""
    x = pictures()
    x[1] *= 0.2

    bits = frequency_stages(x, Frequency(rule=rule, binarise="hard")).bits

    assert bits.shape[1] == 1
    assert bits.mean(dim=(1, 2, 3)).tolist() == pytest.approx([share, share], abs=2 / 1024)


def test_straight_through_bits_are_hard_and_have_the_soft_gradient() -> None:
    """Hard forward, soft backward."""
    x = pictures(count=1)

    def bits_and_gradient(binarise: str) -> tuple[Tensor, Tensor | None]:
        given = x.clone().requires_grad_()
        bits = frequency_stages(given, Frequency.model_validate({"binarise": binarise})).bits
        if not bits.requires_grad:
            return bits, None
        return bits, torch.autograd.grad((bits * noise("w", bits.shape)).sum(), given)[0]

    soft, hard, through = (bits_and_gradient(binarise) for binarise in ("soft", "hard", "ste"))

    assert hard[1] is None
    torch.testing.assert_close(through[0], hard[0])
    assert soft[1] is not None
    torch.testing.assert_close(through[1], soft[1])
    assert not torch.equal(soft[0], hard[0])


def test_cells_are_the_means_within_a_block() -> None:
    """Less to compare, and less that a shift by one frequency moves."""
    x = pictures(count=1)
    fine = frequency_stages(x, Frequency(thresholds=(4.0,)))
    coarse = frequency_features(x, Frequency(thresholds=(4.0,), cell=4))

    block = fine.bits[0, 0, :8, :8]
    cells = torch.stack([block[row : row + 4, column : column + 4].mean() for row in (0, 4) for column in (0, 4)])

    vector = torch.cat([cells, 1 - cells])
    torch.testing.assert_close(coarse[0, 0], vector / vector.norm())


@pytest.mark.parametrize(("cell", "size"), [(3, (64, 64)), (8, (64, 96)), (1, (6, 64))])
def test_cells_that_do_not_divide_a_block_are_refused(cell: int, size: tuple[int, int]) -> None:
    """Both sides of it, and a block must have any."""
    with pytest.raises(RestobenchError, match=rf"Cells of {cell} do not divide blocks of \d+ x \d+ frequencies"):
        frequency_features(pictures(*size), Frequency(cell=cell))


def test_no_precision_is_lost_under_autocast() -> None:
    """Small magnitudes are what is looked at."""
    x = pictures()

    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = frequency_features(x, Frequency())

    assert torch.equal(features, frequency_features(x, Frequency()))
