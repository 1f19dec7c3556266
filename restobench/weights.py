"""Trained weights: which files the cards name, where they lie, and whether they are what they should be.

The cards are the methods' and metrics', and those of the tools of the harness itself.

`RESTOBENCH_HOME/weights/<method>/<file>`: a folder for each method, because two of them
may well call their file `model.pth`, and where a file lies must not depend on which other
packages are installed. The metrics of one package share files, and so a folder:
`weights/metrics/<package>/<file>`. A part that is a repository on the Hugging Face hub is a
folder there, or lies in the hub's own cache. Never imports torch; the network is used by
`fetch` alone.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from restobench.card import Hub, ToolCard, WeightFile
from restobench.download import Listener, Patience, UnavailableError, download, size_in_words
from restobench.environment import home
from restobench.errors import RestobenchError, unknown_name
from restobench.files import is_web_page, sha256_of, writing, written_whole
from restobench.hub import all_published, altered, cached_files, fetch_repository, files_in, snapshot_of
from restobench.plugins import Plugin, find_method, find_plugin, method_card, plugins

Verdict = Literal["official", "recorded", "altered", "unknown", "missing"]
"""Of a file's hash: it is its authors', that of the first download, neither, or there is nothing to compare with."""

TOOLS = {"faces": Plugin("faces", "restobench.faces", "", "restobench")}
"""Parts of the harness that need weights, by name; their cards lie in their packages."""


def weights_folder() -> Path:
    """Where all weights lie."""
    return home() / "weights"


def _place(owner: str, facts: WeightFile) -> Path | None:
    if facts.file is None:
        return None
    folder = find_plugin("restobench.methods", owner).folder if facts.bundled else weights_folder() / owner
    return folder / facts.file


def _find(owner: str, facts: WeightFile) -> Path | None:
    """Where a part's file, or the folder of its files, is; None where it is not."""
    own = _place(owner, facts)
    if facts.hub is None:
        return own if own and own.is_file() else None
    if own and own.is_dir():
        with suppress(RestobenchError):  # a folder that was only begun
            files_in(own, facts.hub)
            return own
    cached = cached_files(facts.hub)
    return snapshot_of(cached) if cached else None


def weight_files(facts: WeightFile, path: Path) -> dict[str, Path]:
    """The files that a part's weights are, by their names: the one at `path`, or those in the folder.

    Raises:
        RestobenchError: The folder lacks one of them.
    """
    return files_in(path, facts.hub) if facts.hub else {path.name: path}


def hash_of(files: Mapping[str, Path], sha256: Mapping[Path, str]) -> str:
    """One SHA-256 for a part's weights, given that of every path.

    The file's own where there is one; where there are several, that of their names and hashes,
    wherever they lie.
    """
    return _joined({name: sha256[path] for name, path in files.items()})


def _joined(hashes: Mapping[str, str]) -> str:
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    listing = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    return hashlib.sha256(listing.encode()).hexdigest()


@dataclass(frozen=True)
class Part:
    """One part of a metric, of one variant of a method, or of a tool, and the file or folder that holds its weights."""

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
        """Where its file or folder is, or would be; None where it is always given by hand."""
        return _find(self.owner, self.facts) or self.place

    @property
    def place(self) -> Path | None:
        """Where it would be in RESTOBENCH_HOME."""
        return _place(self.owner, self.facts)

    @property
    def there(self) -> bool:
        """Whether it is there, whatever it holds."""
        return _find(self.owner, self.facts) is not None

    @property
    def files(self) -> dict[str, Path]:
        """Its files by name, where it is there."""
        path = _find(self.owner, self.facts)
        return weight_files(self.facts, path) if path else {}

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
        return self.facts.sha256 or (_recorded(self.place) if self.place else None)


def all_parts() -> list[Part]:
    """Every part of every variant of every method that is installed, and of the tools; a broken card hides no other."""
    found = []
    for plugin in plugins("restobench.methods").values():
        try:
            found += parts_of(plugin.name, every_variant=True)
        except RestobenchError:
            continue  # `methods list` and `doctor` say what is wrong with it
    return found + [part for name in TOOLS for part in parts_of(name)]


def parts_of(name: str, *, every_variant: bool = False) -> list[Part]:
    """The parts of `NAME@VARIANT`; of `NAME` alone those of the default variant, or of every one; those of a tool.

    Raises:
        RestobenchError: There is no such method or variant, or its card is not valid.
    """
    if tool := TOOLS.get(name):
        facts_of_tool = tool.card(ToolCard)
        return [
            Part(name, name, part, facts, facts.licence or facts_of_tool.licence)
            for part, facts in facts_of_tool.weights.items()
        ]
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
    """By part, the files and folders that are in their place; `owner` is their folder below `weights`.

    Raises:
        RestobenchError: One has another size than its card says.
    """
    found = {}
    for part, facts in parts.items():
        path = _find(owner, facts)
        if path is None:
            continue
        if facts.size is not None and (size := path.stat().st_size) != facts.size:
            raise RestobenchError(
                f"The weights {path} have {size} bytes, and should have {facts.size}; "
                "see 'restobench weights verify', delete the file and get it again."
            )
        found[part] = path
    return found


