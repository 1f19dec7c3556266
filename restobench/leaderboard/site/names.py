"""What files and links of the site are called: safe in every file system and address, the same in every build."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_HARMLESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9@_-]{0,40}")


def file_name(text: str) -> str:
    """A name for a file or folder, without its ending: legible, and another one for every other text."""
    legible = re.sub(r"[^a-z0-9]+", "-", text.lower())[:40].strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{legible}-{digest}".lstrip("-")


def keys(texts: Iterable[str]) -> list[str]:
    """What these are called in links, in order: the texts themselves where harmless, no two alike."""
    found: list[str] = []
    for text in texts:
        key = text if _HARMLESS.fullmatch(text) else file_name(text)
        alike, wanted = 1, key
        while wanted in found:
            alike += 1
            wanted = f"{key}-{alike}"
        found.append(wanted)
    return found
