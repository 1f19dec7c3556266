"""Holes for inpainting."""

from collections import Counter

import numpy as np
import pytest
from scipy.ndimage import label
from scipy.stats import kstest

from restobench.degradations.masks import MASK_KINDS, MaskKind, draw_mask
from restobench.errors import RestobenchError


@pytest.mark.parametrize("kind", MASK_KINDS)
def test_a_mask_has_the_picture_s_size_a_hole_and_something_beside_it(kind: MaskKind) -> None:
    """1 is the hole. Equal generators draw equal masks."""
    for seed in range(30):
        mask = draw_mask(97, 151, np.random.default_rng(seed), kind)

        assert mask.shape == (97, 151)
        assert set(np.unique(mask)) <= {0, 1}
        assert mask.any()
        np.testing.assert_array_equal(mask, draw_mask(97, 151, np.random.default_rng(seed), kind))


def test_boxes_keep_off_the_border_and_within_their_sides() -> None:
    """Boxes may overlap, so the sides are told where a single piece is one box."""
    for seed in range(60):
        mask = draw_mask(256, 300, np.random.default_rng(seed), "boxes")

        assert not mask[:10].any()
        assert not mask[-10:].any()
        assert not mask[:, :10].any()
        assert not mask[:, -10:].any()
        pieces, count = label(mask)
        assert 1 <= count <= 4
        for piece in range(1, count + 1):
            rows, columns = np.nonzero(pieces == piece)
            assert np.ptp(rows) + 1 >= 30
            assert np.ptp(columns) + 1 >= 30


def test_borders_are_4_to_25_percent_deep_on_at_least_one_side() -> None:
    """Each side is taken with probability 1/2, and a little more for the case that none was."""
    sides, depths = Counter[str](), []
    for seed in range(800):
        mask = draw_mask(200, 300, np.random.default_rng(seed), "border")

        middle_row, middle_column = mask[100], mask[:, 150]
        found = {"left": middle_row[0], "right": middle_row[-1], "top": middle_column[0], "bottom": middle_column[-1]}
        assert any(found.values())
        sides.update(side for side, taken in found.items() if taken)
        if found["left"]:
            depths.append(int(np.argmin(middle_row)))

    assert min(depths) >= 12
    assert max(depths) < 75
    assert kstest(np.array(depths) + 0.5, "uniform", (12, 63)).pvalue > 1e-3
    # 1/2 + 1/16 * 1/4, within four standard errors of 800 draws
    assert all(abs(number / 800 - 0.516) < 0.071 for number in sides.values())


def test_the_kinds_are_equally_likely() -> None:
    """Told by what only one kind can do: boxes keep off the border, borders fill whole lines from it."""
    draw = np.random.default_rng(0)

    def kind_of(mask: np.ndarray) -> str:
        edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
        if not any(edge.any() for edge in edges) and mask[10:-10, 10:-10].any():
            return "off the border"
        return "whole edge" if any(edge.all() for edge in edges) else "other"

    found = Counter(kind_of(draw_mask(256, 256, draw)) for _ in range(900))

    assert 0.28 < found["whole edge"] / 900 < 0.45
    assert 0.28 < found["off the border"] / 900 < 0.45


def test_a_picture_too_small_for_a_box_is_refused() -> None:
    """The smallest box and its margins are 50 pixels, and one to draw from."""
    assert draw_mask(51, 51, np.random.default_rng(0), "boxes").sum() >= 900
    with pytest.raises(RestobenchError, match="A picture of 80 x 50 is too small for holes; 51 pixels are needed"):
        draw_mask(50, 80, np.random.default_rng(0))
