"""What a method is made of is found without its help."""

from types import SimpleNamespace

import torch
from torch import nn

from restobench.timing.contents import contents_of, flops_of, networks_of


def test_networks_are_found_wherever_a_method_keeps_them() -> None:
    """In attributes, lists, dictionaries, other objects, bound methods and closures; once each, cycles or not."""
    nets = [nn.Linear(2, 2) for _ in range(5)]
    method = SimpleNamespace(net=nets[0], parts={"a": [nets[1]]}, inner=SimpleNamespace(deep=nets[2], again=nets[0]))
    method.call = nets[3].forward
    method.closed = lambda x: nets[4](x) if x is not method else None
    method.itself = method
    method.library = torch  # a module of Python is no part of the method

    found = networks_of(method)

    assert {id(net) for net in found} == {id(net) for net in nets}
    assert len(found) == 5


def test_parameters_are_counted_once() -> None:
    """Two networks that share a layer have it once; buffers are weights to carry and no parameters."""
    shared = nn.Conv2d(3, 8, 3)
    one, two = nn.Sequential(shared, nn.BatchNorm2d(8)), nn.Sequential(shared)

    contents = contents_of([one, two])

    assert contents.parameters == 3 * 8 * 9 + 8 + 16
    assert contents.weight_bytes == 4 * (contents.parameters + 16) + 8
    assert (contents.layout, contents.compiled) == ("contiguous", "none")


def test_another_memory_layout_is_told() -> None:
    """It decides which kernels run."""
    net = nn.Conv2d(3, 8, 3).to(memory_format=torch.channels_last)

    assert contents_of([net]).layout == "channels_last"


def test_flops_are_two_for_a_multiplication_and_its_addition() -> None:
    """As torch counts them: a convolution of 3 to 8 channels at 10 x 12."""
    net = nn.Conv2d(3, 8, 3, padding=1)

    with torch.inference_mode():
        counted = flops_of(lambda: net(torch.rand(1, 3, 10, 12)))

    assert counted == 2 * 10 * 12 * 8 * 3 * 9
