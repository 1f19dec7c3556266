"""Which metrics belong together: protocols, as files beside this one. Imports neither metrics nor torch."""

from __future__ import annotations

from pathlib import Path

from restobench.card import read_card
from restobench.errors import RestobenchError, unknown_name
from restobench.metric_card import Protocol
from restobench.metrics.registry import Metric, choose_metrics

_HERE = Path(__file__).parent / "protocols"


def protocol_names() -> list[str]:
    """Every protocol, by name."""
    return sorted(path.stem for path in _HERE.glob("*.toml"))


def read_protocol(name: str) -> Protocol:
    """The protocol called `name`.

    Raises:
        RestobenchError: There is none; the nearest names are offered.
    """
    if name not in protocol_names():
        raise unknown_name("protocol", name, protocol_names())
    return read_card(Protocol, _HERE / f"{name}.toml")


def protocol_metrics(name: str) -> list[Metric]:
    """The metrics of the protocol called `name`.

    Raises:
        RestobenchError: There is no such protocol, or a metric's card says other options than it.
    """
    protocol = read_protocol(name)
    metrics = choose_metrics(protocol.metrics)
    for metric in metrics:
        if metric.card.moving != protocol.options[metric.name]:
            raise RestobenchError(
                f"The protocol '{name}' wants other options of '{metric.name}' than it has here; "
                "its numbers would not be the protocol's."
            )
    return metrics
