"""What `doctor` finds in other people's libraries."""

from pathlib import Path

import pytest

from restobench.doctor import _basicsr, _canaries, _devices, _faces, _folders, _opencv, _pkg_resources, _sqrtm
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


def test_two_wheels_of_opencv_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They write into one folder: which of them runs is what was installed last."""
    for name in ("opencv-python", "opencv-contrib-python"):
        info = tmp_path / f"{name.replace('-', '_')}-9.9.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(tmp_path)

    (found,) = _opencv()

    assert found.verdict == "note"
    assert "opencv-contrib-python 9.9 and opencv-python" in found.text
    assert "share one folder" in found.text


def test_tf32_that_nobody_asked_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the shell that overrules what a run asks for; bad where there is a device that obeys it."""
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")

    (found,) = [one for one in _devices() if one.subject == "TF32"]

    assert found.verdict != "good"
    assert "NVIDIA_TF32_OVERRIDE=1" in found.text


def test_every_folder_is_told_with_its_free_space() -> None:
    """A run that stops in the middle because the disk is full has cost hours."""
    found = _folders()

    assert [one.subject for one in found] == ["RESTOBENCH_HOME", "RESTOBENCH_DATASETS", "RESTOBENCH_RUNS"]
    assert all("GiB free)" in one.text for one in found)


def test_pkg_resources_is_looked_for() -> None:
    """Setuptools gave it up; where it is missing, what to do stands there."""
    found = _pkg_resources()

    assert found.verdict == "good" or "pip install 'setuptools<81'" in found.text
