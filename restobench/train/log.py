"""What is left to read of a training: two CSV files, TensorBoard's events, sample pictures.

A row of `log.csv` holds the means since the row before; `validation.csv` holds what each
validation gave. A resumed training drops the rows that came after the state it goes on from, so
the files read as if nothing had happened.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from torchvision.utils import make_grid

from restobench.files import writing, written_whole
from restobench.image import to_eight_bit, write_picture

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.tensorboard.writer import SummaryWriter


class Log:
    """The log of one training, in its folder."""

    def __init__(self, folder: Path, *, after: int, tensorboard: bool) -> None:
        """Open it; rows of iterations later than `after` are dropped."""
        self.folder = folder
        with writing():
            for name in ("log.csv", "validation.csv"):
                _drop_later_rows(folder / name, after)
        self._events: SummaryWriter | None = None
        if tensorboard:
            from torch.utils.tensorboard.writer import SummaryWriter

            self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=after + 1)

    def __enter__(self) -> Log:
        """It closes itself at the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Write what TensorBoard's writer still holds."""
        if self._events:
            self._events.close()

    def losses(self, iteration: int, values: Mapping[str, float]) -> None:
        """Add a row to `log.csv`."""
        self._add("log.csv", "training", iteration, values)

    def validation(self, iteration: int, values: Mapping[str, float]) -> None:
        """Add a row to `validation.csv`."""
        self._add("validation.csv", "validation", iteration, values)

    def samples(self, iteration: int, pictures: Tensor) -> None:
        """Write `samples/ITERATION.png`, a row a sample; `pictures` is (R, C, 3, H, W) in [0, 1]."""
        grid = make_grid(pictures.flatten(0, 1).cpu(), nrow=pictures.shape[1], padding=2, pad_value=1)
        with writing():
            write_picture(self.folder / "samples" / f"{iteration:08d}.png", to_eight_bit(grid))
        if self._events:
            self._events.add_image("samples", grid, iteration)

    def _add(self, name: str, group: str, iteration: int, values: Mapping[str, float]) -> None:
        path = self.folder / name
        with writing():
            new = not path.exists()
            with path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                if new:
                    writer.writerow(["iteration", *values])
                writer.writerow([iteration, *(f"{value:.9g}" for value in values.values())])
        if self._events:
            for value_name, value in values.items():
                self._events.add_scalar(f"{group}/{value_name}", value, iteration)


def _drop_later_rows(path: Path, after: int) -> None:
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as file:
        head, *rows = list(csv.reader(file)) or [[]]
    # A row that a kill cut off in the middle is later than any state, or its twin will be written again.
    kept = [row for row in rows if len(row) == len(head) and row[0].isdigit() and int(row[0]) <= after]
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *kept])
