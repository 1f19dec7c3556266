from pathlib import Path

import pytest

from restobench.errors import RestobenchError
from restobench.files import sha256_of
from restobench.watched import digest, watched_files


def names(found: dict[str, list[Path]], declared: str) -> list[str]:
    return [path.name for path in found[declared]]


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.py", "b.py", "sub/c.py", "sub/d.yml", "net[1].pth", ".git/index", ".env", "sub/__pycache__/c.pyc"):
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(tmp_path / "repository")
    return tmp_path / "repository"


def test_files_folders_and_patterns_name_files(sources: Path, tmp_path: Path) -> None:
    """As people write them; a name with brackets is a name where such a file is."""
    found = watched_files(["a.py", "*.py", "sub/**/*.yml", "sub", "net[1].pth"], besides=tmp_path / "runs")

    assert {declared: names(found, declared) for declared in found} == {
        "a.py": ["a.py"],
        "*.py": ["a.py", "b.py"],
        "sub/**/*.yml": ["d.yml"],
        "sub": ["c.py", "d.yml"],
        "net[1].pth": ["net[1].pth"],
    }


def test_what_changes_while_the_program_does_not_is_left_out(sources: Path) -> None:
    """Else the second run of one command would never find the first: git's index, compiled files, the runs."""
    (sources / "runs" / "x").mkdir(parents=True)
    (sources / "runs" / "x" / "run.json").touch()

    found = watched_files([".", "runs/x", ".env"], besides=sources / "runs")

    assert names(found, ".") == ["a.py", "b.py", "net[1].pth", "c.py", "d.yml"]
    assert names(found, "runs/x") == ["run.json"]
    assert names(found, ".env") == [".env"]


def test_links_are_followed_and_a_loop_ends(sources: Path, tmp_path: Path) -> None:
    """Checkpoints often lie behind a link."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "e.pth").touch()
    (sources / "sub" / "ckpts").symlink_to(tmp_path / "elsewhere")
    (sources / "sub" / "loop").symlink_to(sources / "sub")

    found = watched_files(["sub"], besides=tmp_path / "runs")

    assert sorted(names(found, "sub")) == ["c.py", "d.yml", "e.pth"]


def test_a_pattern_that_fits_nothing_is_an_error(sources: Path, tmp_path: Path) -> None:
    """A typing error must not watch nothing."""
    (sources / "empty").mkdir()
    for declared in ("*.pt", "gone/net.pth", "empty"):
        with pytest.raises(RestobenchError, match="is to be watched and fits no file; mend the path"):
            watched_files(["a.py", declared], besides=tmp_path)


def test_the_hash_is_of_names_and_contents(sources: Path) -> None:
    """Two files that change places are another program; one file has its own hash, as in other tools."""
    one, two = Path("a.py"), Path("b.py")
    sha256 = {path: sha256_of(path) for path in (one, two)}
    swapped = {one: sha256[two], two: sha256[one]}

    assert digest([one], sha256) == sha256[one]
    assert len({digest([one], sha256), digest([one, two], sha256), digest([one, two], swapped)}) == 3
