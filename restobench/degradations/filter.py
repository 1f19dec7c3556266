"""Filtering a batch of pictures, each with a kernel of its own or all with one."""

from torch import Tensor
from torch.nn import functional as F

from restobench.errors import RestobenchError


def filter2d(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Correlate each channel with a kernel, the borders mirrored without repeating the edge.

    The kernel is not flipped: as in networks and in OpenCV, unlike a convolution of textbooks.

    Args:
        pictures: (B, C, H, W), floating point.
        kernels: (1, k, k) for all pictures or (B, k, k), one a picture; k odd. Cast and moved
            to the pictures' dtype and device.

    Returns:
        (B, C, H, W).

    Raises:
        RestobenchError: The kernels' shape fits neither, or a side of the pictures is not
            larger than half the kernel (zeros around it left out), so that it cannot be mirrored.
    """
    batch, channels, height, width = pictures.shape
    count, size, other = kernels.shape if kernels.ndim == 3 else (0, 0, 0)
    if count not in (1, batch) or size != other or size % 2 == 0:
        raise RestobenchError(
            f"A batch of {batch} pictures is filtered by kernels of shape (1, k, k) or ({batch}, k, k) "
            f"with odd k, not {tuple(kernels.shape)}."
        )
    kernels = _without_zeros_around(kernels)
    size = kernels.shape[-1]
    border = size // 2
    if min(height, width) <= border:
        raise RestobenchError(
            f"A picture of {width} x {height} is too small for a kernel of {size} x {size}: "
            f"its sides must be above {border} pixels."
        )
    mirrored = F.pad(pictures, (border,) * 4, mode="reflect")
    # Each channel of each picture is a group of its own: twice as fast as one plane after the other.
    planes = mirrored.flatten(0, 1).unsqueeze(0)  # (1, B C, H + 2 border, W + 2 border)
    weight = kernels.to(pictures).expand(batch, -1, -1).repeat_interleave(channels, dim=0).unsqueeze(1)
    return F.conv2d(planes, weight, groups=batch * channels).view(batch, channels, height, width)


def _without_zeros_around(kernels: Tensor) -> Tensor:
    """The kernels cut to what is not zero in all of them: on average half of a padded one is nothing else."""
    centre = kernels.shape[-1] // 2
    rows_and_columns = (kernels != 0).any(dim=0).nonzero()
    reach = int((rows_and_columns - centre).abs().max()) if len(rows_and_columns) else 0
    inner = slice(centre - reach, centre + reach + 1)
    return kernels[:, inner, inner]
