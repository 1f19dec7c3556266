"""Trained weights: which files the cards name, where they lie, and whether they are what they should be.

`RESTOBENCH_HOME/weights/<method>/<file>`: a folder for each method, because two of them
may well call their file `model.pth`, and where a file lies must not depend on which other
packages are installed. The metrics of one package share files, and so a folder:
`weights/metrics/<package>/<file>`. Never imports torch; the network is used by `fetch` alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from restobench.card import WeightFile
from restobench.download import Listener, Patience, UnavailableError, download, size_in_words
from restobench.environment import home
from restobench.errors import RestobenchError, unknown_name
from restobench.files import is_web_page, sha256_of, writing, written_whole
from restobench.plugins import find_method, method_card, plugins

Verdict = Literal["official", "recorded", "altered", "unknown", "missing"]
"""Of a file's hash: it is its authors', that of the first download, neither, or there is nothing to compare with."""


def weights_folder() -> Path:
    """Where all weights lie."""
    return home() / "weights"


def _place(owner: str, facts: WeightFile) -> Path | None:
    return weights_folder() / owner / facts.file if facts.file else None


@dataclass(frozen=True)
class Part:
    """One part of a metric or of one variant of a method, and the file that holds its weights."""

    owner: str
    """The folder of its file: the method's name, or that of a package's metrics."""
    reference: str
    """What names the metric, or method and variant, on the command line."""
    name: str
    facts: WeightFile
    licence: str
    """The file's own, or what the card says."""

    @property
    def path(self) -> Path | None:
        """Where its file is, or would be; None where it is always given by hand."""
        return _place(self.owner, self.facts)

    @property
    def there(self) -> bool:
        """Whether its file is there, whatever it holds."""
        return self.path is not None and self.path.is_file()

    @property
    def title(self) -> str:
        """`unet of resshift@v1`."""
        return f"{self.name} of {self.reference}"

    @property
    def expected(self) -> str | None:
        """The SHA-256 that its file must have: its authors', else that of the first download.

        Raises:
            RestobenchError: What was recorded at the first download is damaged.
        """
        return self.facts.sha256 or (_recorded(self.path) if self.path else None)


def all_parts() -> list[Part]:
    """Every part of every variant of every method that is installed; a broken card hides no other."""
    found = []
    for plugin in plugins("restobench.methods").values():
        try:
            found += parts_of(plugin.name, every_variant=True)
        except RestobenchError:
            continue  # `methods list` and `doctor` say what is wrong with it
    return found


def parts_of(name: str, *, every_variant: bool = False) -> list[Part]:
    """The parts of `NAME@VARIANT`; of `NAME` alone those of the default variant, or of every one.

    Raises:
        RestobenchError: There is no such method or variant, or its card is not valid.
    """
    plugin, variant = find_method(name)
    card = method_card(plugin)
    if variant and variant not in card.variants:
        raise unknown_name(f"variant of '{plugin.name}'", variant, card.variants)
    variants = [variant] if variant else list(card.variants) if every_variant else [card.default_variant]
    references = [plugin.reference + (f"@{one}" if len(card.variants) > 1 else "") for one in variants]
    return [
        Part(plugin.name, reference, part, facts, facts.licence or card.licence)
        for one, reference in zip(variants, references, strict=True)
        for part, facts in card.weights_of(one).items()
    ]


def choose_parts(parts: Sequence[Part], names: Sequence[str]) -> list[Part]:
    """Those of a variant's parts that are named; all where none is.

    Raises:
        RestobenchError: A name is none of theirs.
    """
    known = {part.name: part for part in parts}
    for name in names:
        if name not in known:
            raise unknown_name(f"part of {parts[0].reference}" if parts else "part", name, known)
    return [known[name] for name in dict.fromkeys(names)] or list(parts)


def find_weights(owner: str, parts: Mapping[str, WeightFile]) -> dict[str, Path]:
    """By part, the files that are in their place; `owner` is the folder below `weights` that they lie in.

    Raises:
        RestobenchError: One has another size than its card says.
    """
    found = {}
    for part, facts in parts.items():
        path = _place(owner, facts)
        if path is None or not path.is_file():
            continue
        size = path.stat().st_size
        if facts.size is not None and size != facts.size:
            raise RestobenchError(
                f"The weights {path} have {size} bytes, and should have {facts.size}; "
                "see 'restobench weights verify', delete the file and get it again."
            )
        found[part] = path
    return found


def refuse_altered(owner: str, parts: Mapping[str, WeightFile], hashes: Mapping[Path, str]) -> None:
    """Hold the hashes of files that are about to be used against what they must be.

    Files that were given by hand are the user's own affair and are passed over.

    Raises:
        RestobenchError: One in its place is not what it was, or not what its card says.
    """
    for facts in parts.values():
        path = _place(owner, facts)
        if path is None or path not in hashes:
            continue
        expected = facts.sha256 or _recorded(path)
        if expected and hashes[path] != expected:
            raise RestobenchError(
                f"The weights {path} are not what they should be: their SHA-256 is {hashes[path]}, and should be "
                f"{expected}. Delete the file and get it again, or give it by hand with --weights if it is meant."
            )


def how_to_get(reference: str, parts: Mapping[str, WeightFile], missing: Sequence[str]) -> str:
    """What to do about the `missing` ones of a variant's parts, in one sentence."""
    options = " ".join(f"--weights {'' if len(parts) == 1 else f'{part}='}FILE" for part in missing)
    by_hand = f"name the file{'s' if len(missing) > 1 else ''}: {options}."
    files = [f"{parts[part].file}, {size_in_words(parts[part].size)}" for part in missing if parts[part].url]
    if not files:
        return f"N{by_hand[1:]}"
    return f"Fetch {'; '.join(files)} with 'restobench weights fetch {reference}', or {by_hand}"


