import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from restobench.card import MethodCard
from restobench.errors import RestobenchError
from restobench.plugins import find_plugin, plugins

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A function that puts a distribution with one method on the path, as pip would."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(distribution: str, name: str, *, package: str, module: str = "method") -> None:
        (tmp_path / package).mkdir(exist_ok=True)
        (tmp_path / package / "__init__.py").write_text("")
        (tmp_path / package / "method.py").write_text("class Mine:\n    pass\n")
        (tmp_path / package / "card.toml").write_text(
            'title = "Mine"\nsummary = "S"\nrevision = "1"\nlicence = "MIT"\n'
        )
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[restobench.methods]\n{name} = {package}.{module}:Mine\n")
        importlib.invalidate_caches()
        plugins.cache_clear()

    yield make  # type: ignore[misc]
    plugins.cache_clear()


def test_a_third_partys_method_is_found_without_importing_it(install: Install) -> None:
    """Listing must stay quick however many packages join."""
    install("their-package", "theirs", package="their_restorer")

    plugin = find_plugin("restobench.methods", "theirs")

    assert plugin.card(MethodCard).title == "Mine"
    assert plugin.distribution == "their-package"
    assert "their_restorer.method" not in sys.modules
    assert plugin.load().__name__ == "Mine"


def test_two_packages_with_one_name_are_both_named(install: Install) -> None:
    """Which of them ran would otherwise depend on the path's order."""
    install("package-one", "theirs", package="one_restorer")
    install("package-two", "theirs", package="two_restorer")

    with pytest.raises(RestobenchError, match="called 'theirs': 'package-one' and 'package-two'; uninstall one"):
        plugins("restobench.methods")


def test_a_plugin_whose_module_is_gone_is_one_sentence(install: Install) -> None:
    """A half-removed package."""
    install("broken-package", "broken", package="broken_restorer", module="gone")

    with pytest.raises(RestobenchError, match="'broken' of the package 'broken-package' cannot be imported"):
        find_plugin("restobench.methods", "broken").load()
