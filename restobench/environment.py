"""Where restobench keeps things: three environment variables, each with a default.

RESTOBENCH_HOME (caches, weights, embedded data sets), RESTOBENCH_DATASETS (prepared
data sets) and RESTOBENCH_RUNS (run folders). Nothing here is created by asking.
"""

import os
from pathlib import Path


def home() -> Path:
    """RESTOBENCH_HOME, by default the user's cache folder for restobench."""
    if chosen := os.environ.get("RESTOBENCH_HOME"):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("restobench", appauthor=False)


def datasets_folder() -> Path:
    """RESTOBENCH_DATASETS, by default `datasets` in RESTOBENCH_HOME."""
    chosen = os.environ.get("RESTOBENCH_DATASETS")
    return Path(chosen).expanduser() if chosen else home() / "datasets"


def runs_folder() -> Path:
    """RESTOBENCH_RUNS, by default `runs` in the current folder."""
    return Path(os.environ.get("RESTOBENCH_RUNS") or "runs").expanduser()