def fetch(part: Part, listener: Listener, patience: Patience | None = None) -> Path:
    """Bring a part's file to its place, where it is not there, or not what it should be.

    Asks the network for nothing that is there. Where the card has no official SHA-256, that
    of the first download is recorded beside the file, and compared from then on.

    Returns:
        Where the file is.

    Raises:
        RestobenchError: The card names no address, or what `download` raises.
    """
    path = part.path
    if path is None or part.facts.url is None:
        raise RestobenchError(f"The card names no address for {part.title}. {_by_hand(part)}")
    with writing(), _lock(path, listener):
        if part.there and _is_right(part, path, listener):
            return path
        try:
            found = download(
                part.facts.url,
                path,
                size=part.facts.size,
                sha256=part.expected,
                listener=listener,
                patience=patience,
            )
        except UnavailableError as error:
            raise RestobenchError(f"{error}\nOr get it in another way. {_by_hand(part)}") from error
        except RestobenchError as error:
            if part.facts.sha256 or not part.expected:
                raise
            raise RestobenchError(
                f"{error}\nThe second hash is that of the first download. If its authors replaced the file and you "
                f"want the new one, delete {_record(path)} and fetch it again; it makes other runs."
            ) from error
        _remember(part, path, found, listener)
    return path


def add(part: Part, source: Path, listener: Listener, *, link: bool = False) -> Path:
    """Put a file that is here already into a part's place: a copy, or with `link` the very file.

    Raises:
        RestobenchError: The file is not there or is not the part's, or the part has no place.
    """
    path = part.path
    if path is None:
        raise RestobenchError(f"The card names no file for {part.title}; give it with each run: --weights FILE.")
    if not source.is_file():
        raise RestobenchError(f"The weights {source} do not exist, or are not a file.")
    with writing(), _lock(path, listener):
        found = _checked(part, source)
        if not (part.there and path.samefile(source)):
            with written_whole(path) as beside:
                if link:
                    _link(source, beside)
                else:
                    shutil.copyfile(source, beside)
                    if sha256_of(beside) != found:
                        raise RestobenchError(f"{source} changed while it was copied; try again when it is finished.")
        _remember(part, path, found, listener)
    return path


def verify(part: Part) -> tuple[Verdict, str]:
    """Read a part's file again, and say what it is and why.

    Raises:
        RestobenchError: What was recorded at the first download is damaged.
    """
    path = part.path
    if path is None or not path.is_file():
        return "missing", "not there"
    expected, found = part.expected, sha256_of(path)
    if expected is None:
        return "unknown", f"nothing to compare with; its SHA-256 is {found}"
    if found != expected:
        return "altered", f"its SHA-256 is {found}, and should be {expected}; delete the file and get it again"
    if part.facts.sha256:
        return "official", "the SHA-256 is its authors'"
    return "recorded", "the SHA-256 is that of the first download"


def _link(source: Path, beside: Path) -> None:
    try:
        beside.hardlink_to(source.resolve())
    except OSError as error:
        raise RestobenchError(
            f"{source} cannot be linked into {beside.parent} ({error.strerror}); leave --link out to copy it."
        ) from error


def _is_right(part: Part, path: Path, listener: Listener) -> bool:
    """Whether the file that is there can stay. One that nothing was known of is known from now on."""
    size = path.stat().st_size
    right_size = part.facts.size in (None, size)
    found = sha256_of(path) if right_size else None
    if found is None or part.expected not in (None, found):
        listener.say(f"{path} is not what it should be; it is fetched again")
        return False
    listener.say(f"{path.name} is there already ({size_in_words(size)})")
    _remember(part, path, found, listener)
    return True


def _checked(part: Part, source: Path) -> str:
    """The SHA-256 of a file that can be the part's."""
    size = source.stat().st_size
    if part.facts.size is not None and size != part.facts.size:
        raise RestobenchError(f"{source} is not {part.title}: it has {size} bytes, and should have {part.facts.size}.")
    with source.open("rb") as file:
        start = file.read(512)
    if not start or is_web_page(start):
        raise RestobenchError(f"{source} is {'a web page' if start else 'empty'} and not {part.title}; get it again.")
    found = sha256_of(source)
    if part.expected not in (None, found):
        advice = (
            "" if part.facts.sha256 or part.path is None else f" To take it all the same, delete {_record(part.path)}."
        )
        raise RestobenchError(
            f"{source} is not {part.title}: its SHA-256 is {found}, and should be {part.expected}.{advice}"
        )
    return found


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _recorded(path: Path) -> str | None:
    """The SHA-256 of the first download, in the form of sha256sum: a file beside the other needs no common register."""
    record = _record(path)
    if not record.exists():
        return None
    if not (line := re.match(r"([0-9a-f]{64})\s", record.read_text(encoding="utf-8", errors="replace"))):
        raise RestobenchError(f"{record} holds no SHA-256; delete it, and the next fetch writes it anew.")
    return line[1]


def _remember(part: Part, path: Path, found: str, listener: Listener) -> None:
    """Where nothing but this file can say what it must be from now on, write it down."""
    if part.expected is None:
        with written_whole(_record(path)) as beside:
            beside.write_text(f"{found}  {path.name}\n", encoding="utf-8")
        listener.say(f"{path.name}: no official SHA-256 is known; recorded {found}, to be compared from now on")


def _by_hand(part: Part) -> str:
    if part.path is None:
        return "Give it with each run: --weights FILE."
    return f"Put a file that you have in its place: restobench weights add {part.reference} {part.name}=FILE"


@contextmanager
def _lock(path: Path, listener: Listener) -> Iterator[None]:
    """One process at a time brings a file; the next finds it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        listener.say(f"{path.name}: another process is at it; waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
