"""The steps of the multi-degradation recipe, against values from an independent program."""

import json
from pathlib import Path

import pytest

from tests import parity

GOLDEN = Path(__file__).parents[1] / "golden" / "ufrgan_degradations.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_it_is_what_the_reference_gave(case: parity.Case) -> None:
    """Formulas, streams, and the order of draws within a step."""
    passed, line = parity.check_case(case, case["method"])

    assert passed, line


def test_every_kind_has_its_case() -> None:
    """A case that got lost would leave its kind unguarded without a sign."""
    kinds = {step["kind"] for case in CASES if case["kind"] == "degrade" for step in case["config"]["steps"]}

    assert kinds == {"rain", "haze", "noise", "blur", "low", "jpeg"}
    assert any(len(case["config"].get("steps", ())) > 1 for case in CASES)
    assert any(case["kind"] == "line_kernel" for case in CASES)
