"""The line under every number that says what made it.

    restobench|v1|data:demo@1:n12:0f3c...|metric:psnr:rev=1|img:png8:x4|method:bicubic@default|seed:0|hash:7d41...

Fields are separated by `|`, their parts by `:`, and a part may be `key=value`. What could be
mistaken for a separator is percent-encoded. The hash makes an edit by hand show; it is no
proof against forgery. Knows nothing of what the fields mean; imports nothing outside the
standard library and `errors`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from restobench.errors import RestobenchError

_NAME = "restobench"
_VERSION = "v1"
_HASH_DIGITS = 12

Parts = tuple[str, ...]
"""Words and `key=value`s, in plain text; the first `=` of a part ends its key."""


@dataclass(frozen=True)
class Signature:
    """What made a number, in the order of the line. `str()` writes the line, `parse` reads it."""

    data: Parts
    """Name and revision, number of samples, fingerprint."""
    metric: Parts
    """Name, options, weights, library and its version."""
    img: Parts
    """What was scored: format and size."""
    method: Parts
    """Name and variant, weights, settings, precision."""
    seed: Parts

    def __str__(self) -> str:
        """The line, hash included."""
        named = zip((field.name for field in fields(self)), astuple(self), strict=True)
        body = "|".join([_NAME, _VERSION, *(":".join([name, *map(_encode, parts)]) for name, parts in named)])
        return f"{body}|hash:{_hash(body)}"

    @classmethod
    @lru_cache(maxsize=4096)  # tables ask for the parts of each line a dozen times
    def parse(cls, line: str) -> Signature:
        """Read a line that `str()` wrote; white space around it does not matter.

        Raises:
            RestobenchError: It is no signature, is of another version, lacks a field or has
                one too many, or was changed after it was written.
        """
        line = line.strip()
        name, _, tail = line.partition("|")
        version, _, tail = tail.partition("|")
        rest = tail.split("|") if tail else []
        if name != _NAME or not version:
            raise RestobenchError(
                f"{_shown(line)} is no signature; one begins with '{_NAME}|{_VERSION}|' and stands on one line."
            )
        if version != _VERSION:
            raise RestobenchError(
                f"{_shown(line)} is a signature of version '{version}'; this restobench reads {_VERSION}. "
                "Use the restobench that wrote it, or a newer one."
            )
        wanted = [field.name for field in fields(cls)]
        found = [part.partition(":")[0] for part in rest]
        if found != [*wanted, "hash"]:
            raise RestobenchError(
                f"{_shown(line)} has the fields {', '.join(found) or 'none'}; a signature has "
                f"{', '.join(wanted)} and hash. Copy the whole line."
            )
        body, _, hashed = line.rpartition("|hash:")
        if hashed != _hash(body):
            raise RestobenchError(
                f"{_shown(line)} was changed after it was written: its hash is '{hashed}' and should be "
                f"'{_hash(body)}'. Copy it again from where it was printed."
            )
        return cls(**{part.partition(":")[0]: _parts(part) for part in rest[:-1]})


def _parts(field: str) -> Parts:
    """`name:part:key=value` -> ("part", "key=value"), decoded."""
    try:
        return tuple(unquote_to_bytes(part).decode("utf-8", "surrogatepass") for part in field.split(":")[1:])
    except UnicodeDecodeError:
        raise RestobenchError(f"{_shown(field)} is no part of a signature: its %-codes are no text.") from None


def _encode(part: str) -> str:
    key, equals, value = part.partition("=")
    return _percent(key) + equals + _percent(value)


def _percent(text: str) -> str:
    """Encode the separators, and what a terminal or a copied line would lose."""
    return "".join(
        character
        if character.isprintable() and character not in "%|:= "
        else "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
        for character in text
    )


def _hash(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]


def _shown(line: str) -> str:
    """The line as it stands in an error, shortened."""
    return repr(re.sub(r"(?s)^(.{60}).+$", r"\1...", line))
