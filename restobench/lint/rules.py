"""The rules, as data: what each looks for, why, and how to mend it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from restobench.errors import unknown_name


@dataclass(frozen=True)
class Rule:
    """What makes a column impossible to compare with another table's."""

    id: str
    where: Literal["metric", "dataset", "cell"]
    """What it looks at: headings of metrics, names of data sets, or the numbers themselves."""
    reason: str
    example: str
    """`as it is -> as it should be`."""
    about: re.Pattern[str] | None = None
    said: tuple[re.Pattern[str], ...] = ()

    def fires(self, text: str, context: str) -> bool:
        """Whether `text` names what the rule is about, and it and its context leave something unsaid."""
        if self.about is None or not self.about.search(text):
            return False
        return not all(pattern.search(f"{text}\n{context}") for pattern in self.said)


@cache
def rules() -> dict[str, Rule]:
    """Every rule by its id, in the order of the file."""
    content = tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))
    return {
        name: Rule(
            name,
            facts["where"],
            facts["reason"],
            facts["example"],
            _pattern(facts["about"]) if "about" in facts else None,
            tuple(map(_pattern, facts.get("said", ()))),
        )
        for name, facts in content.items()
    }


def find_rule(name: str) -> Rule:
    """The rule called `name`.

    Raises:
        RestobenchError: There is none; the nearest ids are offered.
    """
    if name not in rules():
        raise unknown_name("rule", name, rules())
    return rules()[name]


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)
