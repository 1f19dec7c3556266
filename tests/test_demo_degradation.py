"""The script that made the degraded demo pictures, and that they are still what it makes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

import restobench_datasets
from restobench.card import read_card
from restobench.dataset_card import DatasetCard
from restobench.demo_degradation import SEVERITIES, blurred, degraded_sample, main, resized
from restobench.embedded import clean_picture
from restobench.errors import RestobenchError

FOLDER = Path(restobench_datasets.__file__).parent

both = pytest.mark.parametrize("name", ["demo", "demo-face"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the script writes here and now."""
    folder = tmp_path_factory.mktemp("made")
    main([str(folder)])
    return folder


def pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    with Image.open(path) as picture:
        return np.asarray(picture, np.int64)


@both
def test_the_script_makes_the_shipped_pictures(made: Path, name: str) -> None:
    """The same bytes with the versions they were made with, nearly so with others.

    Another library may round a value the other way before JPEG, which moves one 8 x 8 block by
    a quantisation step; over a picture that stays below a tenth of a grey level. Other noise of
    the same sigma moves every one of them by more than one (1.2 measured).
    """
    shipped = sorted((FOLDER / name / "lq").iterdir())

    assert [path.name for path in sorted((made / name / "lq").iterdir())] == [path.name for path in shipped]
    for path in shipped:
        assert abs(pixels(path) - pixels(made / name / "lq" / path.name)).mean() < 0.1, path.name


@both
def test_the_manifest_records_every_drawn_value(made: Path, name: str) -> None:
    """Drawn values are rounded before use, so they are equal and not only near."""
    shipped = json.loads((FOLDER / name / "degradation.json").read_text())

    assert shipped == json.loads((made / name / "degradation.json").read_text())
    assert sorted(shipped) == sorted(path.stem for path in (FOLDER / name / "lq").iterdir())


def test_values_lie_in_the_ranges_that_the_docstring_states() -> None:
    """The docstring is the data set's description."""
    manifest = json.loads((FOLDER / "demo/degradation.json").read_text()).values()

    assert all(0.2 <= sigma <= 2 for drawn in manifest for sigma in drawn["blur_sigma_px"])
    assert all(1 <= drawn["noise_sigma"] <= 8 and 60 <= drawn["jpeg_quality"] <= 95 for drawn in manifest)
    assert {drawn["down_factor"] for drawn in manifest} == {4.0}
    assert {drawn["resampling"] for drawn in manifest} == {"area", "bilinear", "bicubic"}
    isotropic = sum(drawn["blur_sigma_px"][0] == drawn["blur_sigma_px"][1] for drawn in manifest)
    assert 6 <= isotropic <= 18


def test_a_face_has_the_severity_that_its_number_says() -> None:
    """`-1` is mild and `-4` hard, for every portrait."""
    for sample_id, drawn in json.loads((FOLDER / "demo-face/degradation.json").read_text()).items():
        severity = SEVERITIES[int(sample_id[-1]) - 1]
        assert all(severity.blur_sigma_px[0] <= sigma <= severity.blur_sigma_px[1] for sigma in drawn["blur_sigma_px"])
        for value in ("down_factor", "noise_sigma", "jpeg_quality"):
            low, high = getattr(severity, value)
            assert low <= drawn[value] <= high


def test_a_sample_does_not_depend_on_what_else_is_made() -> None:
    """A later set may add pictures without moving these."""
    crop = read_card(DatasetCard, FOLDER / "demo.toml").crops[13]

    once, drawn_once = degraded_sample("demo", crop.ids[0], clean_picture(crop))
    again, drawn_again = degraded_sample("demo", crop.ids[0], clean_picture(crop))
    other, _ = degraded_sample("demo", "other-1", clean_picture(crop))

    assert drawn_once == drawn_again
    assert once.tobytes() == again.tobytes() != other.tobytes()


def test_demo_is_as_hard_as_everyday_pictures() -> None:
    """Bicubic's PSNR over the set, in dB: neither trivial nor hopeless."""
    psnr_db = []
    for crop in read_card(DatasetCard, FOLDER / "demo.toml").crops:
        clean = clean_picture(crop)
        with Image.open(FOLDER / f"demo/lq/{crop.ids[0]}.png") as lq:
            bicubic = np.asarray(lq.resize(clean.size, Image.Resampling.BICUBIC), np.float64)
        psnr_db.append(-10 * math.log10(np.square(bicubic - np.asarray(clean)).mean() / 255**2))

    assert 21 < np.mean(psnr_db) < 28
    assert 20 < min(psnr_db) < max(psnr_db) < 37


def test_the_shipped_pictures_are_small() -> None:
    """They are in every wheel."""
    assert sum(path.stat().st_size for path in FOLDER.glob("demo*/lq/*.png")) < 3_000_000


@pytest.mark.parametrize("sigma_px", [(1.7, 1.7), (0.4, 2.3)])
def test_blur_agrees_with_scipy(sigma_px: tuple[float, float]) -> None:
    """Along the axes it is SciPy's separable Gaussian, reflected at the edges without repeating them."""
    picture = np.random.default_rng(0).uniform(0, 255, (37, 53, 3)).astype(np.float32)

    found = blurred(picture, sigma_px, 0.0)

    sigma_x, sigma_y = sigma_px
    radius = math.ceil(4 * max(sigma_px))
    wanted = gaussian_filter(picture, (sigma_y, sigma_x, 0), mode="mirror", radius=(radius, radius, 0))
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_a_quarter_turn_of_the_blur_swaps_its_axes() -> None:
    """The angle turns the kernel, and by the right amount."""
    picture = np.random.default_rng(1).uniform(0, 255, (37, 53, 3)).astype(np.float32)

    turned = blurred(picture, (0.7, 2.1), math.pi / 2)

    np.testing.assert_allclose(turned, blurred(picture, (2.1, 0.7), 0.0), atol=1e-3)


def test_area_is_the_mean_of_the_pixels() -> None:
    """Pillow's box filter at a whole factor, in float."""
    picture = np.random.default_rng(2).uniform(0, 255, (36, 52, 3)).astype(np.float32)

    small = resized(picture, (13, 9), "area")

    np.testing.assert_allclose(small, picture.reshape(9, 4, 13, 4, 3).mean(axis=(1, 3)), atol=1e-3)


def test_the_script_wants_one_folder() -> None:
    """Without one it would write somewhere the user did not name."""
    with pytest.raises(RestobenchError, match="Name one folder: python -m restobench"):
        main([])
