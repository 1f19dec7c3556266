import copy
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from restobench.errors import RestobenchError
from restobench.metrics.ssim import ssim
from restobench_methods.ufrgan.adversarial import accuracy, discriminator_loss, generator_loss
from restobench_methods.ufrgan.balance import Balance
from restobench_methods.ufrgan.configuration import Balance as BalanceConfiguration
from restobench_methods.ufrgan.configuration import Restoration
from restobench_methods.ufrgan.image_pool import ImagePool
from restobench_methods.ufrgan.restoration_loss import RestorationLoss, edge, one_minus_ssim
from restobench_methods.ufrgan.vgg19 import FILE, Perceptual, find_vgg19
from tests.filling import fill, image, noise

pytestmark = pytest.mark.usefixtures("one_thread")


def pair(size: tuple[int, int] = (37, 53)) -> tuple[Tensor, Tensor]:
    clean = image("a", (2, 3, *size))
    return (clean + 0.05 * noise("n", clean.shape)).clamp(0, 1), clean


def test_equal_pictures_have_no_distance() -> None:
    """And a gradient that is a number."""
    x, _ = pair()
    x.requires_grad_()

    loss = RestorationLoss(Restoration(), None)(x, x.detach().clone())
    loss.backward()

    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_the_ssim_of_the_loss_is_that_of_the_metric() -> None:
    """What is trained for is what is measured."""
    x, y = pair()

    assert 1 - one_minus_ssim(x, y).item() == pytest.approx(ssim(x, y).mean().item(), abs=1e-5)


def test_the_edge_term_compares_scipys_sobel() -> None:
    """Divided by 8, the border repeated, both directions alike."""
    x, y = pair()

    def sobel(picture: Tensor, axis: int) -> np.ndarray:
        kernel = np.array([1, 2, 1]) / 8
        smoothed = ndimage.correlate1d(picture.double().numpy(), kernel, axis=5 - axis, mode="nearest")
        return np.asarray(ndimage.correlate1d(smoothed, [-1, 0, 1], axis=axis, mode="nearest"))

    expected = sum(0.5 * np.abs(sobel(x, axis) - sobel(y, axis)).mean() for axis in (2, 3))

    assert edge(x, y).item() == pytest.approx(expected, rel=1e-5)


def test_a_term_without_weight_is_not_computed() -> None:
    """And the total is the sum of the others."""
    x, y = pair()

    loss = RestorationLoss(Restoration(l1=2.0, mse=0, perceptual=0, edge=0, ssim=0), None)

    assert list(loss.terms(x, y)) == ["l1"]
    assert loss(x, y).item() == pytest.approx(2 * (x - y).abs().mean().item(), rel=1e-6)


def test_losses_are_float32_under_autocast() -> None:
    """Differences of small pictures are what is looked at."""
    x, y = pair()
    loss = RestorationLoss(Restoration(), None)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = loss(x.bfloat16(), y)

    assert under.dtype == torch.float32
    assert torch.equal(under, loss(x.bfloat16().float(), y))


def test_torchvisions_file_is_what_the_perceptual_term_needs(tmp_path: Path) -> None:
    """Of the whole VGG19 it takes the first layers."""
    features = fill(Perceptual().features, 3).state_dict()
    torch.save({f"features.{name}": tensor for name, tensor in features.items()} | {"classifier.0.bias": torch.ones(2)},
               tmp_path / FILE)  # fmt: skip
    x, y = pair((48, 56))

    loss = RestorationLoss(Restoration(), tmp_path / FILE)

    assert loss.perceptual is not None
    assert list(loss.terms(x, y)) == ["l1", "mse", "perceptual", "edge", "ssim"]
    assert all(torch.equal(tensor, loss.perceptual.features.state_dict()[name]) for name, tensor in features.items())
    assert not any(parameter.requires_grad for parameter in loss.parameters())


@pytest.mark.parametrize("state", [{}, {"features.0.weight": torch.zeros(64, 3, 3, 3)}, {"features.0.weight": 3}])
def test_another_file_is_no_vgg19(tmp_path: Path, state: dict[str, object]) -> None:
    """One sentence, with the way to do without."""
    torch.save(state, tmp_path / "net.pth")

    with pytest.raises(RestobenchError, match=r"net\.pth is no VGG19 of torchvision; .*perceptual = \"none\""):
        Perceptual.of_file(tmp_path / "net.pth")


def test_the_vgg19_is_looked_for_where_torchvision_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And never downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    before = find_vgg19()
    path = tmp_path / "hub" / "checkpoints" / FILE
    path.parent.mkdir(parents=True)
    path.touch()

    assert before is None
    assert find_vgg19() == path


def test_the_right_side_of_a_score() -> None:
    """Half for LSGAN's targets 0 and 1, zero for logits; real and fake count alike."""
    real, fake = torch.tensor([0.9, 0.6, 0.4, -0.1]), torch.tensor([0.2, 0.7, -0.3, 0.6])

    assert accuracy(real, fake, "lsgan").item() == pytest.approx(4 / 8)
    assert accuracy(real, fake, "bce").item() == pytest.approx(4 / 8)
    assert accuracy(real, fake - 0.25, "lsgan").item() == pytest.approx(6 / 8)


