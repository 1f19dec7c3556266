"""Options that several commands share, their completion, and how their text is read."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from restobench.errors import RestobenchError
from restobench.results import natural_order


def complete_methods(incomplete: str) -> list[str]:
    """Method names, for the shell."""
    from restobench.plugins import plugins

    return [name for name in plugins("restobench.methods") if name.startswith(incomplete)]


def complete_weights(incomplete: str) -> list[str]:
    """Names of methods, variants and metrics whose weights are files, for the shell."""
    from restobench.metrics.registry import all_weight_parts
    from restobench.weights import all_parts

    methods = all_parts()
    names = dict.fromkeys(part.owner for part in methods)
    names |= dict.fromkeys(part.reference for part in [*methods, *all_weight_parts()])
    return [name for name in names if name.startswith(incomplete)]


def complete_datasets(incomplete: str) -> list[str]:
    """Data set names and aliases, for the shell."""
    from restobench.dataset import dataset_cards, local_cards

    cards = [card for card, _ in dataset_cards().values()]
    names = [name for card in cards for name in (card.name, *card.aliases)]
    if "@" in incomplete:
        names = [
            f"{name}@{revision}" for card in cards for name in (card.name, *card.aliases) for revision in card.revisions
        ]
    return [name for name in dict.fromkeys([*names, *local_cards()]) if name.startswith(incomplete)]


def complete_recipes(incomplete: str) -> list[str]:
    """Recipes of data sets, for the shell; after NAME@ too."""
    from restobench.synthesis.registry import RECIPES

    name, at, recipe = incomplete.rpartition("@")
    return [f"{name}{at}{known}" for known in RECIPES if known.startswith(recipe)]


def complete_suites(incomplete: str) -> list[str]:
    """Names of suites that packages bring, for the shell."""
    from restobench.suite import suite_names

    return [name for name in suite_names() if name.startswith(incomplete)]


def complete_metrics(incomplete: str) -> list[str]:
    """Metric names, for the shell; after a comma the next one."""
    from restobench.plugins import plugins

    done, comma, last = incomplete.rpartition(",")
    return [f"{done}{comma}{name}" for name in plugins("restobench.metrics") if name.startswith(last)]


Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method", "-m", help="NAME, NAME@VARIANT or PATH.py:CLASS; may repeat.", autocompletion=complete_methods
    ),
]
Datasets = Annotated[
    list[str] | None,
    typer.Option("--dataset", "-d", help="A name, a folder or a URL; may repeat.", autocompletion=complete_datasets),
]
Suite = Annotated[
    str | None,
    typer.Option(
        help="Instead of --method, --set, --weights and --as: a file (.toml) of them that spans a grid, or a name.",
        autocompletion=complete_suites,
    ),
]
Dataset = Annotated[
    str | None, typer.Option("--dataset", "-d", help="A name, a folder or a URL.", autocompletion=complete_datasets)
]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        help="Names with commas; default: the data set's protocol.",
        autocompletion=complete_metrics,
    ),
]
Settings = Annotated[list[str] | None, typer.Option("--set", help="A setting of the method, NAME=VALUE; may repeat.")]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weights",
        help="A file, or PART=FILE for one of several parts; may repeat. A pattern or several files: a run of each.",
    ),
]
Label = Annotated[str | None, typer.Option("--as", help="What the method's rows are called.")]
Scale = Annotated[
    int | None,
    typer.Option(min=1, max=16, help="How many times larger the result is, where the data does not tell."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of all noise; each picture has a stream of its own.")]
Seeds = Annotated[int, typer.Option(min=1, help="How many seeds, from --seed on, each a run of its own.")]
BatchSize = Annotated[
    str, typer.Option(help="Pictures at a time, or 'auto': as many as make it quickest. Changes no noise and no key.")
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps; default: the fastest that is here.")]
Dtype = Annotated[str, typer.Option(help="float32, float16 or bfloat16.")]
Tf32 = Annotated[bool, typer.Option("--tf32", help="Let TF32 stand in for float32 on the GPU.")]
MaxFailures = Annotated[
    str | None,
    typer.Option(help="Stop when more pictures fail: a number, or a share (0.1, 10%). Default: never."),
]
Retries = Annotated[int, typer.Option(min=0, help="How often a picture that failed is tried again.")]
Timeout = Annotated[float | None, typer.Option(help="Seconds that a picture may take; one that takes longer fails.")]
Runs = Annotated[Path | None, typer.Option(help="Folder of the runs.", envvar="RESTOBENCH_RUNS", show_default="runs")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on standard output.")]


def pairs(texts: Sequence[str] | None, option: str = "--set") -> dict[str, str]:
    """NAME=VALUE, given with `option`, as a dictionary.

    Raises:
        RestobenchError: One has no '=', or two name the same setting.
    """
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise RestobenchError(f"{option} wants NAME=VALUE, not {text!r}.")
        if name in found:
            raise RestobenchError(f"{option} names '{name}' twice.")
        found[name] = value
    return found


def weight_sets(texts: Sequence[str] | None) -> list[dict[str, str]]:
    """`--weights` as one mapping of files by part for each checkpoint; a plain file's part is "".

    A pattern, or several plain files, are several checkpoints in natural order; what is
    given as PART=FILE is shared by all of them.

    Raises:
        RestobenchError: Two files for one part, or a pattern that fits nothing.
    """
    parts: dict[str, str] = {}
    plain: list[str] = []
    for text in texts or ():
        part, equals, file = text.partition("=")
        if not equals or "/" in part or Path(text).exists():
            plain += _files(text)
        elif part in parts:
            raise RestobenchError(f"--weights names {part!r} twice.")
        else:
            parts[part] = file
    if not plain:
        return [parts] if parts else []
    return [{**parts, "": file} for file in dict.fromkeys(plain)]


def one_weight_set(texts: Sequence[str] | None, option: str = "--weights") -> dict[str, str] | None:
    """The files by part of one checkpoint; None where nothing was given.

    Raises:
        RestobenchError: There are several checkpoints, or as `weight_sets` does.
    """
    sets = weight_sets(texts)
    if len(sets) > 1:
        raise RestobenchError(f"restore takes one checkpoint; {option} names several.")
    return sets[0] if sets else None


def _files(text: str) -> list[str]:
    """The files that a path or a pattern names; a path that names nothing stays as it is, to be complained of."""
    if Path(text).expanduser().exists() or not glob.has_magic(text):
        return [text]
    # Path.glob takes no absolute pattern.
    found = sorted(glob.glob(str(Path(text).expanduser()), recursive=True), key=natural_order)  # noqa: PTH207
    if not found:
        raise RestobenchError(f"--weights {text} fits no file.")
    return found


def picture_size(text: str | None) -> tuple[int, int] | None:
    """`512x384` as width and height in pixels.

    Raises:
        RestobenchError: It is something else.
    """
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise RestobenchError(f"--size wants WIDTHxHEIGHT in pixels, as in 512x512, not {text!r}.")
    return int(width), int(height)


def batch_size(text: str) -> int | None:
    """A number of pictures; None for `auto`.

    Raises:
        RestobenchError: It is neither.
    """
    if text == "auto":
        return None
    if not (text.isascii() and text.isdigit() and int(text)):
        raise RestobenchError(f"--batch-size wants a number, at least 1, or 'auto', not {text!r}.")
    return int(text)


def names(text: str | None) -> list[str] | None:
    """`a,b` as a list; None where nothing was given.

    Raises:
        RestobenchError: The list is empty.
    """
    if text is None:
        return None
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise RestobenchError("--metrics names no metric.")
    return found


def folder(path: Path | None, option: str) -> Path | None:
    """The path itself. An empty one is a shell variable that was never set, not the folder in hand.

    Raises:
        RestobenchError: It is empty.
    """
    if path is not None and path == Path():
        raise RestobenchError(f"{option} names no folder; for the one you are in, say {option} $PWD.")
    return path


def check_device(device: str | None) -> str | None:
    """The device itself, where it is one that is here.

    Raises:
        RestobenchError: No such device.
    """
    if device is None:
        return None
    import torch

    try:
        kind = torch.device(device)
    except RuntimeError:
        raise RestobenchError(f"No device is called {device!r}; use cpu, cuda, cuda:N or mps.") from None
    here = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (kind.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not here.get(kind.type, False):
        raise RestobenchError(f"The device {device!r} is not on this machine; leave --device out, or use cpu.")
    return device


def check_dtype(dtype: str) -> str:
    """The dtype itself, where methods can be built in it.

    Raises:
        RestobenchError: No such dtype.
    """
    from restobench.method import DTYPES

    if dtype not in DTYPES:
        raise RestobenchError(f"--dtype must be one of {', '.join(DTYPES)}, not {dtype!r}.")
    return dtype
