"""What `doctor` finds in other people's libraries."""

from pathlib import Path

import pytest

from restobench.doctor import _basicsr, _canaries, _faces, _sqrtm
from restobench.metrics import psnr

PACKAGES = {
    "torchvision/__init__.py": "",
    "torchvision/transforms/__init__.py": "",
    "torchvision/transforms/functional.py": "",
    "basicsr.py": "import torchvision.transforms.functional_tensor\n",
    "basicsr-1.4.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: basicsr\nVersion: 1.4.2\n",
}
"""What basicsr 1.4.2 imports, beside a torchvision that gave it up."""


@pytest.mark.usefixtures("quick_canaries")
def test_a_metric_that_moved_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a decibel in one metric: it alone is bad, and stands in no list of steady ones."""
    monkeypatch.setattr(psnr, "luma_matlab", lambda picture: (plane * 0.95 for plane in picture[:1].double()))

    found = _canaries()

    assert [one.subject for one in found if one.verdict == "bad"] == ["psnr-y"]
    (steady,) = [one.text for one in found if one.verdict == "good"]
    assert "psnr, ssim" in steady


def test_sqrtm_is_tried() -> None:
    """It has `disp` or it has not; either way the others' FID is told of."""
    found = _sqrtm()

    assert "FID of pyiqa, basicsr and clean-fid" in found.text


def test_basicsr_s_shim_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be imported as it is, and can where an empty name is filled first."""
    for name, text in PACKAGES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")

    found = _basicsr()

    assert found.verdict == "note"
    assert "1.4.2 cannot be imported as it is (ModuleNotFoundError" in found.text
    assert "sys.modules['torchvision.transforms.functional_tensor']" in found.text


def test_the_weights_of_faces_are_asked_for() -> None:
    """They are not in this home."""
    (found,) = _faces()

    assert (found.subject, found.verdict) == ("faces", "note")
    assert "restobench weights fetch faces" in found.text
