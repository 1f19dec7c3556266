"""Both ways of installing, tried for real; `make install-check` runs this, pytest does not.

A wheel, built by way of the sdist, goes into a fresh environment that borrows only the
dependencies of the checkout's: what the wheel lacks is missed here and not by a user.
Then the same with the editable install. Needs no network; takes half a minute.
"""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "restobench": CHECKOUT / "restobench",
    "restobench_methods": CHECKOUT / "methods" / "restobench_methods",
    "restobench_datasets": CHECKOUT / "datasets" / "restobench_datasets",
    "restobench_leaderboards": CHECKOUT / "leaderboards" / "restobench_leaderboards",
}
LARGEST_WHEEL_MB = 15


def output_of(*command: str | Path, folder: Path, home: Path) -> str:
    """Standard output of a command run in `folder`, as a user would who never saw the checkout."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "RESTOBENCH"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=own | {"RESTOBENCH_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        line = " ".join(str(part) for part in command)
        sys.exit(f"This failed in {folder} (exit {done.returncode}):\n{line}\n{done.stdout}{done.stderr}")
    return done.stdout


def sources() -> set[str]:
    """Every file of the four packages, as a wheel names it."""
    return {
        f"{name}/{file.relative_to(folder).as_posix()}"
        for name, folder in PACKAGES.items()
        for file in folder.rglob("*")
        if file.is_file() and file.parent.name != "__pycache__"
    }


def build_wheel(folder: Path) -> Path:
    """Build the sdist, then the wheel from nothing but the sdist, and check what is in the wheel."""
    output_of(
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        folder,
        CHECKOUT,
        folder=folder,
        home=folder,
    )
    (wheel,) = folder.glob("*.whl")

    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    if lost := sources() - packed:
        sys.exit(f"Not in the wheel: {', '.join(sorted(lost))}. Does .gitignore match them?")
    if foreign := packed - sources():
        sys.exit(f"In the wheel, but in none of the four packages: {', '.join(sorted(foreign))}.")

    megabytes = wheel.stat().st_size / 1e6
    print(f"wheel: {wheel.name}, {megabytes:.2f} MB, {len(packed)} files", flush=True)
    if megabytes >= LARGEST_WHEEL_MB:
        sys.exit(f"The wheel has {megabytes:.1f} MB; it must stay below {LARGEST_WHEEL_MB} MB.")
    return wheel


def install_wheel(wheel: Path, environment: Path) -> None:
    """Make an environment that holds the wheel and sees the dependencies of the one running now.

    The dependencies come by a `.pth` file: 5 GB need no second copy, and the checkout stays
    out of sight, for Python reads no `.pth` files in a folder that one names.
    """
    here = environment.parent
    output_of(sys.executable, "-m", "venv", "--without-pip", environment, folder=here, home=here)
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    output_of(*pip, "install", "--no-index", "--no-deps", wheel, folder=here, home=here)

    (site_packages,) = environment.glob("lib/python*/site-packages")
    borrowed = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (site_packages / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")


def imported_from(python: Path, folder: Path) -> dict[str, Path]:
    """Where an interpreter finds each of the four packages."""
    program = (
        "import importlib, json, sys;"
        "print(json.dumps({name: list(importlib.import_module(name).__path__) for name in sys.argv[1:]}))"
    )
    found = json.loads(output_of(python, "-c", program, *PACKAGES, folder=folder, home=folder))
    return {name: Path(path).resolve() for name, (path,) in found.items()}


def use(environment: Path, scratch: Path) -> list[object]:
    """Run restobench as a user does, in an empty folder; returns the methods it lists."""
    empty, home = scratch / "empty", scratch / "home"
    empty.mkdir(parents=True)
    restobench = environment / "bin" / "restobench"

    version = output_of(restobench, "--version", folder=empty, home=home).strip()
    methods: list[object] = json.loads(output_of(restobench, "methods", "list", "--json", folder=empty, home=home))
    run = output_of(restobench, "run", "--method", "bicubic", "--dataset", "demo", "--json", folder=empty, home=home)
    json.loads(run)

    pictures = len(list(empty.glob("runs/demo/bicubic*/*/pictures/*.png")))
    if not methods or not pictures:
        sys.exit(f"{restobench}: {len(methods)} methods, {pictures} restored demo pictures; neither may be 0.")
    print(f"  {version}; {len(methods)} methods; {pictures} demo pictures restored and scored", flush=True)
    return methods


def main() -> None:
    """Try the wheel, then the editable install, and compare what they offer."""
    with TemporaryDirectory(prefix="restobench-install-") as temporary:
        scratch = Path(temporary).resolve()
        environment = scratch / "environment"
        (scratch / "dist").mkdir()
        install_wheel(build_wheel(scratch / "dist"), environment)

        print("wheel, in a fresh environment:", flush=True)
        for name, path in imported_from(environment / "bin" / "python", scratch).items():
            if not path.is_relative_to(environment):
                sys.exit(f"The wheel's environment imports {name} from {path} and not from the wheel.")
        from_wheel = use(environment, scratch / "wheel")

        print("editable, in the checkout's environment:", flush=True)
        for name, path in imported_from(Path(sys.executable), scratch).items():
            if path != PACKAGES[name]:
                sys.exit(f"{sys.executable} imports {name} from {path}; run 'make install' to make it editable.")
        editable = use(Path(sys.prefix), scratch / "editable")

    if from_wheel != editable:
        sys.exit("The wheel and the editable install list different methods; 'touch pyproject.toml' and try again.")
    print("both installs work", flush=True)


if __name__ == "__main__":
    main()
