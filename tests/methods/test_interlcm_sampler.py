import pytest
import torch
from diffusers import LatentConsistencyModelPipeline, LCMScheduler
from torch import Tensor

from restobench_methods.interlcm.sampler import (
    DISTILLED_STEPS,
    Sampler,
    Step,
    alphas_cumprod,
    boundary_scalings,
    guidance_embedding,
    timesteps,
)
from tests.filling import noise


class Recorded:
    """Networks and noise that answer by number, and count how often they are asked."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.draws = 0

    def predict(self, latent: Tensor, timestep: int) -> Tensor:
        self.seen.append(timestep)
        return noise(f"eps{timestep}", latent.shape)

    def draw(self) -> Tensor:
        self.draws += 1
        return noise(f"draw{self.draws}", (2, 4, 5, 7))


def walk(steps: int, start_step: int) -> tuple[Recorded, list[Step]]:
    recorded = Recorded()
    walked = list(Sampler(steps, start_step).walk(recorded.predict, noise("lq", (2, 4, 5, 7)), recorded.draw))
    return recorded, walked


@pytest.mark.parametrize("steps", range(1, DISTILLED_STEPS + 1))
def test_the_time_steps_are_the_library_s(steps: int) -> None:
    """For every number of steps, also where 50 is no multiple of it."""
    scheduler = LCMScheduler()
    scheduler.set_timesteps(steps, original_inference_steps=DISTILLED_STEPS)

    assert timesteps(steps) == scheduler.timesteps.tolist()


def test_the_tables_are_the_library_s() -> None:
    """To the last bit, for the networks were trained with these roundings."""
    scheduler = LCMScheduler()

    assert torch.equal(alphas_cumprod(), scheduler.alphas_cumprod)
    for timestep in (0, 19, 259, 999):
        ours, theirs = boundary_scalings(timestep), scheduler.get_scalings_for_boundary_condition_discrete(timestep)
        assert ours == pytest.approx(tuple(map(float, theirs)), rel=1e-6)


@pytest.mark.parametrize("dimension", [32, 33, 256])
@pytest.mark.parametrize("guidance_scale", [1.0, 8.0, 7.5])
def test_guidance_is_embedded_as_the_library_does(dimension: int, guidance_scale: float) -> None:
    """The angles reach 7000 rad: another order of operations would show in the fourth digit."""
    embed = LatentConsistencyModelPipeline.get_guidance_scale_embedding

    theirs = embed(None, torch.tensor([guidance_scale - 1]), embedding_dim=dimension)

    assert torch.equal(guidance_embedding(guidance_scale, dimension), theirs)


@pytest.mark.parametrize(("steps", "start_step"), [(n, s) for n in (1, 2, 4, 5) for s in range(1, n + 1)])
def test_networks_and_noise_are_asked_as_often_as_the_start_says(steps: int, start_step: int) -> None:
    """N - s + 1 calls; noise between any two steps, and before them where the face is not among them."""
    recorded, walked = walk(steps, start_step)

    grid = timesteps(steps)
    assert recorded.seen == grid[start_step - 1 :]
    assert len(recorded.seen) == Sampler(steps, start_step).calls
    assert recorded.draws == (steps if start_step == 1 else steps - start_step + 1)
    assert [step.timestep for step in walked] == grid[max(start_step - 2, 0) :]
    assert [step.number for step in walked] == list(range(max(start_step - 2, 0), steps))


def test_the_face_stands_for_what_the_step_before_found() -> None:
    """It is carried on with noise like any estimate, and nothing predicts it."""
    _, walked = walk(4, 3)

    lq, first = noise("lq", (2, 4, 5, 7)), noise("draw1", (2, 4, 5, 7))
    alpha = alphas_cumprod()[499]
    assert torch.equal(walked[0].denoised, lq)
    torch.testing.assert_close(walked[0].latent, alpha.sqrt() * lq + (1 - alpha).sqrt() * first)


def test_from_pure_noise_the_latent_of_the_face_is_not_used() -> None:
    """At start_step 1 the face enters through the networks alone."""
    recorded = Recorded()

    sampler = Sampler(4, 1)
    *_, last = sampler.walk(recorded.predict, torch.full((2, 4, 5, 7), torch.nan), recorded.draw)

    assert last.denoised.isfinite().all()


def test_a_perfect_prediction_gives_the_clean_latent_back() -> None:
    """The consistency function undoes the noise, up to c_skip."""
    sampler, clean, eps = Sampler(4), noise("clean", (1, 4, 6, 6)), noise("eps", (1, 4, 6, 6))

    found = sampler.denoise(sampler.diffuse(clean, eps, 759), eps, 759)

    torch.testing.assert_close(found, clean, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("steps", "start_step"), [(4, 0), (4, 5), (1, 2), (51, 2)])
def test_a_step_that_there_is_not_is_refused(steps: int, start_step: int) -> None:
    """The grid has fifty entries, and the face takes the place of one of them."""
    with pytest.raises(ValueError, match=f"start_step {start_step} of {steps} steps"):
        Sampler(steps, start_step)