def tool_weights(
    name: str, given: Mapping[str, str | Path], *, option: str, only: Collection[str] | None = None
) -> dict[str, Path]:
    """A file for every part of a tool: one that was given, or what is in its place.

    Args:
        name: Of `TOOLS`.
        given: Files by part.
        option: What gives a file by hand on the command line.
        only: The parts that are needed; None: all.

    Raises:
        RestobenchError: A part is unknown, a file is not there, or a part has none.
    """
    parts = TOOLS[name].card(ToolCard).weights
    parts = {part: facts for part, facts in parts.items() if only is None or part in only}
    files: dict[str, Path] = {}
    for part, file in given.items():
        if part not in parts:
            raise unknown_name(f"part of '{name}'", part, parts, f"Say which one it is: {option} PART=FILE.")
        files[part] = Path(file).expanduser()
        if not files[part].is_file():
            raise RestobenchError(f"The weights {files[part]} do not exist, or are not a file.")
    files |= find_weights(name, {part: facts for part, facts in parts.items() if part not in files})
    if missing := [part for part in parts if part not in files]:
        advice = how_to_get(name, parts, missing, option=option)
        raise RestobenchError(f"'{name}' needs weights that were not given: {', '.join(missing)}. {advice}")
    return files


def refuse_altered(owner: str, parts: Mapping[str, WeightFile], hashes: Mapping[Path, str]) -> None:
    """Hold the hashes of files that are about to be used against what they must be.

    Files that were given by hand are the user's own affair and are passed over.

    Raises:
        RestobenchError: One in its place is not what it was, or not what its card says.
    """
    for facts in parts.values():
        path = _find(owner, facts)
        files = weight_files(facts, path) if path else {}
        if path is None or not all(file in hashes for file in files.values()):
            continue
        if wrong := altered(files, hashes):
            raise RestobenchError(
                f"The weights {files[wrong[0]]} are not what the hub says they are. Delete the file and get it "
                "again, or give the folder by hand with --weights if it is meant."
            )
        expected, place = facts.sha256, _place(owner, facts)
        if expected is None and path == place:
            expected = _recorded(path)
        if expected and (found := hash_of(files, hashes)) != expected:
            what = "folder" if facts.hub else "file"
            raise RestobenchError(
                f"The weights {path} are not what they should be: their SHA-256 is {found}, and should be "
                f"{expected}. Delete the {what} and get it again, or give it by hand with --weights if it is meant."
            )


def how_to_get(
    reference: str, parts: Mapping[str, WeightFile], missing: Sequence[str], *, option: str = "--weights"
) -> str:
    """What to do about the `missing` ones of a variant's parts, in one sentence; `option` takes a file by hand."""
    given = {part: "FOLDER" if parts[part].hub else "FILE" for part in missing}
    options = " ".join(f"{option} {'' if len(parts) == 1 else f'{part}='}{what}" for part, what in given.items())
    by_hand = f"name the file{'s' if len(missing) > 1 else ''}: {options}."
    files = [what_is_fetched(parts[part]) for part in missing if parts[part].can_be_fetched]
    if not files:
        helps = dict.fromkeys(parts[part].help for part in missing if parts[part].help)
        return " ".join([f"N{by_hand[1:]}", *helps])
    return f"Fetch {'; '.join(files)} with 'restobench weights fetch {reference}', or {by_hand}"


def what_is_fetched(facts: WeightFile) -> str:
    """A file with its size, or a repository, in a few words."""
    return f"{facts.hub.repository} of the hub" if facts.hub else f"{facts.file}, {size_in_words(facts.size)}"


