"""Small replicas of what people download, in the real layouts, from generated pictures."""

import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from restobench.dataset_card import DatasetCard
from restobench.preparing.prepare import Published, published
from tests.conftest import picture


def png(seed: int, width: int, height: int) -> bytes:
    """A picture as a PNG file: flat, but for its first corner."""
    image = Image.new("RGB", (width, height), (seed % 256, 90, 30))
    image.paste(Image.fromarray(picture(seed, 6, 6)))
    content = io.BytesIO()
    image.save(content, "png", compress_level=1)
    return content.getvalue()


def small(reference: str, **changes: object) -> Published:
    """A published data set with fewer pictures."""
    card, folder = published(reference)
    assert isinstance(card, DatasetCard)
    return Published(card.model_copy(update=changes), folder)


def pairs(lq: str, gt: str, ids: list[str], lq_size: tuple[int, int], scale: int = 1) -> dict[str, bytes]:
    """By path, pictures called by the two templates, in which {} is the id."""
    width, height = lq_size
    files = {lq.format(name): png(number, width, height) for number, name in enumerate(ids)}
    return files | {gt.format(name): png(n, width * scale, height * scale) for n, name in enumerate(ids)}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


FACES = [f"{number:08}" for number in range(3)]
CAMERAS = ["Canon_001", "Canon_002", "Nikon_001"]
IMAGENET = [f"ILSVRC2012_val_{number:08}" for number in (7, 40_000)]
