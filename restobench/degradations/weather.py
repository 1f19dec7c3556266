"""Rain, haze, noise, motion blur, low light and JPEG: the steps of multi-degradation restoration.

Each takes and gives a picture of (3, H, W), float64, sRGB in [0, 1], clipped at its end. What is
random in a step comes from a stream of the step's own, so that none moves another. The kinds are
those of UFR-GAN (Nguyen et al., Pattern Recognition Letters 2025); their formulas are ours, for
that paper gives none. Never imports torch.
"""

from __future__ import annotations

import io
import math
import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from restobench.errors import RestobenchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.float64]
    """(3, H, W), in [0, 1]."""
    Kernel = NDArray[np.float64]

POINTS_PER_PIXEL = 16
"""How densely a line is sampled when it is drawn into a kernel."""
HAZE_GRID = 8


def stream(tag: str, seed: int) -> np.random.Generator:
    """The stream called `tag` under `seed`: PCG64 of crc32(tag) + 1,000,003 seed."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(tag.encode()) + 1_000_003 * seed))


def line_kernel(length_px: float, angle_deg: float) -> Kernel:
    """A straight line through the centre, of sum 1: (2r + 1, 2r + 1), r = ceil((length - 1)/2).

    Points every 1/16 pixel, each shared bilinearly between the four pixels around it.

    Args:
        length_px: From the first pixel's far edge to the last one's; at least 1.
        angle_deg: Counter-clockwise from the horizontal, y upwards.

    Raises:
        RestobenchError: The length is below 1.
    """
    if not length_px >= 1:
        raise RestobenchError(f"A line in a blur kernel is at least 1 pixel long, not {length_px:g}.")
    half = (length_px - 1) / 2
    radius = math.ceil(half)
    along = np.linspace(-half, half, int(POINTS_PER_PIXEL * (length_px - 1)) + 1)
    x = radius + math.cos(math.radians(angle_deg)) * along
    y = radius - math.sin(math.radians(angle_deg)) * along
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    # One row and column more: where the line ends on the border, the share beyond it is 0.
    kernel = np.zeros((2 * radius + 2, 2 * radius + 2))
    for row, share_y in ((top, top + 1 - y), (top + 1, y - top)):
        for column, share_x in ((left, left + 1 - x), (left + 1, x - left)):
            np.add.at(kernel, (row, column), share_y * share_x)
    kernel = kernel[:-1, :-1]
    return np.asarray(kernel / kernel.sum(), np.float64)


def gauss_kernel(sigma_px: float) -> Kernel:
    """An isotropic Gaussian of sum 1 with radius max(1, ceil(3 sigma)): (2r + 1, 2r + 1).

    Raises:
        RestobenchError: Sigma is not above 0.
    """
    if not sigma_px > 0:
        raise RestobenchError(f"A blur's sigma must be above 0, not {sigma_px:g}.")
    radius = max(1, math.ceil(3 * sigma_px))
    line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_px) ** 2)
    kernel = np.outer(line, line)
    return np.asarray(kernel / kernel.sum(), np.float64)


def convolved(planes: NDArray[np.float64], kernel: Kernel) -> NDArray[np.float64]:
    """Convolve each plane of (C, H, W), the borders mirrored without repeating the edge.

    A convolution as in textbooks: the kernel is flipped.

    Raises:
        RestobenchError: A side is not larger than half the kernel, so that it cannot be mirrored.
    """
    height, width = planes.shape[-2:]
    if min(height, width) <= kernel.shape[0] // 2:
        raise RestobenchError(
            f"A picture of {width} x {height} is too small for a kernel of {kernel.shape[1]} x {kernel.shape[0]}: "
            f"its sides must be above {kernel.shape[0] // 2} pixels."
        )
    flipped = np.ascontiguousarray(kernel[::-1, ::-1])
    return np.stack([cv2.filter2D(plane, cv2.CV_64F, flipped, borderType=cv2.BORDER_REFLECT_101) for plane in planes])


def rain(
    x: Picture, random: np.random.Generator, *, density: float, length: float, angle: float, width: float, gain: float
) -> Picture:
    """x + gain clip(m, 0, 1), m streaks: single pixels drawn out to lines, then blurred to a width.

    A streak alone is 1 along its middle: the line's kernel is divided by its maximum, and what
    the Gaussian takes away from a line is given back (divided by the sum of its middle row).

    Args:
        x: (3, H, W) in [0, 1].
        random: Draws a uniform field (H, W).
        density: Share of the pixels at which a streak is centred.
        length: In pixels.
        angle: In degrees, counter-clockwise from the horizontal: 90 falls straight down.
        width: Sigma across the streaks, in pixels.
        gain: What a streak adds.
    """
    drops = (random.random(x.shape[-2:]) < density).astype(np.float64)
    line, soft = line_kernel(length, angle), gauss_kernel(width)
    streaks = convolved(convolved(drops[None], line / line.max()), soft)[0] / soft[soft.shape[0] // 2].sum()
    return _clipped(x + gain * _clipped(streaks))


def haze(x: Picture, random: np.random.Generator, *, beta: float, airlight: float) -> Picture:
    """Koschmieder's x t + A (1 - t), t = e^(-beta d), with a depth d that grows towards the top.

    d = clip(0.2 + 0.8 (1 - row/(H - 1)) + 0.15 s, 0, 1), s an 8 x 8 grid of standard normals
    enlarged bilinearly.

    Args:
        x: (3, H, W) in [0, 1]; H at least 2.
        random: Draws the grid.
        beta: How dense the haze is.
        airlight: A, its brightness.
    """
    height, width = x.shape[-2:]
    clouds = _enlarged(random.standard_normal((HAZE_GRID, HAZE_GRID)), height, width)
    rising = 1 - np.arange(height)[:, None] / (height - 1)
    transmission = np.exp(-beta * _clipped(0.2 + 0.8 * rising + 0.15 * clouds))
    return _clipped(x * transmission + airlight * (1 - transmission))


def noise(x: Picture, random: np.random.Generator, *, sigma: float) -> Picture:
    """White Gaussian noise of sigma grey levels of 255, each channel its own."""
    return _clipped(x + sigma / 255 * random.standard_normal(x.shape))


def blur(x: Picture, random: np.random.Generator, *, length: float, angle: float) -> Picture:
    """Motion along a straight line, `length` pixels at `angle` degrees; draws nothing."""
    return _clipped(convolved(x, line_kernel(length, angle)))


def low(x: Picture, random: np.random.Generator, *, alpha: float, beta: float, gamma: float, sigma: float) -> Picture:
    """Low light: beta (alpha x)^gamma, and sensor noise of sigma (of the range [0, 1])."""
    return _clipped(beta * (alpha * x) ** gamma + sigma * random.standard_normal(x.shape))


def jpeg(x: Picture, random: np.random.Generator, *, quality: float) -> Picture:
    """Through Pillow's JPEG encoder, chroma 4:2:0, `quality` a whole number of 1 to 95; draws nothing."""
    stored = io.BytesIO()
    Image.fromarray(to_eight_bit(x)).save(stored, "JPEG", quality=int(quality), subsampling="4:2:0")
    return from_eight_bit(np.asarray(Image.open(stored)))


def to_eight_bit(x: Picture) -> NDArray[np.uint8]:
    """(3, H, W) in [0, 1] -> (H, W, 3), rounded half to even."""
    return np.ascontiguousarray((x * 255).round().astype(np.uint8).transpose(1, 2, 0))


def from_eight_bit(stored: NDArray[np.uint8]) -> Picture:
    """(H, W, 3) -> (3, H, W) in [0, 1]."""
    return np.ascontiguousarray(stored.transpose(2, 0, 1)) / 255


def _clipped(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(x, 0.0, 1.0)


def _enlarged(grid: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Bilinear with half-pixel centres, clamped at the edges: (h, w) -> (height, width)."""
    return _along(_along(grid, height).T, width).T


def _along(points: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """The first axis made `length` long: (n, m) -> (length, m)."""
    last = len(points) - 1
    at = ((np.arange(length) + 0.5) * len(points) / length - 0.5).clip(0, last)
    before = np.floor(at).astype(int)
    share = (at - before)[:, None]
    return np.asarray(points[before] * (1 - share) + points[np.minimum(before + 1, last)] * share)
