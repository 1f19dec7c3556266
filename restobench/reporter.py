"""Who hears how long work goes: lines that stay, and stages of so many pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Reporter(Protocol):
    """Who hears how the work goes."""

    def say(self, line: str) -> None:
        """A line that stays."""

    def stage(self, title: str, total: int) -> AbstractContextManager[Callable[[int, int], None]]:
        """A stage of `total` pictures; the function given is told (done, failed) as they come."""


class Silence:
    """Nobody hears."""

    def say(self, line: str) -> None:
        """Say nothing."""

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """Show nothing."""
        yield lambda done, failed: None
