"""How the degraded pictures of `demo` and `demo-face` were made; run once, its output ships.

    python -m restobench.demo_degradation OUT_FOLDER

writes, for each of the two sets, `OUT_FOLDER/NAME/lq/ID.png` and `OUT_FOLDER/NAME/degradation.json`
with every drawn value. The shipped pictures are the data sets: this module is their record, and
no run calls it. Another version of numpy, SciPy, Pillow or libjpeg may give slightly other pixels.

Both chains work on float pictures of 0 to 255 grey levels. Values are drawn uniformly, from the
sample's own stream: Philox keyed by SHA-256 of the id.

`demo` (x4, 256 -> 64), a mild camera:
    1. blur: Gaussian, half isotropic and half anisotropic, sigma 0.2 to 2.0 px of the clean
       picture (anisotropic: two sigmas and an angle)
    2. down-sampling by 4: area, bilinear or bicubic, each with antialiasing
    3. noise: Gaussian, sigma 1 to 8 grey levels, each channel its own
    4. JPEG: quality 60 to 95, chroma 4:2:0

`demo-face` (x1, 512 -> 512), the chain of the face-restoration papers, in four severities from
mild to hard; sample `NAME-3` has the third. Anisotropic Gaussian blur, bilinear down-sampling,
noise, JPEG, bilinear back to 512; the ranges are in `SEVERITIES`.

Never imports torch.
"""

from __future__ import annotations

import hashlib
import io
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from PIL import Image
from scipy.signal import fftconvolve

