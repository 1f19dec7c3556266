"""UFR-GAN and Restormer against measured numbers: networks filled by name, equal inputs, equal numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import parity

pytestmark = pytest.mark.usefixtures("one_thread")

FILE = Path(__file__).parents[1] / "golden" / "ufrgan.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
OF_DEGRADATIONS = ("degrade", "line_kernel")
"""They make the data set, and are no part of the method."""


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for case in CASES if case["kind"] not in OF_DEGRADATIONS]
)
def test_the_measured_numbers_come_out(case: dict[str, Any]) -> None:
    """Float32 on the CPU, within the tolerance that the case carries."""
    passed, line = parity.check_case(case, "ufrgan")

    assert passed, line


def test_every_kind_has_its_case() -> None:
    """A case that got lost would leave its subject unguarded without a sign."""
    assert {case["kind"] for case in CASES}.difference(OF_DEGRADATIONS) == {
        "restormer", "mdta", "gdfn", "block", "layernorm", "down", "up", "patch_embed", "discriminator", "gan_loss",
        "freq_stages", "nt_xent", "contrast", "lineage_contrast", "theta", "ssim_conventions", "gate",
    }  # fmt: skip
