"""ResShift against the official program: networks filled by name, equal inputs, equal numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import parity

pytestmark = pytest.mark.usefixtures("one_thread")

FILE = Path(__file__).parents[1] / "golden" / "resshift.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
FULL_SIZE = ("unet_realsr_v1_full_64", "vq_f4_encode_64", "vq_f4_decode_64")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["id"], marks=[pytest.mark.slow] * (case["id"] in FULL_SIZE)) for case in CASES],
)
def test_the_official_numbers_come_out(case: dict[str, Any]) -> None:
    """Float32 on the CPU, within the tolerance that the case carries."""
    passed, line = parity.check_case(case, "resshift")

    assert passed, line
