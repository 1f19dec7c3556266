"""Photographs against the released program: equal inputs, equal crops and equal pastes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import parity

FILE = Path(__file__).parents[1] / "golden" / "interlcm_faces.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_released_program_s_numbers_come_out(case: dict[str, Any]) -> None:
    """Alignment, pasting, grey faces and the choice of faces, within the tolerance that the case carries."""
    passed, line = parity.check_case(case, "interlcm")

    assert passed, line
