import json
from pathlib import Path

import pytest

from restobench.conformance import check_method
from restobench.errors import RestobenchError
from restobench.image import write_picture
from restobench.scaffold import new_method
from tests.conftest import picture
from tests.light_environment import make_environment


def test_a_new_method_conforms_before_anything_is_installed(tmp_path: Path) -> None:
    """What is written is a start, not something to be mended first."""
    new_method("my-denoiser", tmp_path / "there")

    report = check_method(f"{tmp_path}/there/my_denoiser/method.py:MyDenoiser")

    assert report.conforms, str(report)
    assert report.choice.test


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("MyDenoiser", "'MyDenoiser' cannot be a method's name: it is a word of lower-case letters"),
        ("../up", "'../up' cannot be a method's name"),
        ("2x", "'2x' cannot be a method's name"),
        ("a--b", "'a--b' cannot be a method's name"),
        ("class", "'class' cannot be a method's name"),
        ("bicubic", "The package 'restobench' has installed a method called 'bicubic' already; choose another name."),
        ("torch", "Python knows a module called 'torch' already; choose another name."),
    ],
)
def test_a_name_that_could_not_be_used_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    """Before a file is written."""
    with pytest.raises(RestobenchError, match=sentence):
        new_method(name, tmp_path / "there")

    assert not (tmp_path / "there").exists()


def test_what_is_there_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method may have been begun in that folder."""
    monkeypatch.chdir(tmp_path)
    new_method("mine")
    with pytest.raises(RestobenchError, match="mine is already there; name another place with --folder, or remove it"):
        new_method("mine")


def test_a_third_partys_package_is_installed_listed_checked_run_and_removed(tmp_path: Path) -> None:
    """All of it through the command line, as its author does it; two that claim one name are both named."""
    here = make_environment(tmp_path / "environment", tmp_path)
    for number in range(2):
        for part in ("lq", "gt"):
            write_picture(tmp_path / "pairs" / part / f"{number}.png", picture(number, 13, 17))
    train = (
        "import torch; from my_denoiser.network import Network; torch.save(Network(64, 17).state_dict(), 'mine.pth')"
    )
    run = ("run", "--method", "my-denoiser", "--dataset", "pairs", "--device", "cpu", "--json")

    assert here.restobench("methods", "new", "my-denoiser").returncode == 0
    here.install("my-denoiser")
    assert "my-denoiser" in here.restobench("methods", "list").stdout
    checked = here.restobench("methods", "check", "my-denoiser", "--device", "cpu", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert (json.loads(checked.stdout)["test"], json.loads(checked.stdout)["batch"] is None) == (True, False)
    own_test = here.run(here.python, "-m", "pytest", "-q", "my-denoiser")
    assert own_test.returncode == 0, own_test.stdout
    without = here.restobench(*run)
    assert without.returncode == 2
    assert "'my-denoiser' needs weights that were not given: model" in without.stderr
    assert here.run(here.python, "-c", train).returncode == 0
    ran = here.restobench(*run, "--weights", "mine.pth")
    assert ran.returncode == 0, ran.stderr
    assert {row["method"] for row in json.loads(ran.stdout)} == {"input", "my-denoiser"}

    assert here.restobench("methods", "new", "other", "--folder", "second").returncode == 0
    project = tmp_path / "second" / "pyproject.toml"
    project.write_text(project.read_text().replace('\nother = "other', '\nmy-denoiser = "other'))
    here.install("second")
    clash = here.restobench("methods", "list")
    assert clash.returncode == 2
    assert (
        "Two packages bring a method called 'my-denoiser': 'restobench-my-denoiser' and 'restobench-other'; "
        "uninstall one of them." in clash.stderr
    )

    here.pip("uninstall", "--yes", "--quiet", "restobench-my-denoiser", "restobench-other")
    assert "my-denoiser" not in here.restobench("methods", "list").stdout