@pytest.mark.parametrize(("form", "right"), [("lsgan", 1.0), ("bce", 20.0)])
def test_a_discriminator_that_is_right_has_no_loss_and_its_generator_much(form: "object", right: float) -> None:
    """And the other way round."""
    real, fake = torch.full((2, 1, 3, 3), right), torch.full((2, 1, 3, 3), 0.0 if form == "lsgan" else -right)

    assert discriminator_loss(real, fake, form).item() == pytest.approx(0, abs=1e-6)  # type: ignore[arg-type]
    assert generator_loss(fake, form).item() >= 1  # type: ignore[arg-type]
    assert generator_loss(real, form).item() == pytest.approx(0, abs=1e-6)  # type: ignore[arg-type]


def numbered(*numbers: int) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float32)[:, None, None, None].expand(-1, 3, 2, 2)


def test_a_pool_returns_the_newcomer_while_it_fills() -> None:
    """Nothing is drawn for that."""
    pool, generator = ImagePool(4), torch.Generator().manual_seed(0)
    before = generator.get_state()

    assert torch.equal(pool.exchange(numbered(0, 1, 2), generator), numbered(0, 1, 2))
    assert torch.equal(pool.exchange(numbered(3), generator), numbered(3))
    assert torch.equal(generator.get_state(), before)


def test_a_full_pool_swaps_every_other_newcomer() -> None:
    """And loses no picture: what went in comes out, or is there still."""
    pool, generator = ImagePool(50), torch.Generator().manual_seed(0)
    pool.exchange(numbered(*range(50)), generator)

    out = pool.exchange(numbered(*range(50, 1050)), generator)[:, 0, 0, 0].tolist()

    kept = [picture[0, 0, 0].item() for picture in pool.pictures]
    assert sorted(out + kept) == list(range(1050))
    swapped = sum(number != place for place, number in enumerate(out, start=50))
    assert 430 < swapped < 570


def test_a_pool_keeps_no_gradients_and_no_views() -> None:
    """Its pictures are shown to the discriminators alone, long after their graph is gone."""
    pool, generator = ImagePool(2), torch.Generator().manual_seed(0)
    fakes = torch.rand(2, 3, 4, 4, requires_grad=True)
    copies = fakes.detach().clone()

    out = pool.exchange(fakes, generator)
    with torch.no_grad():
        fakes.zero_()

    assert not out.requires_grad
    assert torch.equal(torch.stack(pool.pictures), copies)
    assert not ImagePool(0).exchange(fakes, generator).requires_grad


@pytest.mark.parametrize("known", [0, 3, 9])
def test_a_pool_goes_on_from_its_state(known: int, saved: Callable[[object], object]) -> None:
    """As if nothing had been between, given the same generator."""
    pool, again, generator = ImagePool(5), ImagePool(5), torch.Generator().manual_seed(0)
    for number in range(known):
        pool.exchange(numbered(number), generator)
    twin = torch.Generator().set_state(generator.get_state())

    again.load_state_dict(saved(pool.state_dict()))  # type: ignore[arg-type]  # what torch.load gives

    newcomers = numbered(*range(100, 130))
    assert torch.equal(pool.exchange(newcomers, generator), again.exchange(newcomers, twin))


def drawn() -> list[tuple[float, float]]:
    """Accuracies and losses that freeze and unfreeze a few times."""
    draw = random.Random(0)
    return [(draw.uniform(0.6, 1.0) if step % 40 < 20 else 0.97, 0.03) for step in range(160)]


def test_the_gate_goes_on_from_its_state(saved: Callable[[object], object]) -> None:
    """Frozen or not, at whatever step the training was cut."""
    whole, cut = Balance(BalanceConfiguration()), Balance(BalanceConfiguration())
    decisions: tuple[list[bool], list[bool]] = ([], [])

    for accuracy_now, loss in drawn():
        state = saved(copy.deepcopy(cut.state_dict()))
        cut = Balance(BalanceConfiguration())
        cut.load_state_dict(state)  # type: ignore[arg-type]  # what torch.load gives
        for gate, made in zip((whole, cut), decisions, strict=True):
            made.append(gate.decide())
            gate.observe(accuracy_now, loss)

    assert decisions[0] == decisions[1]
    assert 0 < sum(decisions[0]) < len(decisions[0])


def test_the_gate_opens_for_a_step_after_fifty() -> None:
    """However right the discriminators stay: frozen for good they would be wrong in the end."""
    gate = Balance(BalanceConfiguration())

    frozen = []
    for _ in range(120):
        frozen.append(gate.decide())
        gate.observe(1.0, 0.0)

    assert [step for step, closed in enumerate(frozen) if not closed] == [0, 1, 2, 3, 4, 55, 106]
