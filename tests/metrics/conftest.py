"""A home with files of weights, filled by name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from restobench.metrics.registry import choose_metrics
from tests.metrics.filled import put_weights

AnyMetric = Callable[..., object]


@pytest.fixture(scope="session")
def weights_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture
def with_weights(weights_home: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Callable[..., Path]:
    """A function that makes sure of the weights of metrics, and returns the home they lie in."""
    monkeypatch.setenv("RESTOBENCH_HOME", str(weights_home))

    def make_sure(*names: str) -> Path:
        put_weights(weights_home, *names)
        return weights_home

    return make_sure


@pytest.fixture
def load(with_weights: Callable[..., Path]) -> AnyMetric:
    """A function that loads a metric by name, with weights filled by name."""

    def loaded(name: str) -> object:
        with_weights(name)
        return choose_metrics([name])[0].load()

    return loaded
