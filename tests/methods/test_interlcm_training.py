from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms.v2.functional import normalize

from restobench_methods.interlcm.discriminator import PatchDiscriminator
from restobench_methods.interlcm.gradients import compute_activations_again, freeze
from restobench_methods.interlcm.losses import (
    absolute_difference,
    adversarial_loss,
    discriminator_loss,
    normalised_again,
)
from restobench_methods.interlcm.pipeline import Pipeline, VisualModule
from restobench_methods.interlcm.sampler import Sampler
from restobench_methods.interlcm.schedule import learning_rate
from restobench_methods.interlcm.tiny import tiny_networks
from restobench_methods.interlcm.training_settings import Rate
from tests.filling import image, noise

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (1, 3, 32, 32)


def pipeline(steps: int = 4) -> Pipeline:
    """The small networks, ready to be trained; they stay in evaluation mode, as in the released training."""
    networks = tiny_networks()
    made = Pipeline(
        networks.unet.eval(), networks.vae.eval(), networks.conditioner.eval(), networks.spatial_encoder, Sampler(steps)
    )
    freeze(made)
    return made


def trained(pipe: Pipeline) -> list[nn.Module]:
    assert isinstance(pipe.conditioner, VisualModule)
    assert pipe.spatial_encoder is not None
    return [pipe.conditioner.encoder, pipe.spatial_encoder]


def loss_of(pipe: Pipeline, embedding: Tensor) -> Tensor:
    """Through all the calls, with the same noise each time and gradients on."""
    lq, gt = faces()
    latent = pipe.encode(lq)
    draws: Iterator[Tensor] = (noise(f"step{number}", latent.shape) for number in range(9))
    *_, last = pipe.steps(lq, embedding, latent, lambda: next(draws))
    return absolute_difference(pipe.decode(last.denoised), gt)


def faces() -> tuple[Tensor, Tensor]:
    """A low-quality one and another that it is to become."""
    return 2 * image("lq", SHAPE) - 1, 2 * image("gt", SHAPE) - 1


def gradients(pipe: Pipeline) -> tuple[float, list[Tensor], int]:
    """The loss, every trained parameter's gradient, and the bytes that the calls keep for the way back."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    embedding = pipe.embed(faces()[0])
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = loss_of(pipe, embedding)
    loss.backward()
    grads = [parameter.grad for module in trained(pipe) for parameter in module.parameters()]
    assert all(grad is not None for grad in grads)
    networks = (pipe.unet, pipe.vae, pipe.conditioner, pipe.spatial_encoder)
    weights = {
        parameter.untyped_storage().data_ptr()
        for network in networks
        if network is not None
        for parameter in network.parameters()
    }
    activations = sum(size for pointer, size in kept.items() if pointer not in weights)
    return loss.item(), [grad for grad in grads if grad is not None], activations


def test_checkpointing_changes_neither_loss_nor_gradients_and_keeps_less() -> None:
    """Networks that stay in evaluation mode: diffusers' switch works there too."""
    plain, saving = pipeline(), pipeline()
    compute_activations_again(saving)

    loss, grads, kept = gradients(plain)
    same_loss, same_grads, kept_by_saving = gradients(saving)

    assert same_loss == loss
    for grad, same in zip(grads, same_grads, strict=True):
        torch.testing.assert_close(same, grad, rtol=1e-5, atol=1e-8)
    assert kept_by_saving < kept / 2


def test_only_the_two_encoders_are_trained() -> None:
    """The base model and CLIP stay what they are, though gradients pass through them."""
    pipe = pipeline(steps=2)

    loss_of(pipe, pipe.embed(faces()[0])).backward()

    assert isinstance(pipe.conditioner, VisualModule)
    for network in (pipe.unet, pipe.vae, pipe.conditioner.tower):
        assert all(parameter.grad is None for parameter in network.parameters())


def train(pipe: Pipeline, steps: int) -> list[float]:
    optimiser = torch.optim.Adam(
        [parameter for module in trained(pipe) for parameter in module.parameters()], lr=1e-3, betas=(0.9, 0.99)
    )
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = loss_of(pipe, pipe.embed(faces()[0]))
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def test_a_few_steps_of_training_lower_the_loss() -> None:
    """On one face, which two small encoders learn by heart."""
    losses = train(pipeline(steps=2), 20)

    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.slow
def test_200_steps_of_training_through_three_calls_lower_it_further() -> None:
    """All the way as the method walks it."""
    losses = train(pipeline(), 200)

    assert losses[-1] < 0.75 * losses[0]
    assert sum(losses[-20:]) < sum(losses[90:110])


def test_the_rate_falls_along_a_cosine_of_which_training_sees_a_tenth() -> None:
    """From 1 on; the first iterations differ in the last digits."""
    rates = [learning_rate(iteration, Rate()) for iteration in (1, 75_001, 150_001)]

    assert rates == pytest.approx([5e-5, 3.5e-5, 2e-5])


def test_the_released_training_normalises_twice() -> None:
    """LPIPS's own layer is made for [-1, 1], and gets deviations of ImageNet instead."""
    picture = 2 * image("a", (2, 3, 37, 53)) - 1

    expected = normalize((picture + 1) / 2, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

    torch.testing.assert_close(normalised_again(picture), expected)


def test_the_hinge_is_0_beyond_its_margin() -> None:
    """A discriminator that is sure learns nothing more; the generator always does."""
    sure, torn = torch.full((2, 1, 3, 3), 2.0), torch.zeros(2, 1, 3, 3)

    assert discriminator_loss(sure, -sure).item() == 0
    assert discriminator_loss(torn, torn).item() == 2
    assert adversarial_loss(sure).item() == -2


def test_a_discriminator_s_gradient_reaches_the_generator() -> None:
    """Through batch statistics of the restored pictures alone."""
    network, picture = PatchDiscriminator(width=8).train(), (2 * image("a", (2, 3, 64, 64)) - 1).requires_grad_()

    adversarial_loss(network(picture)).backward()

    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0
