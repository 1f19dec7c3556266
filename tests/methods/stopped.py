"""A training that is stopped and goes on, beside one that was not stopped."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from restobench.train.loop import train


class Stop(Exception):  # noqa: N818  # it is no error
    """Raised by a listener: the training ends as by Ctrl-C."""


def assert_it_goes_on_as_if_it_had_not_stopped(
    method: str, recipe: Any, told: Any, folder: Path, files: Sequence[str], *, after: int = 3
) -> None:
    """Stopped after some iterations: `files` to the last byte, the log but for its last column, which is the time."""

    def stop(iteration: int, _: object) -> None:
        if iteration == after:
            raise Stop

    train(method, recipe, told, folder / "whole", device="cpu")
    with pytest.raises(Stop):
        train(method, recipe, told, folder / "stopped", listener=stop, device="cpu")
    train(method, recipe, told, folder / "stopped", device="cpu")

    for name in files:
        assert (folder / "stopped" / name).read_bytes() == (folder / "whole" / name).read_bytes()
    whole, stopped = (
        [line.rpartition(",")[0] for line in (folder / which / "log.csv").read_text().split()]
        for which in ("whole", "stopped")
    )
    assert whole == stopped
