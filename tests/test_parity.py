"""The tool that replays golden cases: that it agrees with good ones and fails on bad ones."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import parity
from tests.filling import noise, sample

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "metrics.json"


def golden_cases() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return cases


def written(folder: Path, cases: object) -> Path:
    file = folder / "cases.json"
    file.write_text(json.dumps(cases), encoding="utf-8")
    return file


def passes(ours: Any, reference: Any, tolerance: object = None, method: str = "any", name: str = "y") -> bool:
    case: dict[str, Any] = {"outputs": {name: reference}}
    if tolerance is not None:
        case["tolerance"] = tolerance
    return all(one.of_allowed <= 1 for one in parity.compare(case, method, {name: ours}))


def test_the_golden_cases_of_metrics_agree() -> None:
    """PSNR and SSIM are what numpy and scikit-image give, to six digits; networks are the packages', filled by name."""
    command = [sys.executable, str(HERE / "parity.py"), str(GOLDEN)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok   metrics/pair pair_") == 3
    assert done.stdout.endswith("11 of 11 cases agree.\n")


def test_a_falsified_value_and_an_unknown_kind_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each fails with its own line, and the good case between them still runs."""
    falsified, good, unknown = golden_cases()[:3]
    falsified["output"]["psnr-y"] *= 1 + 3e-6
    unknown["kind"] = "quartet"

    assert parity.main([str(written(tmp_path, [falsified, good, unknown]))]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FAIL metrics/pair pair_64x80_seed0: largest relative difference 3e-06; psnr-y is off")
    assert lines[1].startswith("ok   metrics/pair pair_37x53_seed1")
    assert lines[2] == "FAIL metrics/quartet pair_256x256_seed2: unknown kind"
    assert lines[3] == "1 of 3 cases agree."


def test_an_unknown_kind_alone_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A case that nothing can replay shows nothing."""
    case = golden_cases()[0] | {"method": "nobody-s"}

    assert parity.main([str(written(tmp_path, [case]))]) == 1

    assert "FAIL nobody-s/pair pair_64x80_seed0: unknown kind" in capsys.readouterr().out


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """2 is for the person who typed, 1 for the program that is off; nothing is replayed before."""
    assert parity.main([str(GOLDEN), str(tmp_path / "absent.json")]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"{tmp_path / 'absent.json'} cannot be read: No such file or directory.\n"


def test_a_file_that_holds_no_cases_is_said_to_hold_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A state dict's manifest is JSON too."""
    assert parity.main([str(written(tmp_path, {"conv.weight": [8, 3]}))]) == 2
    assert capsys.readouterr().err.endswith("is no list of golden cases.\n")

    (tmp_path / "cases.json").write_text('[{"id": "cut o', encoding="utf-8")
    assert parity.main([str(tmp_path / "cases.json")]) == 2
    assert "is not valid JSON" in capsys.readouterr().err


def test_a_case_without_a_method_takes_the_folder_s_or_the_given_one(tmp_path: Path) -> None:
    """Files lie in a folder named after their method."""
    case = golden_cases()[1]
    del case["method"]
    folder = tmp_path / "metrics"
    folder.mkdir()

    assert parity.main([str(written(folder, [case]))]) == 0
    assert parity.main([str(written(tmp_path, [case]))]) == 1
    assert parity.main(["--method", "metrics", str(written(tmp_path, [case]))]) == 0


def test_a_case_that_breaks_is_reported_and_the_others_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One missing input must not hide the results of a long file."""
    broken, good, empty = golden_cases()[:3]
    del broken["size"]
    empty["output"] = {}

    assert parity.main([str(written(tmp_path, [broken, good, empty]))]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "FAIL metrics/pair pair_64x80_seed0: KeyError: 'size'"
    assert lines[1].startswith("ok   metrics/pair pair_37x53_seed1")
    assert lines[2] == "FAIL metrics/pair pair_256x256_seed2: holds no output to compare"


def test_a_kind_cannot_be_registered_twice() -> None:
    """The second would silently take the first one's cases."""
    with pytest.raises(AssertionError, match="metrics/pair is registered twice"):
        parity.kind("metrics", "pair")(parity.pair)


def test_an_output_that_is_missing_fails_and_one_too_many_does_not() -> None:
    """A replay may give all it has; a case asks for what was measured."""
    case = {"outputs": {"loss": 1.5, "y": 2.5}}

    missing = parity.compare(case, "any", {"loss": 1.5})
    more = parity.compare(case, "any", {"loss": 1.5, "y": 2.5, "z": 0})

    assert [(one.part, one.of_allowed > 1) for one in missing] == [("loss", False), ("y", True)]
    assert all(one.of_allowed <= 1 for one in more)


def test_a_single_output_needs_no_name() -> None:
    """`output` holds a number or a sample as well as outputs by name."""
    x = noise("x", (2, 5))

    for ours, reference in ((1.25, 1.25), (x, sample(x)), (x.double().numpy(), sample(x))):
        assert all(one.of_allowed <= 1 for one in parity.compare({"output": reference}, "any", ours))


@pytest.mark.parametrize(
    ("factor", "tolerance", "passed"),
    [
        (1 + 0.9e-4, None, True),
        (1 + 1.1e-4, None, False),
        (1 + 0.9e-6, {"rel": 1e-6}, True),
        (1 + 1.1e-6, {"rel": 1e-6}, False),
        (1 + 1.1e-6, {"rel": 1e-9, "rel_of": {"y": 1e-5}}, True),
        (1 + 1.1e-6, {"rel": 1e-9, "rel_of": {"other": 1e-5}}, False),
        (1.02, {"abs": 0.05}, True),
        (1.02, {"rel": 1e-4, "abs": 0.05}, True),
        (1.04, {"abs": 0.05}, False),
    ],
)
def test_a_number_may_be_off_by_its_tolerance(factor: float, tolerance: object, passed: bool) -> None:
    """Relative to itself, absolute, or either where both are given."""
    assert passes(2.0 * factor, 2.0, tolerance) == passed


def test_the_numbers_of_metrics_agree_to_six_digits_and_samples_to_four() -> None:
    """What a paper prints is rounded from the number itself."""
    x = noise("x", (3, 40))

    assert not passes(2.00001, 2.0, method="metrics")
    assert passes(x + 1e-5, sample(x), method="metrics")


def test_a_sample_s_tolerance_is_of_its_deviation_and_the_default_of_its_size() -> None:
    """1000 +- 1: a thousandth of the size is the whole deviation."""
    x = 1000 + noise("x", (4, 25))

    assert passes(x + 0.05, sample(x))
    assert not passes(x + 0.05, sample(x), {"rel": 1e-3})
    assert passes(x + 5e-4, sample(x), {"rel": 1e-3})


def test_moments_are_compared_where_the_sampled_values_agree() -> None:
    """64 values of many say little of the others."""
    x = noise("x", (100, 100)).double()
    moved = x.clone()
    unseen = sorted(set(range(10_000)) - set(sample(x)["index"]))
    moved.view(-1)[unseen] += 0.01

    assert not passes(moved, sample(x), {"rel": 1e-3})


def test_the_rounding_of_golden_values_is_no_difference() -> None:
    """They have seven decimals; a kernel's values are smaller than what is rounded off."""
    x = noise("x", (16,)).double() * 1e-4

    assert passes(x, sample(x), {"rel": 1e-5})
    assert not passes(x + 2e-7, sample(x), {"rel": 1e-5})


def test_shape_and_positions_are_exact() -> None:
    """Equal values in another shape are another output."""
    x = noise("x", (4, 6))

    assert not passes(x.reshape(6, 4), sample(x))
    assert not passes(x, sample(x) | {"index": list(range(24, 48))})


def test_a_share_of_outliers_may_lie_outside() -> None:
    """A JPEG model may fall to the other side of a rounding here and there."""
    x = noise("x", (1000,)).double()
    few, many = x.clone(), x.clone()
    few[::100] += 0.5
    many[::20] += 0.5

    reference = sample(x, n=1000)
    assert passes(few, reference, {"abs": 0.004, "outliers": 0.02})
    assert not passes(many, reference, {"abs": 0.004, "outliers": 0.02})
    assert not passes(few, reference, {"abs": 0.004})
    assert not passes(x + 0.02, reference, {"abs": 0.004, "outliers": 0.02})


def test_the_mean_difference_can_be_bounded_too() -> None:
    """Every value within its bound, and still all of them off."""
    x = noise("x", (200,)).double()

    assert passes(x + 0.001, sample(x), {"abs": 0.00785, "mean_abs": 0.002})
    assert not passes(x + 0.003, sample(x), {"abs": 0.00785, "mean_abs": 0.002})


def test_grey_levels_are_for_8_bit_pictures_alone() -> None:
    """OpenCV's releases differ by one level in a warp; a network's output may not."""
    x = torch.arange(0, 256, dtype=torch.float64)
    off = (x + (torch.arange(256) % 2)).clamp(0, 255)
    tolerance = {"rel": 0, "levels": 1}

    assert passes(off, sample(x), tolerance, name="crop_bgr.0")
    assert not passes(off, sample(x), tolerance, name="crop")
    assert not passes(x + 2, sample(x), tolerance, name="crop_bgr.0")


def test_lists_are_compared_by_deviation_for_resshift_and_by_size_for_others() -> None:
    """The cases' own pages say so; here the deviation is a hundred times smaller."""
    reference = [[100.0, 101.0], [102.0, 101.0]]
    ours = [[100.005, 101.0], [102.0, 101.0]]

    assert passes(ours, reference, {"rel": 1e-4}, method="interlcm")
    assert not passes(ours, reference, {"rel": 1e-4}, method="resshift")
    assert passes(torch.tensor(reference), reference, {"rel": 1e-4}, method="resshift")
    assert not passes([100.0, 101.0], reference, {"rel": 1e-4})


@pytest.mark.parametrize("exact", [True, 31_230_147, [14, 3, 0], ["a.weight", "b.bias"], []])
def test_whole_numbers_texts_and_truths_are_exact(exact: Any) -> None:
    """A parameter too many is another network, however small its share."""
    assert passes(exact, exact, {"rel": 0.05})


@pytest.mark.parametrize(
    ("ours", "reference"),
    [(False, True), (31_230_148, 31_230_147), ([14, 3, 1], [14, 3, 0]), (["a"], ["b"]), (["a"], []), ("a", 1.5)],
)
def test_another_whole_number_text_or_truth_fails(ours: Any, reference: Any) -> None:
    """Whatever the tolerance."""
    assert not passes(ours, reference, {"rel": 0.05})


@pytest.mark.parametrize(
    ("ours", "reference", "passed"),
    [
        (float("nan"), 1.5, False),
        (float("inf"), 1.5, False),
        (float("inf"), float("inf"), True),
        (1.5, float("nan"), False),
    ],
)
def test_what_is_not_finite_agrees_with_nothing_but_itself(ours: float, reference: float, passed: bool) -> None:
    """NaN compares as false, which a careless check takes for small."""
    assert passes(ours, reference) == passed


def test_a_tolerance_that_nobody_knows_is_an_error() -> None:
    """Leaving it out would let a case pass that its author meant to fail."""
    with pytest.raises(ValueError, match="nobody knows: ulp"):
        passes(1.0, 1.0, {"ulp": 2})
