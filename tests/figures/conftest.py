"""Two methods that really ran on three small pictures."""

from pathlib import Path

import pytest

from tests.sharing.conftest import make_runs


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory, session_home: Path) -> Path:
    """A folder with the data set `tiny` in sets/, and `bicubic` and `nearest` on it in runs/."""
    return make_runs(tmp_path_factory.mktemp("figures"), session_home, ["bicubic", "nearest"])


@pytest.fixture
def runs(ran: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the runs, which a test must not alter."""
    monkeypatch.setenv("RESTOBENCH_DATASETS", str(ran / "sets"))
    return ran / "runs"
