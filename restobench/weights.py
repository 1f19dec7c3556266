"""Trained weights: which files the cards name, where they lie, and whether they are what they should be.

The cards are the methods' and metrics', and those of the tools of the harness itself.

`RESTOBENCH_HOME/weights/<method>/<file>`: a folder for each method, because two of them
may well call their file `model.pth`, and where a file lies must not depend on which other
packages are installed. The metrics of one package share files, and so a folder:
`weights/metrics/<package>/<file>`. A part that is a repository on the Hugging Face hub is a
folder there, or lies in the hub's own cache. Never imports torch, nor asks the network: see `fetching`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from restobench.card import WeightFile
from restobench.download import size_in_words
from restobench.environment import home
from restobench.errors import RestobenchError, unknown_name
from restobench.hub import altered, cached_files, files_in, snapshot_of
from restobench.method_card import ToolCard
from restobench.plugins import Plugin, find_method, find_plugin, method_card, plugins

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
        return self.facts.sha256 or (recorded(self.place) if self.place else None)


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
            expected = recorded(path)
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


def record_of(path: Path) -> Path:
    """Where the SHA-256 of a first download stands."""
    return path.with_name(f"{path.name}.sha256")


def recorded(path: Path) -> str | None:
    """The SHA-256 of the first download, in the form of sha256sum: a file beside the other needs no common register.

    Of a folder it is `hash_of` its files.
    """
    record = record_of(path)
    if not record.exists():
        return None
    if not (line := re.match(r"([0-9a-f]{64})\s", record.read_text(encoding="utf-8", errors="replace"))):
        raise RestobenchError(f"{record} holds no SHA-256; delete it, and the next fetch writes it anew.")
    return line[1]
