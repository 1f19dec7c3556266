"""The small networks that come with the package give what they gave when they were put in."""

import json
from pathlib import Path

import pytest
import torch

from restobench.dataset import open_dataset
from restobench.image import read_array, to_eight_bit, to_tensor
from restobench.method import choose_method
from restobench.noise import Noise

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "demonstrations.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", GOLDEN)
def test_a_demonstration_gives_its_numbers(name: str) -> None:
    """Loaded, sampled and saved as by `run`; a constant that is off anywhere on the way moves its PSNR."""
    told = GOLDEN[name]
    dataset = open_dataset(told["dataset"])
    samples = {sample.id: sample for sample in dataset.samples}
    method = choose_method(name).build(scale=dataset.scale).method

    for sample_id, expected in told["psnr"].items():
        sample = samples[sample_id]
        assert sample.lq is not None
        assert sample.gt is not None
        lq, gt = to_tensor(read_array(sample.lq))[None], to_tensor(read_array(sample.gt))
        with torch.inference_mode():
            restored = method.restore(lq, Noise.of_seed(0, [sample_id]))[0]
        error = (to_tensor(to_eight_bit(restored)) - gt).square().mean()
        assert -10 * error.log10().item() == pytest.approx(expected, abs=0.02)


def test_demonstrations_say_so_and_are_small() -> None:
    """They enter no leaderboard unless asked, and all of them fit a wheel."""
    for name in GOLDEN:
        choice = choose_method(name)
        (part,) = choice.weights.values()
        assert choice.card.demonstration
        assert choice.card.licence == "Apache-2.0"  # ours, whatever the official weights are under
        assert part.stat().st_size < 8_000_000
