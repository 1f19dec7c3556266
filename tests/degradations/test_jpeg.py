"""The JPEG model beside a JPEG library."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from restobench.degradations.jpeg import chrominance_table, jpeg, luminance_table, soft_round
from restobench.errors import RestobenchError


def photograph() -> Tensor:
    """(1, 3, 137, 153), in neither direction a multiple of 16."""
    crop = np.ascontiguousarray(data.astronaut()[100:237, 150:303])  # type: ignore[no-untyped-call]  # not ours
    return torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255


def through_pillow(picture: Tensor, **options: Any) -> Tensor:
    stream = io.BytesIO()
    eight_bit = (picture[0].permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(eight_bit).save(stream, "JPEG", subsampling="4:2:0", **options)
    return torch.from_numpy(np.array(Image.open(stream))).permute(2, 0, 1)[None].float() / 255


def levels(one: Tensor, other: Tensor) -> float:
    """Root mean square of the difference, in grey levels."""
    return (255 * (one - other)).square().mean().sqrt().item()


@pytest.mark.parametrize("quality", [30, 50, 75, 90])
def test_it_loses_as_much_as_pillow_s_encoder_at_the_same_quality(quality: int) -> None:
    """Within a twentieth; and the two results are nearer to one another than to the picture."""
    picture = photograph()

    ours, theirs = jpeg(picture, quality), through_pillow(picture, quality=quality)

    loss = levels(theirs, picture)
    assert levels(ours, picture) == pytest.approx(loss, rel=0.05)
    assert levels(ours, theirs) < 0.8 * loss


def test_with_its_own_tables_pillow_gives_the_same_picture() -> None:
    """At quality 50 the tables are whole numbers: what is left is the rounding of Pillow's 8-bit steps."""
    grey = photograph().mean(dim=1, keepdim=True).mul(255).round().div(255).expand(-1, 3, -1, -1)
    tables = [table(grey).flatten().int().tolist() for table in (luminance_table, chrominance_table)]

    ours, theirs = jpeg(grey, 50), through_pillow(grey, qtables=tables)

    whole_blocks = (..., slice(0, 128), slice(0, 144))  # beyond, ours is padded with black
    assert levels(ours[whole_blocks], theirs[whole_blocks]) < 1


def test_each_picture_has_its_own_quality() -> None:
    """A batch is what its pictures are alone."""
    pictures = torch.cat([photograph(), photograph().flip(-1)])

    together = jpeg(pictures, torch.tensor([25.0, 80.0]))

    torch.testing.assert_close(together[:1], jpeg(pictures[:1], 25.0))
    torch.testing.assert_close(together[1:], jpeg(pictures[1:], 80.0))


def test_the_better_the_quality_the_smaller_the_loss_down_to_none() -> None:
    """Chroma is halved at any quality, so only a grey picture comes back whole at 100."""
    grey = photograph().mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)

    losses = [levels(jpeg(grey, quality), grey) for quality in (5, 30, 49.9, 50, 80, 99.5, 100)]

    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.01


def test_a_flat_picture_stays() -> None:
    """Its mean is all that a block holds; 128 is in the middle of a step at every quality."""
    flat = torch.full((1, 3, 32, 48), 128 / 255)

    torch.testing.assert_close(jpeg(flat, 60.0), flat, atol=1e-5, rtol=0)


def test_only_soft_rounding_has_a_gradient() -> None:
    """What trains through JPEG needs one; what only makes pictures wants the real loss."""
    picture = photograph()[..., :32, :48].requires_grad_()

    (hard,) = torch.autograd.grad(jpeg(picture, 50.0).sum(), picture)
    (soft,) = torch.autograd.grad(jpeg(picture, 50.0, soft_round).sum(), picture)

    assert hard.abs().max() == 0
    assert soft.abs().max() > 0
    x = torch.linspace(-2, 2, 101)
    assert (soft_round(x) - x.round()).abs().max() <= 0.125


def test_what_is_no_quality_or_no_rgb_is_refused() -> None:
    """A quality of 0 would divide by it."""
    with pytest.raises(RestobenchError, match=r"above 0 and at most 100, not \[0\.0, 0\.0\]"):
        jpeg(torch.rand(2, 3, 16, 16), 0)
    with pytest.raises(RestobenchError, match="these have 1 channels"):
        jpeg(torch.rand(1, 1, 16, 16), 50)
