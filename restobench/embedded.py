"""The clean pictures of embedded data sets, cut from photographs inside installed packages.

A crop's card names the photograph, where to cut and the SHA-256 of what must come of it.
Reads files and never imports the package they lie in, downloads nothing, and knows
neither lq pictures nor data sets as a whole. Never imports torch.
"""

from __future__ import annotations

import hashlib
import io
import math
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from restobench.dataset_card import Crop, DatasetCard
from restobench.errors import RestobenchError
from restobench.faces.template import FACE_SIZE, FACE_TEMPLATE, Points
from restobench.files import written_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray


def make_clean_pictures(card: DatasetCard, folder: Path) -> None:
    """Write `folder/ID.bmp` for every id of the card's crops; those already there are left alone.

    BMP, because its bytes depend on no compressor: the files' hashes are those of the pixels.

    Raises:
        RestobenchError: A photograph is not there, or gives another picture than the card records.
    """
    for crop in card.crops:
        missing = [path for sample_id in crop.ids if not (path := folder / f"{sample_id}.bmp").exists()]
        if not missing:
            continue
        content = _as_bmp(clean_picture(crop))
        if (found := hashlib.sha256(content).hexdigest()) != crop.sha256:
            raise _other_picture(card, crop, found)
        for path in missing:
            with written_whole(path) as beside:
                beside.write_bytes(content)


def clean_picture(crop: Crop) -> Image.Image:
    """The crop's 8-bit RGB picture: the box as it stands, or the face moved to the template.

    Raises:
        RestobenchError: The photograph is not there or cannot be read, or the box leaves it.
    """
    path = source_path(crop.source)
    try:
        with Image.open(path) as file:
            photograph = file.convert("RGB")
    except OSError as error:
        raise RestobenchError(
            f"{path} cannot be read ({error}); install '{_distribution(crop.source)}' again."
        ) from None
    if crop.box is None:
        return aligned_face(photograph, crop.landmarks)
    left, top, width, height = crop.box
    if left + width > photograph.width or top + height > photograph.height:
        raise RestobenchError(
            f"The box {crop.box} of '{crop.ids[0]}' leaves {crop.source}, which is "
            f"{photograph.width} x {photograph.height}; mend the card."
        )
    return photograph.crop((left, top, left + width, top + height))


def source_path(source: str) -> Path:
    """Where `package:path/inside.png` lies. Looks the package up without importing it.

    Raises:
        RestobenchError: The package is not installed, or has no such file.
    """
    package, _, inside = source.partition(":")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RestobenchError(
            f"The package '{package}' is not installed, and the photograph {inside} lies in it; "
            f"install '{_distribution(source)}'."
        )
    path = Path(spec.submodule_search_locations[0]) / inside
    if not path.is_file():
        raise RestobenchError(
            f"The package '{package}' has no file {inside} ({path} does not exist); "
            f"install '{_distribution(source)}' again, or another version of it."
        )
    return path


def similarity_to_template(landmarks: Points) -> tuple[complex, complex]:
    """Turn, zoom and shift that bring the landmarks nearest to the face template.

    With points as complex numbers x + iy it is `template = zoom * point + shift`, where `zoom`
    also turns by its angle; such a product cannot mirror. Least squares in closed form:
    zoom = sum(conj(p) q) / sum(|p|^2), for p and q measured from their means.
    """
    points, template = (np.array([complex(*point) for point in ps]) for ps in (landmarks, FACE_TEMPLATE))
    p, q = points - points.mean(), template - template.mean()
    zoom = complex((p.conj() * q).sum() / (abs(p) ** 2).sum())
    return zoom, complex(template.mean() - zoom * points.mean())


def aligned_face(photograph: Image.Image, landmarks: Points) -> Image.Image:
    """The face at 512 x 512, its landmarks (x, y, in pixels' centres) moved to the template.

    Bicubic. A face that gets smaller is averaged over as many points a pixel as keep detail
    from aliasing. Beyond the photograph its edge goes on.
    """
    zoom, shift = similarity_to_template(landmarks)
    points_per_side = max(1, math.ceil(1 / abs(zoom) - 0.5))
    ticks = (np.arange(FACE_SIZE * points_per_side) + 0.5) / points_per_side - 0.5
    x, y = ticks[None, :], ticks[:, None]
    # (x + iy - shift) / zoom, as conj(zoom) (x + iy - shift) / |zoom|^2.
    turn, size = zoom.conjugate(), abs(zoom) ** 2
    x, y = x - shift.real, y - shift.imag
    there = _bicubic(
        np.asarray(photograph), (turn.real * x - turn.imag * y) / size, (turn.imag * x + turn.real * y) / size
    )
    blocks = there.reshape(FACE_SIZE, points_per_side, FACE_SIZE, points_per_side, 3)
    return Image.fromarray(blocks.mean(axis=(1, 3)).clip(0, 255).round().astype(np.uint8))


def _bicubic(picture: NDArray[np.uint8], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (H, W, 3) picture at the points (x, y), by Keys's kernel with a = -0.5.

    Not Pillow's affine transform, which has a = -1 (more ringing) and cuts the fraction off
    instead of rounding: half a grey level darker on average. In float64, what machines round
    differently is a million times smaller than what would move a byte of the shipped faces.
    """
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    height, width = picture.shape[:2]
    values = np.zeros((*x.shape, 3))
    for dy in range(-1, 3):
        line = np.zeros_like(values)
        for dx in range(-1, 3):
            pixels = picture[(row + dy).clip(0, height - 1), (column + dx).clip(0, width - 1)]
            line += _keys(x - (column + dx))[..., None] * pixels
        values += _keys(y - (row + dy))[..., None] * line
    return values


def _keys(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys's cubic convolution kernel (1981), a = -0.5, for distances below 2."""
    d = abs(distance)
    return np.where(d <= 1, (1.5 * d - 2.5) * d * d + 1, ((-0.5 * d + 2.5) * d - 4) * d + 2)


def _as_bmp(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    # The resolution stands in the header; naming it keeps the bytes from following Pillow's default.
    picture.save(stream, "BMP", dpi=(96, 96))
    return stream.getvalue()


def _distribution(source: str) -> str:
    """What to install for the package of a source; the package's own name where nobody knows it."""
    package = source.partition(":")[0]
    known = {"skimage": ["scikit-image"]} | dict(packages_distributions())
    return known.get(package, [package])[0]


def _other_picture(card: DatasetCard, crop: Crop, found: str) -> RestobenchError:
    distribution = _distribution(crop.source)
    try:
        installed = f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        installed = f"{distribution} of unknown version"
    return RestobenchError(
        f"The clean picture '{crop.ids[0]}' of '{card.name}' comes out different from the card's: "
        f"{crop.source} of {installed}, read by Pillow {version('pillow')}, gives the SHA-256 {found[:12]}, "
        f"the card records {crop.sha256[:12]}. Install versions that the card names: {card.source}."
    )
