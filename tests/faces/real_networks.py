"""facexlib's networks built for real, with weights that anybody can make again, as files."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from restobench.faces.detection import CONFIDENCE, OVERLAP, detector_size
from restobench.faces.networks import build_detection, build_parsing
from restobench.faces.reading import resized
from restobench.faces.template import FACE_TEMPLATE
from tests import filling


def save_detection(path: Path, photograph: NDArray[np.uint8], faces: int) -> None:
    """A RetinaFace that answers with upright faces of 256 pixels; for one photograph, so many.

    Its network is filled by name; of its heads, the boxes and landmarks are those of its own
    squares, and only one size of square can be surer than the threshold.

    Args:
        path: Where its state dict goes, under the names that the released file has.
        photograph: (H, W, 3), RGB.
        faces: How many are left after overlapping answers were dropped.
    """
    network: Any = filling.fill(build_detection()).eval()
    state = network.state_dict()
    for level in range(3):
        for head in ("BboxHead", "LandmarkHead"):
            state[f"{head}.{level}.conv1x1.weight"].zero_()
            state[f"{head}.{level}.conv1x1.bias"].zero_()
        bias = state[f"ClassHead.{level}.conv1x1.bias"]
        bias.copy_(torch.tensor([0.0, 0.0 if level == 2 else -1e4, 0.0, -1e4]))
    state["ClassHead.2.conv1x1.weight"] /= 20  # as it was filled every answer is as good as sure
    # A point is answered as its distance from the square's centre, in tenths of the square.
    points = (torch.tensor(FACE_TEMPLATE) / 512 - 0.5) / 0.1
    state["LandmarkHead.2.conv1x1.bias"].copy_(points.flatten().repeat(2))
    size = detector_size(*photograph.shape[:2])
    bgr = np.ascontiguousarray(resized(photograph, size.width, size.height)[..., ::-1])
    with torch.inference_mode():
        answers = network.detect_faces(bgr, conf_threshold=0.0, nms_threshold=OVERLAP)
    surest = torch.logit(torch.from_numpy(answers[: faces + 1, 4].astype(np.float64)))
    between = surest[faces - 1 :].mean()
    state["ClassHead.2.conv1x1.bias"][1] = torch.logit(torch.tensor(CONFIDENCE)) - between
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, path)


def save_parsing(path: Path) -> None:
    """A ParseNet filled by name, its state dict bare as in the released file."""
    torch.save(filling.fill(build_parsing()).state_dict(), path)
