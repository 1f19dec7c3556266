import math

import pytest
import torch
from torch import Tensor

from restobench_methods.resshift.diffusion import Diffusion, Prediction, sqrt_eta_schedule
from tests.filling import noise

X, Y, EPS = (noise(tag, (3, 3, 5, 7)) for tag in ("x", "y", "eps"))
STEPS = torch.tensor([0, 7, 14])


def test_the_schedule_ends_where_it_is_told_to() -> None:
    """The released value, and the paper's: eta of the last step 0.9801 and 0.999."""
    released = Diffusion().etas
    paper = Diffusion(sqrt_eta_end=math.sqrt(0.999)).etas

    assert released[-1].item() == pytest.approx(0.9801)
    assert paper[-1].item() == pytest.approx(0.999)
    assert released[0].item() == paper[0].item() == pytest.approx(0.0004)


@pytest.mark.parametrize("options", [{"steps": 1}, {"respacing": 1}])
def test_a_chain_of_one_step_is_refused(options: dict[str, int]) -> None:
    """Its schedule would divide by zero, and its posterior take the logarithm of it."""
    with pytest.raises(ValueError, match="at least 2 steps, not 1"):
        Diffusion(**options)  # type: ignore[arg-type]  # two whole numbers


def test_an_eta_above_one_is_refused() -> None:
    """There is no chain beyond the low-quality picture."""
    with pytest.raises(ValueError, match=r"outside \(0, 1\]"):
        sqrt_eta_schedule(4, kappa=2.0, power=0.3, min_noise_level=0.04, sqrt_eta_end=1.1)


def test_more_steps_than_there_are_is_all_of_them() -> None:
    """Duplicates collapse."""
    assert Diffusion(steps=4, respacing=9).steps == [0, 1, 2, 3]
    assert Diffusion(steps=15, respacing=4).steps == [0, 3, 7, 11]


@pytest.mark.parametrize("prediction", ["xstart", "residual", "epsilon", "epsilon_scale"])
def test_what_the_network_should_give_leads_back_to_the_clean_picture(prediction: Prediction) -> None:
    """The target and the conversion undo each other, whatever is predicted."""
    chain = Diffusion(prediction=prediction)
    x = chain.diffuse(X, Y, STEPS, EPS)

    target = chain.target(X, Y, STEPS, EPS)

    torch.testing.assert_close(chain.x_start_from(target, x, Y, STEPS), X, rtol=0, atol=3e-4)
    assert chain.squared_error(target, target, STEPS).tolist() == [0, 0, 0]


def test_the_noise_can_be_read_off() -> None:
    """`noise_from` solves `diffuse`."""
    chain = Diffusion()

    found = chain.noise_from(chain.diffuse(X, Y, STEPS, EPS), X, Y, STEPS)

    torch.testing.assert_close(found, EPS, rtol=0, atol=1e-4)


def test_one_step_back_has_the_marginal_of_that_step() -> None:
    """Equation 7 follows from equation 2: the posterior, over all x_t, gives q(x_{t-1} | x_0, y_0)."""
    chain = Diffusion()
    for step in range(1, len(chain)):
        variance = chain.coefficient_x[step] ** 2 * chain.kappa**2 * chain.etas[step] + chain.posterior_variance[step]
        shift = chain.coefficient_x[step] * chain.etas[step]

        assert variance.item() == pytest.approx(chain.kappa**2 * chain.etas[step - 1].item())
        assert shift.item() == pytest.approx(chain.etas[step - 1].item())


def test_a_network_that_knows_the_answer_ends_at_it() -> None:
    """Whatever was drawn: at the first step the posterior is the prediction itself."""
    chain = Diffusion(steps=4, min_noise_level=0.2)

    *_, last = chain.sample(lambda x, steps: X, Y, lambda: EPS)

    assert last.number == 0
    torch.testing.assert_close(last.x, X)


def test_the_network_is_told_the_original_step() -> None:
    """It was trained on fifteen; in five it sees every third, at the noise it knows."""
    chain = Diffusion(respacing=5)
    told = []

    def network(x: Tensor, steps: Tensor) -> Tensor:
        told.append(steps.tolist())
        return x

    draws = [EPS[:2]] * 6
    list(chain.sample(network, Y[:2], draws.pop))

    assert told == [[12, 12], [9, 9], [6, 6], [3, 3], [0, 0]]
    assert draws == []
    torch.testing.assert_close(chain.sqrt_etas, Diffusion().sqrt_etas[[0, 3, 6, 9, 12]])


def test_the_networks_input_has_about_unit_variance() -> None:
    """Latents have it before noise is added, and the normalisation takes the noise's share out again."""
    chain = Diffusion()
    x_start, eps = noise("a", (15, 1, 64, 64)), noise("b", (15, 1, 64, 64))
    steps = torch.arange(15)

    deviations = chain.normalised(chain.diffuse(x_start, x_start, steps, eps), steps).std(dim=(1, 2, 3))

    torch.testing.assert_close(deviations, torch.ones(15), rtol=0, atol=0.03)


def test_the_chain_stays_in_float32_whatever_the_network_gives() -> None:
    """Under autocast the network answers in half precision."""
    *_, last = Diffusion().sample(lambda x, steps: x.half(), Y, lambda: EPS)

    assert last.x.dtype == torch.float32


def test_weights_of_the_loss_are_off_unless_asked_for() -> None:
    """The paper omits them (section 2.1); they are 300 at the first step and below 1 at the last."""
    plain, weighted = Diffusion(), Diffusion(weighted=True)

    ratio = weighted.squared_error(X, Y, STEPS) / plain.squared_error(X, Y, STEPS)

    torch.testing.assert_close(ratio, plain.loss_weights[STEPS].float())
