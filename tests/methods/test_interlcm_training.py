from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import vgg16

from restobench_methods.interlcm.discriminator import PatchDiscriminator
from restobench_methods.interlcm.gradients import compute_activations_again, freeze
from restobench_methods.interlcm.losses import (
    PerceptualDifference,
    absolute_difference,
    adversarial_loss,
    discriminator_loss,
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


@pytest.fixture(scope="module")
def perceptual() -> PerceptualDifference:
    """Untrained, for its VGG is nowhere to be had offline."""
    torch.manual_seed(0)
    return PerceptualDifference()


def test_equal_pictures_have_no_perceptual_difference(perceptual: PerceptualDifference) -> None:
    """And the gradient reaches the picture, not the measure."""
    gt = 2 * image("gt", (2, 3, 37, 53)) - 1
    output = (gt + 0.1 * noise("n", gt.shape)).requires_grad_()

    assert perceptual(gt, gt).item() == 0
    perceptual(output, gt).backward()
    assert output.grad is not None
    assert output.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in perceptual.parameters())


def test_the_released_training_normalises_twice(perceptual: PerceptualDifference) -> None:
    """The package's own layer is made for [-1, 1], and gets deviations of ImageNet instead."""
    output, gt = (2 * image(name, (1, 3, 37, 53)) - 1 for name in ("a", "b"))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected = perceptual(((output + 1) / 2 - mean) / std, ((gt + 1) / 2 - mean) / std)

    twice = PerceptualDifference.__new__(PerceptualDifference)
    twice.__dict__ = perceptual.__dict__ | {"normalised_twice": True}

    torch.testing.assert_close(twice(output, gt), expected)
    assert not torch.isclose(expected, perceptual(output, gt))


def test_the_trunk_takes_torchvision_s_names(perceptual: PerceptualDifference) -> None:
    """What the classifier of that file has is left behind; a layer too few is an error."""
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in vgg16(weights=None).state_dict().items()}
    state = {name: noise(name, shape) for name, shape in shapes.items() if name.startswith("features")}

    perceptual.load_trunk(state | {"classifier.0.weight": torch.zeros(1)})

    loaded = list(perceptual.lpips.net.state_dict().values())
    assert len(loaded) == len(state) == 26
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(loaded, state.values(), strict=True))
    state.popitem()
    with pytest.raises(RuntimeError, match="Missing key"):
        perceptual.load_trunk(state)


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
