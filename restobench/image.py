"""Pictures on disk and pictures in memory.

On disk anything that Pillow or OpenCV reads; in memory float32 (3, H, W), sRGB in
[0, 1]; written always as 8-bit PNG. Knows nothing of data sets, methods or metrics.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from restobench.errors import RestobenchError
from restobench.files import written_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})
LOSSY_SUFFIXES = frozenset({".jpg", ".jpeg", ".webp"})


def is_picture(path: Path) -> bool:
    """Whether the file's name says that it is a picture (hidden files are none)."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def picture_size(path: Path) -> tuple[int, int] | None:
    """(width, height) as `read_array` would give it, from the header alone; None: unreadable."""
    try:
        with Image.open(path) as picture:
            return upright_size(picture)
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError):
        return None


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """(width, height) after the rotation that EXIF asks for, of a picture just opened; decodes nothing."""
    if picture.width == picture.height:
        return picture.size
    exif = Image.Exif()
    if not isinstance(picture, ImageFile.ImageFile) or picture.format != "PNG" or "exif" in picture.info:
        exif = picture.getexif()
    elif late := _exif_behind_pixels(picture):
        exif.load(b"Exif\0\0" + late)
    return (picture.height, picture.width) if exif.get(0x0112, 1) >= 5 else picture.size


def _exif_behind_pixels(png: ImageFile.ImageFile) -> bytes | None:
    """The eXIf chunk that a PNG may hold behind its pixels: to find it, Pillow decodes them all."""
    file = png.fp
    assert file is not None
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":
            return file.read(length)
        file.seek(length + 4, 1)  # with its checksum
    return None


def read_array(path: Path, *, drop_alpha: bool = False) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The picture as stored, (H, W, 3), RGB, 8 or 16 bits.

    EXIF rotation is applied. Grey and palette pictures become RGB; an alpha channel that
    is opaque everywhere is dropped.

    Args:
        path: The file.
        drop_alpha: Drop an alpha channel whatever it holds; colours that it hid then show.

    Raises:
        RestobenchError: It is no picture, is cut off, is transparent somewhere, has several
            frames, or has colours other than RGB, grey or palette.
    """
    try:
        with Image.open(path) as picture:
            if (frames := getattr(picture, "n_frames", 1)) > 1:
                raise RestobenchError(f"{path} has {frames} frames; save the wanted one as a picture of its own.")
            if _is_16_bit(path, picture):
                return _read_16_bit(path, drop_alpha)
            picture.load()
            ImageOps.exif_transpose(picture, in_place=True)
            return _eight_bit_rgb(path, picture, drop_alpha)
    except RestobenchError:
        raise
    except UnidentifiedImageError:
        raise RestobenchError(f"{path} is not a picture, whatever its name says; replace or remove it.") from None
    except Image.DecompressionBombError as error:
        raise RestobenchError(f"{path} is too large to be read safely: {error}") from None
    except FileNotFoundError:
        raise RestobenchError(f"{path} does not exist.") from None
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise RestobenchError(f"{path} is damaged or cut off ({error}); get it again.") from None


def _is_16_bit(path: Path, picture: Image.Image) -> bool:
    """Pillow opens a 16-bit RGB PNG or TIFF as 8-bit RGB, so the file itself is asked."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return True
    if picture.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24:25] == b"\x10"
    return picture.format == "TIFF" and 16 in picture.tag_v2.get(258, ())  # type: ignore[attr-defined]


def _read_16_bit(path: Path, drop_alpha: bool) -> NDArray[np.uint16]:
    import cv2

    stored = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16:
        raise RestobenchError(
            f"{path} holds neither 8 nor 16 bits a channel, or is damaged; convert it to one of these."
        )
    if stored.ndim == 2:
        return np.repeat(stored[..., None], 3, axis=2)
    if stored.shape[2] == 4 and not drop_alpha and stored[..., 3].min() < 65535:
        raise _transparent(path)
    return np.ascontiguousarray(stored[..., 2::-1])


def _eight_bit_rgb(path: Path, picture: Image.Image, drop_alpha: bool) -> NDArray[np.uint8]:
    if picture.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        if not drop_alpha and picture.getchannel("A").getextrema()[0] != 255:
            raise _transparent(path)
    elif picture.mode not in {"RGB", "L", "P", "1"}:
        raise RestobenchError(f"{path} has colours of the kind {picture.mode}; convert it to RGB first.")
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _transparent(path: Path) -> RestobenchError:
    return RestobenchError(f"{path} is transparent in places; put it on a background of your choice first.")


_OF_EIGHT_BITS = np.arange(256, dtype=np.float32) / np.float32(255)


def to_tensor(stored: NDArray[np.uint8] | NDArray[np.uint16], out: Tensor | None = None) -> Tensor:
    """(H, W, 3), 8 or 16 bits -> (3, H, W), float32 in [0, 1]; into `out` where that is given."""
    import cv2
    import torch

    scaled = torch.empty((3, *stored.shape[:2])) if out is None else out
    # OpenCV lets other threads of Python run meanwhile; numpy does not, and they may want to call a method.
    for plane, channel in zip(scaled.numpy(), cv2.split(stored), strict=True):
        if stored.dtype == np.uint8:
            cv2.LUT(channel, _OF_EIGHT_BITS, dst=plane)
        else:
            np.divide(channel, np.float32(65535), out=plane, dtype=np.float32)
    return scaled


def read_picture(path: Path) -> Tensor:
    """The picture as (3, H, W), float32, sRGB in [0, 1]; raises as `read_array`."""
    return to_tensor(read_array(path))


def to_eight_bit(picture: Tensor) -> NDArray[np.uint8]:
    """(..., 3, H, W) in [0, 1] -> (..., H, W, 3), clamped and rounded half to even, as the papers save."""
    scaled = picture.detach().float().clamp(0, 1).mul_(255).round_().byte()
    return scaled.movedim(-3, -1).cpu().numpy()


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) 8-bit RGB as PNG; the file is there whole or not at all."""
    import cv2

    # With its own settings OpenCV takes less than half of Pillow's time at level 1, for files as large.
    # A picture that was planes before, as tensors are, is put together in one go.
    planes = [np.ascontiguousarray(picture[..., channel]) for channel in (2, 1, 0)]
    _, encoded = cv2.imencode(".png", cv2.merge(planes))
    with written_whole(path) as beside:
        beside.write_bytes(encoded.data)
