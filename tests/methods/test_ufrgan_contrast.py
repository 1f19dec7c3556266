import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from restobench.errors import RestobenchError
from restobench_methods.ufrgan.configuration import Contrast
from restobench_methods.ufrgan.contrast import ContrastiveTerm, FeatureBank, nt_xent
from restobench_methods.ufrgan.lineage import lineage_contrast, lineage_maps
from tests.filling import image, noise

pytestmark = pytest.mark.usefixtures("one_thread")


def test_nt_xent_is_its_formula() -> None:
    """Two positives, three negatives, written out number by number."""
    q, positives, negatives = noise("q", (1, 2, 5)), noise("p", (1, 2, 2, 5)), noise("n", (1, 3, 2, 5))

    def similarity(one: Tensor, other: Tensor) -> float:
        return math.exp((one @ other / one.norm() / other.norm()).item() / 0.2)

    losses = []
    for block in range(2):
        unlike = sum(similarity(q[0, block], negatives[0, number, block]) for number in range(3))
        for number in range(2):
            alike = similarity(q[0, block], positives[0, number, block])
            losses.append(-math.log(alike / (alike + unlike)))

    assert nt_xent(q, positives, negatives, 0.2).item() == pytest.approx(sum(losses) / 4, rel=1e-5)


def test_nothing_to_be_unlike_is_no_loss() -> None:
    """Without the source as a negative the first batches have an empty bank."""
    q = noise("q", (2, 3, 4)).requires_grad_()

    loss = nt_xent(q, noise("p", (2, 1, 3, 4)), torch.zeros(2, 0, 3, 4), 0.07)
    loss.backward()

    assert loss.item() == 0
    assert q.grad is not None
    assert not q.grad.any()


def test_a_bank_forgets_the_oldest_first() -> None:
    """In the order in which they came, also where a batch is larger than the bank."""
    bank = FeatureBank(3)

    for number in range(5):
        bank.push(torch.full((1, 2, 4), float(number)))

    assert bank.negatives(torch.zeros(2, 2, 4))[:, :, 0, 0].tolist() == [[2, 3, 4], [2, 3, 4]]
    bank.push(torch.arange(7.0)[:, None, None].expand(7, 2, 4))
    assert bank.negatives(torch.zeros(1, 2, 4))[0, :, 0, 0].tolist() == [4, 5, 6]


def test_a_bank_begins_anew_when_the_crop_does() -> None:
    """Features of another length cannot be compared."""
    bank = FeatureBank(3)
    bank.push(torch.zeros(2, 49, 8))

    assert bank.negatives(torch.zeros(1, 49, 6)).shape == (1, 0, 49, 6)
    bank.push(torch.ones(1, 49, 6))
    assert bank.negatives(torch.zeros(1, 49, 6)).shape == (1, 1, 49, 6)


def test_a_bank_of_size_zero_stays_empty() -> None:
    """The source alone is then the negative."""
    bank = FeatureBank(0)

    bank.push(torch.zeros(2, 49, 8))

    assert bank.negatives(torch.zeros(2, 49, 8)).shape == (2, 0, 49, 8)


@pytest.mark.parametrize("pushes", [0, 1, 5])
def test_a_bank_goes_on_from_its_state(pushes: int, saved: Callable[[object], object]) -> None:
    """As if nothing had been between: saved, loaded, pushed on."""
    bank, again = FeatureBank(4), FeatureBank(4)
    for number in range(pushes):
        bank.push(noise(str(number), (2, 3, 4)))

    again.load_state_dict(saved(bank.state_dict()))  # type: ignore[arg-type]  # what torch.load gives
    for one in (bank, again):
        one.push(noise("next", (1, 3, 4)))

    assert torch.equal(bank.negatives(torch.zeros(2, 3, 4)), again.negatives(torch.zeros(2, 3, 4)))


def test_what_is_kept_moves_with_nothing() -> None:
    """The training goes on writing into the tensors that it gave."""
    bank, features = FeatureBank(4), noise("a", (2, 3, 4))
    bank.push(features)
    kept = copy.deepcopy(bank.state_dict())

    features.zero_()

    assert torch.equal(bank.state_dict()["entries"], kept["entries"])


def test_gradients_flow_into_the_anchor_alone() -> None:
    """Positives and negatives are what is, and not to be moved towards the anchor."""
    term = ContrastiveTerm(Contrast())
    features = [noise(tag, (2, 5, 8)).abs().requires_grad_() for tag in ("anchor", "positive", "source")]

    term(*features).backward()

    assert features[0].grad is not None
    assert features[0].grad.any()
    assert features[1].grad is None
    assert features[2].grad is None


def test_the_bank_is_looked_at_before_it_is_filled() -> None:
    """A picture is no earlier picture of itself."""
    term = ContrastiveTerm(Contrast(source_negative=False))
    anchor, positive, source = (noise(tag, (1, 5, 8)).abs() for tag in ("anchor", "positive", "source"))

    first = term(anchor, positive, source)
    term.push(source)
    second = term(anchor, positive, source)

    assert first.item() == 0
    assert second.item() > 0
    expected = ContrastiveTerm(Contrast(bank=0))(anchor, positive, source)
    torch.testing.assert_close(second, expected)


def test_the_lineage_form_is_a_cross_entropy_of_maps() -> None:
    """Written out for one picture; the positive stands first."""
    anchor, positive, negatives = torch.rand(3, 1, 2, 2).unbind()[0], torch.rand(1, 2, 2), torch.rand(1, 2, 2, 2)

    loss = lineage_contrast(anchor, positive, negatives, 0.07)

    scores = [1 - (anchor[0] - other).square().mean() for other in (positive[0], *negatives[0])]
    shares = torch.stack(scores).div(0.07).softmax(dim=0)
    assert loss.item() == pytest.approx(-shares[0].log().item(), rel=1e-5)


def test_the_lineage_form_takes_256_pixels_alone() -> None:
    """Its crop is written into that program."""
    term = ContrastiveTerm(Contrast(form="lineage"))

    maps = term.features(image("a", (2, 3, 256, 256)))

    assert maps.shape == (2, 2, 2)
    assert not maps.requires_grad
    term.push(maps)
    assert term(maps, maps, maps).item() == pytest.approx(math.log(4), rel=1e-5)  # itself, the source, two of the bank
    with pytest.raises(RestobenchError, match="takes 256 x 256 pixels alone, not 128 x 256"):
        lineage_maps(torch.zeros(1, 3, 256, 128), 64)
