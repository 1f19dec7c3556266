"""A virtual environment of a moment's making, in which packages can be installed for real.

It borrows all that the running interpreter can import, by a `.pth` file: nothing is copied
and nothing downloaded.
"""

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LightEnvironment:
    """An environment in `path`; commands run in `folder`."""

    path: Path
    folder: Path

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """A program and its arguments, with warnings as Python has them by default."""
        own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_"))}
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env=own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def restobench(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.run(self.python, "-m", "restobench", *arguments)

    def pip(self, *arguments: str | Path) -> str:
        """What pip prints; nothing is looked up anywhere."""
        options = ("--disable-pip-version-check", "--no-input", "--python", self.python)
        done = self.run(sys.executable, "-m", "pip", *options, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, package: str | Path) -> None:
        """`pip install -e PACKAGE`."""
        self.pip("install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "-e", package)


def make_environment(path: Path, folder: Path) -> LightEnvironment:
    """Make the environment; `folder` is where commands run."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True)
    (site_packages,) = path.glob("lib/python*/site-packages")
    standard = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    borrowed = [
        entry
        for entry in sys.path
        if Path(entry).is_dir() and entry not in standard and not entry.endswith("lib-dynload")
    ]
    (site_packages / "borrowed.pth").write_text("\n".join(dict.fromkeys(borrowed)) + "\n", encoding="utf-8")
    return LightEnvironment(path, folder)
