"""`train` on the command line."""

import json
from pathlib import Path

import pytest

from restobench.cli.train import complete_recipes
from tests.cli.conftest import Restobench, is_a_sentence

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = """
pairs = "demo-camera"
crop = 32
held_out_crops = 2

[training]
iterations = 2
batch = 2
workers = 0
log_every = 1
tensorboard = false

[network]
variant = "tiny"
unet = { model_channels = 32, channel_mult = [1], swin_embed_dim = 32, window_size = 4, attention_resolutions = [] }

[data]
drawn = { count = 2, size = 40, held_out = 1 }
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A training of a second, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.mark.usefixtures("config")
def test_a_training_is_one_command_and_its_checkpoint_a_methods_weights(restobench: Restobench) -> None:
    """From clean pictures to a restored one."""
    trained = restobench("train", "resshift", "--config", "small.toml", "--device", "cpu")
    again = restobench("train", "resshift", "--config", "small.toml", "--device", "cpu")
    weights = "training/resshift-small/checkpoints/last.safetensors"
    run = restobench(
        "run", "--method", "resshift@tiny", "--weights", f"unet={weights}", "--dataset", "demo", "--limit", "1",
        "--device", "cpu", "--metrics", "psnr", "--as", "mine",
    )  # fmt: skip

    assert trained.code == 0, trained.err
    assert f"Trained to iteration 2: {weights}" in trained.err
    assert f"Was already trained to iteration 2: {weights}" in again.err
    assert run.code == 0, run.err
    assert "mine" in run.out


@pytest.mark.usefixtures("config")
def test_a_configuration_is_shown_with_all_its_defaults(restobench: Restobench) -> None:
    """And with what was set over it; nothing is trained."""
    shown = restobench(
        "train", "resshift", "--config", "v1", "--data", "photos", "--set", "rate.highest=1e-4", "--show"
    )

    content = json.loads(shown.out)
    assert (content["training"]["iterations"], content["rate"]["highest"]) == (300_000, 1e-4)
    assert content["data"]["pictures"][0]["source"] == "photos"
    assert not Path("training").exists()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["resshfit", "--config", "small.toml"], "Did you mean 'resshift'"),
        (["resshift", "--config", "nothing.toml"], "those are: bicsr, faceir"),
        (["resshift", "--config", "v1"], "name a folder (--data DIR)"),
        (["resshift", "--config", "small.toml", "--set", "training.iterations=0"], "training.iterations"),
        (["resshift", "--config", "small.toml", "--set", "crop"], "--set wants NAME=VALUE"),
        (["resshift", "--config", "small.toml", "--set", "crop=30"], "crop = 30"),
        (["resshift", "--config", "small.toml", "--data", "nowhere"], "nowhere are not there"),
        (["resshift", "--config", "small.toml", "--device", "abacus"], "No device is called 'abacus'"),
    ],
)
@pytest.mark.usefixtures("config")
def test_what_is_wrong_is_said_in_one_sentence(restobench: Restobench, command: list[str], says: str) -> None:
    """Exit code 2, no traceback."""
    refused = restobench("train", *command)

    assert is_a_sentence(refused, says)


def test_recipes_are_completed_by_the_shell() -> None:
    """As methods are."""
    assert complete_recipes("res") == ["resshift"]
