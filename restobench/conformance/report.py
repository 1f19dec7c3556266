"""What was measured of a method, in words and in figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from restobench.method import MethodChoice

Check = Literal["build", "size", "tensor", "range", "input", "repeat", "noise", "batch", "network", "checkpoint"]

FAR = 2
"""In grey levels: a saved pixel that differs by more does so for another reason than rounding ..."""
FAR_SHARE = 0.01
"""... where more than this share of them does; a sampler that amplifies the last bit stays below."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: Check
    measured: str
    fault: str | None = None
    """What is wrong and what to do, in one sentence; None where nothing is."""


@dataclass(frozen=True)
class Difference:
    """How far two restorations of the same pictures are apart."""

    exact: bool = True
    """Whether they are the same numbers, before anything is rounded."""
    grey_levels: float = 0.0
    """The largest difference, of 255."""
    share: float = 0.0
    """Of the pixels, those that differ when they are saved with 8 bits."""
    far_share: float = 0.0
    """Of the pixels, those that then differ by more than `FAR` grey levels."""

    def with_worse(self, other: Difference) -> Difference:
        """The worse of the two in everything."""
        return Difference(
            self.exact and other.exact,
            max(self.grey_levels, other.grey_levels),
            max(self.share, other.share),
            max(self.far_share, other.far_share),
        )

    def __str__(self) -> str:
        """In words."""
        if self.exact:
            return "the same bytes"
        return f"up to {self.grey_levels:.3g} grey levels, {self.share:.2%} of the saved pixels"


@dataclass
class Report:
    """All that was found of one method on one device."""

    choice: MethodChoice
    device: str
    dtype: str
    hardware: str
    """The processor's or graphics card's name."""
    scale: int | None = None
    """How many times larger than the input the pictures came out."""
    size: tuple[int, int] | None = None
    """Width and height, in pixels, at which all but the size was measured."""
    findings: list[Finding] = field(default_factory=list)
    stochastic: bool | None = None
    """Whether other noise makes other pictures; None where it was not measured."""
    batches: tuple[int, ...] = ()
    """The batch sizes that were held against one picture at a time."""
    difference: Difference | None = None
    """Between pictures restored one by one and in batches; None where it was not measured."""

    @property
    def faults(self) -> list[Finding]:
        """What is to be fixed."""
        return [finding for finding in self.findings if finding.fault]

    @property
    def conforms(self) -> bool:
        """Whether nothing is to be fixed."""
        return not self.faults

    @property
    def batch(self) -> Literal["exact", "tolerant", "dependent"] | None:
        """Whether a picture is the same whatever batch it is in; None where it was not measured."""
        if self.difference is None:
            return None
        if self.difference.far_share > FAR_SHARE:
            return "dependent"
        return "exact" if self.difference.exact else "tolerant"

    def figures(self) -> dict[str, Any]:
        """What a record keeps and `--json` prints."""
        return {
            "method": self.choice.name,
            "variant": self.choice.variant,
            "test": self.choice.test,
            "device": self.device,
            "hardware": self.hardware,
            "dtype": self.dtype,
            "scale": self.scale,
            "size": self.size,
            "stochastic": self.stochastic,
            "batch": self.batch,
            "batches": self.batches,
            "difference": None if self.difference is None else asdict(self.difference),
            "conforms": self.conforms,
        }

    def __str__(self) -> str:
        """As it is printed: what was measured, and what is to be fixed."""
        on = ", its test configuration" if self.choice.test else ""
        lines = [f"{self.choice.name}@{self.choice.variant}{on}, {self.dtype} on {self.device} ({self.hardware})"]
        lines += [f"  {finding.check:<11} {finding.measured}" for finding in self.findings]
        lines += [f"To fix ({finding.check}): {finding.fault}" for finding in self.faults]
        return "\n".join([*lines, "conforms" if self.conforms else "does not conform"])
