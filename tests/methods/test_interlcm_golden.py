"""InterLCM against the official program: networks filled by name, equal inputs, equal numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import parity

pytestmark = pytest.mark.usefixtures("one_thread")

FILE = Path(__file__).parents[1] / "golden" / "interlcm.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
LONGER = ("pipeline_2step", "pipeline_start_3", "pipeline_start_4")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["id"], marks=[pytest.mark.slow] * (case["id"] in LONGER)) for case in CASES],
)
def test_the_official_numbers_come_out(case: dict[str, Any]) -> None:
    """Float32 on the CPU, within the tolerance that the case carries."""
    passed, line = parity.check_case(case, "interlcm")

    assert passed, line
