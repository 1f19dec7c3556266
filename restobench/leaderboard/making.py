"""What made a row: the command, the settings that are not the published ones, licence and training data.

Reads run.json and the cards of installed methods and data sets; where a card is gone, what
the run itself recorded has to do.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from restobench.dataset import dataset_cards, local_cards
from restobench.dataset_card import DatasetCard
from restobench.environment import datasets_folder
from restobench.errors import RestobenchError
from restobench.leaderboard.verdict import ENOUGH_SEEDS
from restobench.method_card import MethodCard
from restobench.plugins import find_method, find_plugin, method_card
from restobench.results import RunRecord


def method_names(record: RunRecord) -> set[str]:
    """What tables of published numbers may call the run's method: `name`, `name@variant`."""
    name = record.run["determinants"].get("method")
    return {name, f"{name}@{record.run['variant']}"} if name else set()


def changed_settings(record: RunRecord) -> dict[str, tuple[Any, Any]]:
    """By setting that moves pictures: its value, and the variant's, where they differ.

    Without the method's card nothing is known to differ.
    """
    made = record.run["determinants"]
    card = _card(record)
    if card is None or record.run["variant"] not in card.variants:
        return {}
    usual = {name: setting.default for name, setting in card.settings.items()}
    usual |= card.variants[record.run["variant"]].settings
    return {
        name: (value, usual[name])
        for name, value in made.get("settings", {}).items()
        if name in usual and value != usual[name]
    }


def command_of(records: Sequence[RunRecord]) -> str:
    """The line that makes these runs again: seeds of one method on one data set."""
    run = records[0].run
    made = run["determinants"]
    words = ["--dataset", _dataset_reference(run["dataset"])]
    if "method" not in made:
        return shlex.join(["restobench", "evaluate", "--restored", "DIR", *words, "--as", run["label"]])
    variant = "" if run["variant"] == "default" else f"@{run['variant']}"
    words = ["restobench", "run", "--method", f"{made['method']}{variant}", *words]
    if run["label"] != made["method"]:
        words += ["--as", run["label"]]
    if run.get("checkpoint"):
        words += ["--weights", run["checkpoint"]]
    for name, (value, _) in sorted(changed_settings(records[0]).items()):
        words += ["--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
    seeds = sorted(record.run["determinants"].get("seed") or 0 for record in records)
    if len(seeds) > 1 and seeds == list(range(seeds[0], seeds[0] + len(seeds))):
        words += ["--seed", str(seeds[0]), "--seeds", str(len(seeds))]
    elif seeds[0]:
        words += ["--seed", str(seeds[0])]
    if made.get("dtype", "float32") != "float32":
        words += ["--dtype", made["dtype"]]
    if made.get("tf32"):
        words.append("--tf32")
    return shlex.join(words)


def command_to_measure(method: str | None, dataset: str, metric: str) -> str:
    """What would measure a number that is only printed; None: of a method that is not ours."""
    if method is None:
        return shlex.join(
            ["restobench", "evaluate", "--restored", "DIR", "--dataset", dataset, "--as", "NAME", "--metrics", metric]
        )
    words = ["restobench", "run", "--method", method, "--dataset", dataset, "--metrics", metric]
    try:
        stochastic = method_card(find_method(method)[0]).stochastic
    except RestobenchError:
        stochastic = False
    return shlex.join([*words, *(["--seeds", str(ENOUGH_SEEDS)] if stochastic else [])])


def explain_command(method: str, dataset: str, metric: str) -> str:
    """What looks for the reason why a published number differs from ours."""
    return shlex.join(["restobench", "leaderboard", "explain", f"{method}/{dataset}/{metric}"])


def _dataset_reference(dataset: dict[str, Any]) -> str:
    """What opens the data set again; of a folder its name alone: where it lay is nobody's business."""
    reference = str(dataset.get("reference") or dataset["name"])
    return str(dataset["name"]) if Path(reference).is_absolute() else reference


def licence_of(record: RunRecord) -> str:
    """The method's, as the run recorded it; empty for pictures that were brought."""
    return str((record.run.get("method") or {}).get("licence") or "")


def training_data_of(record: RunRecord) -> str:
    """What the method was trained on, as the run recorded it; empty where nobody said."""
    return str((record.run.get("method") or {}).get("training_data") or "")


def dataset_notes(name: str, revision: str) -> tuple[str, ...]:
    """Licence and source of a data set that has a card."""
    card = _dataset_card(name, revision)
    return () if card is None else (f"{name}@{revision}: licence {card.licence} Source: {card.source}.",)


def overlap(record: RunRecord) -> str:
    """A note where a method's training data and the data set both name one source of pictures; else empty."""
    dataset = record.run["dataset"]
    card = _dataset_card(dataset["name"], dataset["revision"])
    about = " ".join([dataset["name"], *([card.title, card.source, card.citation or ""] if card else [])])
    trained = training_data_of(record)
    shared = [name for name in _families() if _names(about, name) and _names(trained, name)]
    if not shared:
        return ""
    names = " and ".join(shared)
    return f"trained on {names} ({trained}), and {dataset['name']} is of {names}: see that no picture is in both"


def _names(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) is not None


@cache
def _families() -> tuple[str, ...]:
    content = tomllib.loads(Path(__file__).with_name("families.toml").read_text(encoding="utf-8"))
    return tuple(content["names"])


def _card(record: RunRecord) -> MethodCard | None:
    return _method_card(record.run["determinants"].get("method") or "")


@cache
def _method_card(name: str) -> MethodCard | None:
    try:
        return method_card(find_plugin("restobench.methods", name))
    except RestobenchError:
        return None


def _dataset_card(name: str, revision: str) -> DatasetCard | None:
    card = _dataset_cards(datasets_folder()).get(name)
    return card if card and card.revision == revision else None


@cache
def _dataset_cards(local: Path) -> dict[str, DatasetCard]:
    """Every card, of the folder for prepared data sets too."""
    try:
        return {name: card for name, (card, _) in (dataset_cards() | local_cards()).items()}
    except RestobenchError:
        return {}
