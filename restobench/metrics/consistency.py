"""Whether a restored picture, made small again, is the input: says something where no clean picture is."""

import torch
from torch import Tensor

from restobench.degradations.resize import resized_antialiased
from restobench.errors import RestobenchError
from restobench.metrics.colour import check_pictures


def consistency(restored: Tensor, lq: Tensor) -> Tensor:
    """PSNR of the restored picture, down-sampled, against the input, in dB; higher is better.

    (B, 3, s H, s W) and (B, 3, H, W), s a whole number above 1 -> (B,), float64. Down-sampled by
    MATLAB's antialiased bicubic, neither clamped nor rounded; RGB, no border cropped. The
    input's own degradation is unknown, so no method should reach infinity: 30 to 45 dB is
    usual, and a restoration that is 20 dB from its input shows something else than the input.
    A sharper kernel than the camera's lowers it a little for every method alike.

    >>> import torch
    >>> lq = torch.full((1, 3, 8, 8), 0.5)
    >>> consistency(torch.full((1, 3, 32, 32), 0.6), lq)
    tensor([20.0000], dtype=torch.float64)

    Raises:
        RestobenchError: The restored picture is not a whole number of times as large as the
            input, or one has values outside [0, 1].
    """
    check_pictures(restored, "restored")
    check_pictures(lq, "input")
    scale = restored.shape[-1] // lq.shape[-1]
    if scale < 2 or restored.shape[-2:] != (scale * lq.shape[-2], scale * lq.shape[-1]):
        raise RestobenchError(
            f"The restored picture is {restored.shape[-1]} x {restored.shape[-2]} and the input "
            f"{lq.shape[-1]} x {lq.shape[-2]}; it must be 2, 3, 4, ... times as large."
        )
    # One picture at a time, so that the batch's size moves neither the value nor the memory.
    errors = [
        (resized_antialiased(one[None].double(), 1 / scale) - small[None].double()).square().mean()
        for one, small in zip(restored, lq, strict=True)
    ]
    return -10 * torch.stack(errors).log10()
