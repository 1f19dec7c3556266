"""Building networks of libraries that would rather download their weights: from files of this disk, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import init


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """An attribute of a module or class is another one inside the block."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


_RANDOM = (
    "kaiming_uniform_",
    "kaiming_normal_",
    "xavier_uniform_",
    "xavier_normal_",
    "uniform_",
    "normal_",
    "trunc_normal_",
)


@contextmanager
def no_random_values() -> Iterator[None]:
    """Parameters that PyTorch would draw become NaN inside the block.

    That is sooner done for what is loaded from a file anyway; and what is not shows, instead
    of being a network with random weights whose number looks like one.
    """
    with ExitStack() as stack:
        for name in _RANDOM:
            stack.enter_context(replaced(init, name, _not_a_number))
        yield


@torch.no_grad()
def _not_a_number(tensor: Tensor, *_: Any, **__: Any) -> Tensor:
    return tensor.fill_(torch.nan)


def unset_values(network: nn.Module) -> list[str]:
    """The names in a network's state that hold NaN: what no file gave a value."""
    state = network.state_dict()
    return [name for name, tensor in state.items() if tensor.is_floating_point() and tensor.isnan().any()]
