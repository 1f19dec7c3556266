"""`table.toml`: which rows and columns a table has, in which order and under which names."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from restobench.errors import RestobenchError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnSpec(_Part):
    """A metric on a data set."""

    dataset: str
    """`name`, or `name@revision` where there are runs of several."""
    metric: str
    heading: str = ""
    """What stands above it, over all neighbours with the same."""
    name: str = ""
    """Instead of the metric's own."""
    digits: Annotated[int, Field(ge=0, le=10)] | None = None
    """Behind the point; None: as the metric's card says."""


class RowSpec(_Part):
    """A method of ours, or a row of a paper's table."""

    method: str = ""
    """As runs are called: `label`, or `label@variant`."""
    published: str = ""
    """As printed."""
    config: str = ""
    """Of a published row that has several."""
    paper: str = ""
    """Of a published row that several papers print."""
    name: str = ""
    """What to show instead, as in "Ours"."""

    @model_validator(mode="after")
    def _one_of_the_two(self) -> RowSpec:
        if bool(self.method) == bool(self.published):
            raise ValueError("a row is either a method or published")
        if self.method and (self.config or self.paper):
            raise ValueError("config and paper are of published rows")
        return self


class TableSpec(_Part):
    """One table."""

    title: str
    columns: Annotated[tuple[ColumnSpec, ...], Field(min_length=1)]
    rows: tuple[RowSpec, ...] = ()
    """None: every method that has a run on one of the data sets, and no published row."""
    mark: str = "†"
    """What marks a row that is printed and not measured."""


def read_spec(path: Path) -> TableSpec:
    """The table that a TOML file asks for.

    Raises:
        RestobenchError: The file is missing, is not TOML or breaks a rule.
    """
    try:
        return TableSpec.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RestobenchError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RestobenchError(f"{path} is not valid TOML: {error}.") from None
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(step) for step in fault['loc']) or 'table'}: {fault['msg']}" for fault in error.errors()
        )
        raise RestobenchError(f"{path} is not valid: {wrong}.") from None
