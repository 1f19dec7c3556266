"""What a method is made of, found without its help: its networks' parameters, their layout, and FLOPs.

A method is any object; its networks are whatever `nn.Module`s can be reached from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType, ModuleType
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def networks_of(method: object) -> list[nn.Module]:
    """Every module that is reached through attributes, lists, dictionaries and closures, but not through a module."""
    found: dict[int, nn.Module] = {}
    seen: dict[int, object] = {}  # kept, so that no number is given twice
    waiting: list[object] = [method]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if isinstance(thing, nn.Module):
            found[id(thing)] = thing
        elif not isinstance(thing, type | ModuleType | torch.Tensor):
            waiting += _inside(thing)
    return list(found.values())


def _inside(thing: object) -> list[object]:
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, list | tuple | set):
        return list(thing)
    # A function may stand for an object: a bound method, or one that closes over its networks.
    cells = getattr(thing, "__closure__", None) or ()
    owner = [thing.__self__] if isinstance(thing, MethodType) else []
    return [
        *getattr(thing, "__dict__", {}).values(),
        *(cell.cell_contents for cell in cells if _is_filled(cell)),
        *owner,
    ]


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # an empty cell raises
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Contents:
    """Of all networks of a method."""

    parameters: int
    weight_bytes: int
    """Parameters and buffers."""
    layout: str
    """Of the convolutions' weights: `contiguous`, `channels_last`, or both."""
    compiled: str
    """`none`, or how many networks `torch.compile` has turned into what."""


def contents_of(networks: list[nn.Module]) -> Contents:
    """Count each tensor once, in however many networks it stands."""
    parameters = {id(one): one for network in networks for one in network.parameters()}
    buffers = {id(one): one for network in networks for one in network.buffers()}
    layouts = {_layout(one) for one in parameters.values() if one.dim() == 4 and min(one.shape[2:]) > 1}
    modules = {id(module): module for network in networks for module in network.modules()}
    compiled = sum(
        type(module).__name__ == "OptimizedModule" or getattr(module, "_compiled_call_impl", None) is not None
        for module in modules.values()
    )
    return Contents(
        parameters=sum(one.numel() for one in parameters.values()),
        weight_bytes=sum(one.numel() * one.element_size() for one in [*parameters.values(), *buffers.values()]),
        layout="+".join(sorted(layouts)) or "contiguous",
        compiled=f"torch.compile of {compiled} modules" if compiled else "none",
    )


def _layout(weight: torch.Tensor) -> str:
    if weight.is_contiguous():
        return "contiguous"
    return "channels_last" if weight.is_contiguous(memory_format=torch.channels_last) else "other"


def flops_of(call: Callable[[], object]) -> int:
    """Floating-point operations of a call, as `torch.utils.flop_counter` counts them.

    A multiplication and its addition are two. Only matrix products, convolutions and attention
    count; what a method does outside of torch does not.
    """
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())