from restobench.card import read_card
from restobench.dataset_card import DatasetCard
from restobench.embedded import clean_picture
from restobench.errors import RestobenchError
from restobench.faces.template import FACE_SIZE
from restobench.files import write_json, written_whole
from restobench.plugins import find_plugin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Resampling = Literal["area", "bilinear", "bicubic"]
_FILTERS: dict[Resampling, Image.Resampling] = {
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


class Severity(NamedTuple):
    """Ranges, (lowest, highest), that a face's degradation is drawn from."""

    blur_sigma_px: tuple[float, float]
    down_factor: tuple[float, float]
    noise_sigma: tuple[float, float]
    jpeg_quality: tuple[int, int]


SEVERITIES = (
    Severity((1.0, 2.5), (2.0, 3.0), (1.0, 4.0), (70, 80)),
    Severity((2.0, 4.0), (3.0, 5.0), (3.0, 7.0), (55, 70)),
    Severity((4.0, 6.0), (5.0, 7.5), (6.0, 10.0), (40, 55)),
    Severity((6.0, 8.0), (7.5, 10.0), (8.0, 15.0), (30, 40)),
)


@dataclass(frozen=True)
class Degradation:
    """Every drawn value of one sample."""

    blur_sigma_px: tuple[float, float]
    """Along the blur's two axes, in pixels of the clean picture."""
    blur_angle_rad: float
    """From the x axis (right) towards the y axis (down)."""
    down_factor: float
    resampling: Resampling
    noise_sigma: float
    """In grey levels of 255."""
    jpeg_quality: int


def generator_of(sample_id: str) -> np.random.Generator:
    """The sample's own stream: the same for an id whatever else is made."""
    key = int.from_bytes(hashlib.sha256(sample_id.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))


def draw_demo(draw: np.random.Generator) -> Degradation:
    """A degradation of the `demo` set."""
    sigma_x, sigma_y = draw.uniform(0.2, 2.0, 2)
    isotropic = draw.random() < 0.5
    return Degradation(
        blur_sigma_px=(_short(sigma_x), _short(sigma_x if isotropic else sigma_y)),
        blur_angle_rad=_short(draw.uniform(0, math.pi)),
        down_factor=4.0,
        resampling=("area", "bilinear", "bicubic")[draw.integers(3)],
        noise_sigma=_short(draw.uniform(1, 8)),
        jpeg_quality=int(draw.integers(60, 95, endpoint=True)),
    )


def draw_face(draw: np.random.Generator, severity: Severity) -> Degradation:
    """A degradation of the `demo-face` set."""
    sigma_x, sigma_y = draw.uniform(*severity.blur_sigma_px, 2)
    return Degradation(
        blur_sigma_px=(_short(sigma_x), _short(sigma_y)),
        blur_angle_rad=_short(draw.uniform(0, math.pi)),
        down_factor=_short(draw.uniform(*severity.down_factor)),
        resampling="bilinear",
        noise_sigma=_short(draw.uniform(*severity.noise_sigma)),
        jpeg_quality=int(draw.integers(*severity.jpeg_quality, endpoint=True)),
    )


def _short(value: float) -> float:
    """Three decimals, so that the manifest holds the very value that was used."""
    return round(float(value), 3)


def degraded(clean: Image.Image, degradation: Degradation, draw: np.random.Generator) -> Image.Image:
    """Blur, down-sampling, noise and JPEG: a picture of the clean one's size over `down_factor`."""
    size = tuple(int(side / degradation.down_factor) for side in clean.size)
    picture = blurred(np.asarray(clean, np.float32), degradation.blur_sigma_px, degradation.blur_angle_rad)
    picture = resized(picture, (size[0], size[1]), degradation.resampling)
    picture = picture + degradation.noise_sigma * draw.standard_normal(picture.shape, dtype=np.float32)
    stream = io.BytesIO()
    _eight_bit(picture).save(stream, "JPEG", quality=degradation.jpeg_quality, subsampling="4:2:0")
    return Image.open(stream).convert("RGB")


def blurred(picture: Floats, sigma_px: tuple[float, float], angle_rad: float) -> Floats:
    """Convolve (H, W, 3) with a Gaussian, reflecting at the edges.

    Kernel: exp(-(u^2 / sigma_u^2 + v^2 / sigma_v^2) / 2) for (u, v) = (x, y) turned by the
    angle, over 4 sigma to each side, of sum 1.
    """
    radius = math.ceil(4 * max(sigma_px))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    u = math.cos(angle_rad) * x + math.sin(angle_rad) * y
    v = math.cos(angle_rad) * y - math.sin(angle_rad) * x
    kernel = np.exp(-0.5 * ((u / sigma_px[0]) ** 2 + (v / sigma_px[1]) ** 2))
    padded = np.pad(picture.astype(np.float64), ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    smooth = fftconvolve(padded, (kernel / kernel.sum())[..., None], mode="valid", axes=(0, 1))
    return np.asarray(smooth, np.float32)


def resized(picture: Floats, size: tuple[int, int], resampling: Resampling) -> Floats:
    """Resample (H, W, 3) to (width, height) in float, so that nothing is rounded on the way."""
    channels = [Image.fromarray(channel).resize(size, _FILTERS[resampling]) for channel in picture.transpose(2, 0, 1)]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _eight_bit(picture: Floats) -> Image.Image:
    return Image.fromarray(picture.clip(0, 255).round().astype(np.uint8))


def degraded_sample(name: str, sample_id: str, clean: Image.Image) -> tuple[Image.Image, Degradation]:
    """The lq picture of a sample of `demo` or `demo-face`, and what was drawn for it."""
    draw = generator_of(sample_id)
    if name == "demo":
        degradation = draw_demo(draw)
        return degraded(clean, degradation, draw), degradation
    degradation = draw_face(draw, SEVERITIES[int(sample_id.rpartition("-")[2]) - 1])
    small = np.asarray(degraded(clean, degradation, draw), np.float32)
    return _eight_bit(resized(small, (FACE_SIZE, FACE_SIZE), "bilinear")), degradation


def write_degraded(card: DatasetCard, folder: Path) -> None:
    """Write `folder/lq/ID.png` for every sample of the card, and `folder/degradation.json`."""
    drawn = {}
    for crop in card.crops:
        clean = clean_picture(crop)
        for sample_id in crop.ids:
            lq, degradation = degraded_sample(card.name, sample_id, clean)
            drawn[sample_id] = asdict(degradation)
            with written_whole(folder / "lq" / f"{sample_id}.png") as beside:
                lq.save(beside, "PNG", optimize=True)
    write_json(folder / "degradation.json", drawn)


def main(arguments: list[str]) -> None:
    """Write both sets below the folder that is the only argument."""
    if len(arguments) != 1:
        raise RestobenchError("Name one folder: python -m restobench.demo_degradation OUT_FOLDER")
    cards = find_plugin("restobench.datasets", "restobench").folder
    for name in ("demo", "demo-face"):
        write_degraded(read_card(DatasetCard, cards / f"{name}.toml"), Path(arguments[0]) / name)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except RestobenchError as error:
        sys.exit(str(error))