def fetch(part: Part, listener: Listener, patience: Patience | None = None) -> Path:
    """Bring a part's file to its place, where it is not there, or not what it should be.

    A repository comes to the hub's cache, by its library's own patience.

    Asks the network for nothing that is there. Where the card has no official SHA-256, that
    of the first download is recorded beside the file, and compared from then on.

    Returns:
        Where the file or folder is.

    Raises:
        RestobenchError: The card names no address, or what `download` and `fetch_repository` raise.
    """
    path = part.place
    if path is not None and part.facts.bundled:
        _refuse_lost(part, path)
        listener.say(f"{path.name} comes with the package")
        return path
    if path is not None and part.facts.hub is not None:
        with writing(), _lock(path, listener):
            return _fetch_repository(part, part.facts.hub, listener)
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
    """Put a file or a folder that is here already into a part's place: a copy, or with `link` the very files.

    Raises:
        RestobenchError: The file is not there or is not the part's, or the part has no place.
    """
    path = part.place
    if path is None:
        raise RestobenchError(f"The card names no file for {part.title}; give it with each run: --weights FILE.")
    if part.facts.bundled:
        raise RestobenchError(
            f"The file for {part.title} comes with the package; give another with each run: --weights FILE."
        )
    files = given_files(part.facts, source)
    with writing(), _lock(path, listener):
        hashes = {file: _checked(part, file) for file in files.values()}
        found = hash_of(files, hashes)
        if part.expected not in (None, found):
            recorded = "" if part.facts.sha256 else f" To take it all the same, delete {_record(path)}."
            raise RestobenchError(
                f"{source} is not {part.title}: its SHA-256 is {found}, and should be {part.expected}.{recorded}"
            )
        for name, file in files.items():
            _put(file, path / name if part.facts.hub else path, hashes[file], link=link)
        _remember(part, path, found, listener)
    return path


def given_files(facts: WeightFile, source: Path) -> dict[str, Path]:
    """The files that somebody gives for a part, by name: a file, or for a repository a folder.

    Raises:
        RestobenchError: It is not there, not of this kind, or the folder lacks a file.
    """
    if facts.hub and not source.is_dir():
        raise RestobenchError(f"The weights {source} do not exist, or are not a folder like {facts.hub.repository}.")
    if not facts.hub and not source.is_file():
        raise RestobenchError(f"The weights {source} do not exist, or are not a file.")
    return weight_files(facts, source)


def _put(source: Path, path: Path, sha256: str, *, link: bool) -> None:
    """A copy at `path`, or a link; nothing where it is that file already."""
    if path.is_file() and path.samefile(source):
        return
    with written_whole(path) as beside:
        if link:
            _link(source, beside)
            return
        shutil.copyfile(source, beside)
        if sha256_of(beside) != sha256:
            raise RestobenchError(f"{source} changed while it was copied; try again when it is finished.")


def verify(part: Part) -> tuple[Verdict, str]:
    """Read a part's file again, and say what it is and why.

    Raises:
        RestobenchError: What was recorded at the first download is damaged.
    """
    files = part.files
    if not files:
        return "missing", "not there"
    hashes = {path: sha256_of(path) for path in files.values()}
    if wrong := altered(files, hashes):
        return "altered", f"{files[wrong[0]]} is not what the hub says; delete it and get it again"
    if all_published(files):
        return "official", "the hashes are those that the hub tells"
    expected, found = part.expected, hash_of(files, hashes)
    if expected is None:
        return "unknown", f"nothing to compare with; its SHA-256 is {found}"
    if found != expected:
        return "altered", f"its SHA-256 is {found}, and should be {expected}; delete the file and get it again"
    if part.facts.sha256:
        return "official", "the SHA-256 is its authors'"
    return "recorded", "the SHA-256 is that of the first download"


def _refuse_lost(part: Part, path: Path) -> None:
    if not path.is_file():
        plugin = find_plugin("restobench.methods", part.owner)
        raise RestobenchError(f"{path} should have come with '{plugin.distribution}'; install that again.")


def _fetch_repository(part: Part, hub: Hub, listener: Listener) -> Path:
    again = False
    if part.there and part.path:
        verdict, reason = verify(part)
        if verdict != "altered":
            size = sum(path.stat().st_size for path in part.files.values())
            listener.say(f"{hub.repository} is there already ({size_in_words(size)})")
            return part.path
        if part.path == part.place:
            raise RestobenchError(f"{part.path}: {reason}.")
        listener.say(f"{reason}; it is fetched again")
        again = True
    try:
        return snapshot_of(fetch_repository(hub, listener, again=again))
    except UnavailableError as error:
        raise RestobenchError(f"{error}\nOr get it in another way. {_by_hand(part)}") from error


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
    """The SHA-256 of a file that can be the part's, or one of its files."""
    size = source.stat().st_size
    if part.facts.size is not None and size != part.facts.size:
        raise RestobenchError(f"{source} is not {part.title}: it has {size} bytes, and should have {part.facts.size}.")
    with source.open("rb") as file:
        start = file.read(512)
    if not start or is_web_page(start):
        raise RestobenchError(f"{source} is {'a web page' if start else 'empty'} and not {part.title}; get it again.")
    return sha256_of(source)


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _recorded(path: Path) -> str | None:
    """The SHA-256 of the first download, in the form of sha256sum: a file beside the other needs no common register.

    Of a folder it is `hash_of` its files.
    """
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
    if part.place is None:
        return f"Give it with each run: --weights FILE. {part.facts.help}".strip()
    what = "folder" if part.facts.hub else "file"
    return (
        f"Put a {what} that you have in its place: restobench weights add {part.reference} {part.name}={what.upper()}"
    )


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
