"""What tests of several files of one method share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def interlcm_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small files of every part of InterLCM; not to be written to."""
    from tests.methods.interlcm_files import write_files

    return write_files(tmp_path_factory.mktemp("interlcm"))
