"""What a stopped training goes on from: `state/ITERATION/`, whole or not at all.

A folder holds `shared.pt`, and `rank0.pt`, `rank1.pt`, … for each device's own. It is written under
another name and renamed when it is complete; the one before is removed then. Read with
`weights_only=True`: a state is data.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from restobench.errors import RestobenchError
from restobench.files import writing

if TYPE_CHECKING:
    from accelerate import Accelerator


class State(NamedTuple):
    """A state as it was read."""

    iteration: int
    shared: dict[str, Any]
    rank: dict[str, Any]


def save_state(
    folder: Path, iteration: int, shared: Mapping[str, Any], rank: Mapping[str, Any], accelerator: Accelerator
) -> None:
    """Write the state of this iteration, all devices together.

    Raises:
        RestobenchError: The disk is full, or may not be written.
    """
    whole = folder / "state" / f"{iteration:08d}"
    beside = whole.with_name(f".{whole.name}.writing")
    with writing():
        beside.mkdir(parents=True, exist_ok=True)
        torch.save(dict(rank), beside / f"rank{accelerator.process_index}.pt")
        if accelerator.is_main_process:
            torch.save(dict(shared) | {"devices": accelerator.num_processes}, beside / "shared.pt")
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            if whole.exists():
                shutil.rmtree(whole)
            beside.rename(whole)
            for other in whole.parent.iterdir():
                if other != whole:
                    shutil.rmtree(other)


def read_state(folder: Path, accelerator: Accelerator) -> State | None:
    """The newest state, on the CPU; None where there is none.

    Raises:
        RestobenchError: It is damaged, or was made on another number of devices.
    """
    whole = [path for path in (folder / "state").glob("*") if path.name.isdigit()]
    if not whole:
        return None
    newest = max(whole, key=lambda path: int(path.name))
    try:
        shared = torch.load(newest / "shared.pt", map_location="cpu", weights_only=True)
        devices = shared.pop("devices")
        if devices != accelerator.num_processes:
            raise RestobenchError(
                f"The training in {folder} ran on {devices} devices, and goes on on as many alone, not on "
                f"{accelerator.num_processes}: each has its own share of every batch."
            )
        rank = torch.load(newest / f"rank{accelerator.process_index}.pt", map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, KeyError) as error:
        raise RestobenchError(f"The state {newest} cannot be read ({error}); delete it to begin anew.") from error
    return State(int(newest.name), shared, rank)
