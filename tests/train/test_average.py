"""The moving average of weights."""

import torch
from torch import nn

from restobench.train.average import Average


def test_the_average_moves_by_its_rate_from_the_first_weights_on() -> None:
    """e <- rate e + (1 - rate) w, begun as a copy."""
    network = nn.Linear(3, 2)
    first = network.weight.detach().clone()
    average = Average(network, 0.75)
    with torch.no_grad():
        network.weight.add_(1)

    average.update(network)
    average.update(network)

    torch.testing.assert_close(average.network.weight, first + 1 - 0.75**2)


def test_what_is_no_weight_is_taken_over_as_it_is() -> None:
    """Counts and masks are not averaged."""
    network = nn.BatchNorm1d(4)
    average = Average(network, 0.9)
    network(torch.randn(5, 4))

    average.update(network)

    assert average.network.num_batches_tracked == 1
    torch.testing.assert_close(average.network.running_mean, network.running_mean)


def test_the_average_is_for_inference_alone() -> None:
    """No gradients, and evaluation mode, whatever the network is in."""
    average = Average(nn.Linear(3, 2), 0.9)

    assert not average.network.training
    assert not any(weight.requires_grad for weight in average.network.parameters())
