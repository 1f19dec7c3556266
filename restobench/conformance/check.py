"""The conformance test: one method, some awkward pictures, and what is promised of each call.

A picture may depend on the input, the noise and the weights; not on its neighbours in the
batch, on PyTorch's generators, on the call before or on what is on the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from restobench.card import Value
from restobench.conformance.measurement import Measurement, StopError
from restobench.conformance.probe import generators_put_back
from restobench.conformance.record import keep_record
from restobench.conformance.report import Finding, Report
from restobench.conformance.watch import Seen, watched
from restobench.errors import RestobenchError
from restobench.method import MethodChoice, choose_method
from restobench.provenance import device_name, set_tf32
from restobench.store import now

SIZES = ((53, 37), (64, 48), (24, 16))
"""Width and height, in pixels: odd, as networks like them, and small."""


def check_method(
    method: str | MethodChoice,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    scale: int | None = None,
    size: tuple[int, int] | None = None,
    settings: Mapping[str, Value] | None = None,
    weights: Mapping[str, str | Path] | None = None,
) -> Report:
    """Measure whether a method keeps to the interface, and keep the record.

    Where weights are missing, the card's test configuration is built instead.

    Args:
        method: A name, `PATH.py:CLASS`, or a choice.
        device: Where to run it.
        dtype: Of the network.
        scale: How many times larger than the input the result is to be; None: as the card says.
        size: Width and height of the pictures, for a method that takes no others.
        settings: Values by setting.
        weights: Files by part; "" for the only one.

    Raises:
        RestobenchError: No such method, weights that are missing where there is no test
            configuration, or a method that refuses all the pictures in words of its own.
    """
    choice = method if isinstance(method, MethodChoice) else _choose(method, settings, weights)
    if scale and choice.card.scales and scale not in choice.card.scales:
        known = ", ".join(f"x{factor}" for factor in choice.card.scales)
        raise RestobenchError(f"'{choice.name}' works at {known}, not x{scale}.")
    report = Report(choice, device, dtype, device_name(device))
    set_tf32(False)
    with generators_put_back(), watched() as seen:
        try:
            Measurement(choice, report, scale or _scale(choice), _sizes(choice, size)).measure()
        except (StopError, RestobenchError) as stop:
            # What fails without the network is no finding of its own, whatever words the method puts it in.
            if not seen.addresses:
                if not isinstance(stop, StopError):
                    raise
                report.findings.append(stop.finding)
    _note_what_was_seen(seen, report)
    keep_record(report, now())
    return report


def _choose(name: str, settings: Mapping[str, Value] | None, weights: Mapping[str, str | Path] | None) -> MethodChoice:
    choice = choose_method(name, settings=settings, weights=weights)
    if not (missing := choice.missing_parts()):
        return choice
    if choice.card.test is None:
        raise RestobenchError(
            f"'{choice.name}' needs weights to be checked ({', '.join(missing)}), and its card has no test "
            f"configuration that would do without. {choice.how_to_get(missing)}"
        )
    return choose_method(name, settings=settings, test=True)


def _scale(choice: MethodChoice) -> int | None:
    """What a data set would ask for; None where the weights decide."""
    card = choice.card
    if choice.test and card.test and card.test.scale:
        return card.test.scale
    if card.scales:
        return card.scales[0]
    return 2 if card.tasks == ("super-resolution",) and not card.weights else None


def _sizes(choice: MethodChoice, asked: tuple[int, int] | None) -> list[tuple[int, int]]:
    card = choice.card
    own = card.test.size if choice.test and card.test else None
    if asked or card.native_size:
        return [asked or own or card.native_size or SIZES[0]]
    awkward = [(max(width, card.min_side), max(height, card.min_side)) for width, height in SIZES]
    return list(dict.fromkeys([own, *awkward] if own else awkward))


def _note_what_was_seen(seen: Seen, report: Report) -> None:
    addresses = _listed(seen.addresses)
    fault = f"It reaches for the network ({addresses}): a method never downloads, name its files in the card's weights."
    report.findings.append(
        Finding("network", f"asked for {addresses}", fault) if seen.addresses else Finding("network", "not used")
    )
    unsafe = _listed(seen.unsafe)
    fault = (
        f"It opens a file in a way that may run code ({unsafe}): use restobench.checkpoint.read_checkpoint, or "
        "safetensors."
    )
    report.findings.append(
        Finding("checkpoint", unsafe, fault) if seen.unsafe else Finding("checkpoint", "nothing unpickled")
    )


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
