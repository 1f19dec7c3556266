import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from restobench.errors import RestobenchError
from restobench.method_card import MethodCard
from restobench.plugins import find_plugin, plugins

Install = Callable[..., None]


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


def test_a_method_is_made_of_the_packages_beside_it_that_it_imports_from() -> None:
    """UFR-GAN's generators are Restormers: pictures by another Restormer are not its pictures any more."""
    names = {
        name: {path.parent.name for path in find_plugin("restobench.methods", name).sources()}
        for name in ("ufrgan", "restormer", "bicubic")
    }

    assert names == {"ufrgan": {"ufrgan", "restormer"}, "restormer": {"restormer"}, "bicubic": {"interpolation"}}


def test_a_package_at_the_top_is_made_of_itself_alone(install: Install, tmp_path: Path) -> None:
    """What lies beside it is everything else that is installed."""
    (tmp_path / "site-packages" / "neighbour").mkdir()
    (tmp_path / "site-packages" / "neighbour" / "network.py").touch()
    install("their-package", "theirs", package="their_restorer", source="import neighbour.network\n\nclass Mine: ...\n")

    sources = find_plugin("restobench.methods", "theirs").sources()

    assert [path.name for path in sources] == ["__init__.py", "method.py"]
