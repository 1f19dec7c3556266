"""A whole photograph: every face found, aligned, restored and pasted back.

Knows pictures, noise and functions that restore, and no file, method or data set. Where the
released program that this follows hides a fault, ours says it: a face whose restoration
fails is left as the photograph has it, and marked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restobench.errors import RestobenchError, in_words
from restobench.faces.alignment import AlignedFace, align
from restobench.faces.detection import EYE_DISTANCES, EyeDistance, Face, FindFaces, choose_faces
from restobench.faces.grey import Pixels, matched, turned_grey
from restobench.faces.parsing import ParseFaces
from restobench.faces.pasting import finished, make_canvas, paste
from restobench.faces.reading import Photograph, as_photograph
from restobench.faces.template import FACE_SIZE
from restobench.image import to_eight_bit
from restobench.noise import Noise

Restore = Callable[[Tensor, Noise], Tensor]
"""(B, 3, H, W), float32 in [0, 1], and a stream of noise for each -> the same, perhaps larger; on any device."""


@dataclass(frozen=True)
class Selection:
    """Which of the faces that were found are restored."""

    eye_distance: EyeDistance = "released"
    """What must be at least 5 pixels."""
    only_center_face: bool = False

    def __post_init__(self) -> None:
        """Raises RestobenchError where the distance is none that is known."""
        if self.eye_distance not in EYE_DISTANCES:
            raise RestobenchError(f"The eye distance is one of {', '.join(EYE_DISTANCES)}, not {self.eye_distance!r}.")


@dataclass(frozen=True)
class Wishes:
    """How a photograph is to be restored."""

    selection: Selection = Selection()
    upscale: int = 2
    """How many times larger the result is than the photograph as it was read."""
    keep_grey: bool = True
    """Whether faces of a black-and-white photograph stay so."""
    enlarge_faces: bool = False
    """Whether the restored faces, too, go through what enlarges the background."""
    batch_size: int = 1
    """Faces at a time, at most; changes no noise."""


@dataclass(frozen=True)
class Tools:
    """What restores a photograph."""

    find: FindFaces
    parse: ParseFaces
    restore: Restore
    """Aligned faces of 512 x 512 to restored ones of 512 x 512."""
    enlarge: Restore | None = None
    """The background, from the photograph at its own size; None: bilinear."""


@dataclass(frozen=True)
class RestoredPhotograph:
    """A result, and how it came about."""

    picture: NDArray[np.uint8]
    """(upscale H, upscale W, 3) of the photograph as it was read, RGB."""
    faces: list[Face]
    """Those that were to be restored; below they are named by their number."""
    crops: dict[int, Pixels]
    """(512, 512, 3), RGB, in [0, 255]: what the method was given."""
    restored: dict[int, Pixels]
    """What was pasted, before it was enlarged; a grey face may leave [0, 255]."""
    failures: dict[int, str]
    """Of the faces that were left as they are."""
    found: int
    dropped: int
    """Of those found, how many were too small; the rest that is not in `faces` was not the central one."""


def restore_photograph(photograph: Photograph, tools: Tools, noise: Noise, wishes: Wishes) -> RestoredPhotograph:
    """Restore a photograph.

    Args:
        photograph: What was read.
        tools: What finds, parses, restores and enlarges.
        noise: Of this one picture. Face n, in the order of the detector's answer, draws from
            `noise.part("face{n}")`, the background from `noise.part("background")`.
        wishes: How.

    Raises:
        RestobenchError: What the tools raise, but for faces: those become failures of their own.
    """
    aligned = _aligned(photograph, tools.find, wishes.selection)
    crops = {number: face.crop for number, face in aligned.faces.items()}
    restored: dict[int, Pixels] = {}
    failures = dict(aligned.failures)
    for some in _batches(list(crops), wishes.batch_size):
        done, failed = _restore_faces({number: crops[number] for number in some}, tools.restore, noise)
        restored |= done
        failures |= failed
    if photograph.is_grey and wishes.keep_grey:
        restored = {number: matched(turned_grey(face), crops[number]) for number, face in restored.items()}

    background = None
    if tools.enlarge:
        background = _enlarged(photograph.original, tools.enlarge, noise.part("background"))
    canvas = make_canvas(photograph.picture, wishes.upscale, background)
    for some in _batches(list(restored), wishes.batch_size):
        faces = [_to_paste(number, restored[number], tools, noise, wishes) for number in some]
        for number, face, labels in zip(some, faces, tools.parse(faces), strict=True):
            paste(canvas, face, labels, aligned.faces[number].affine, wishes.upscale)
    return RestoredPhotograph(
        finished(canvas), aligned.chosen, crops, restored, failures, aligned.found, aligned.dropped
    )


def align_faces(
    stored: NDArray[np.uint8] | NDArray[np.uint16], find: FindFaces, selection: Selection | None = None
) -> list[AlignedFace]:
    """The faces of a stored picture, as `restore_photograph` would restore them.

    Args:
        stored: (H, W, 3), RGB, 8 or 16 bits, as `image.read_array` gives it.
        find: A `Detector`.
        selection: Which faces; None: all whose eyes are far enough apart, as the released program measures.

    Returns:
        Crops of 512 x 512 in [0, 255], 8 bits where the picture is, the surest face first.
    """
    return list(_aligned(as_photograph(stored), find, selection or Selection()).faces.values())


class _Aligned(NamedTuple):
    """The faces of a photograph, by number, and what became of the others."""

    chosen: list[Face]
    faces: dict[int, AlignedFace]
    failures: dict[int, str]
    found: int
    dropped: int


def _aligned(photograph: Photograph, find: FindFaces, selection: Selection) -> _Aligned:
    found = find(photograph.picture)
    chosen, dropped = choose_faces(
        found,
        photograph.picture.shape,
        eye_distance=selection.eye_distance,
        only_center_face=selection.only_center_face,
    )
    faces, failures = {}, {}
    for face in chosen:
        try:
            faces[face.number] = align(photograph.picture, face.landmarks)
        except RestobenchError as error:
            failures[face.number] = str(error)
    return _Aligned(chosen, faces, failures, len(found), dropped)


def _restore_faces(
    crops: Mapping[int, Pixels], restore: Restore, noise: Noise
) -> tuple[dict[int, Pixels], dict[int, str]]:
    """Faces restored together, in 8 bits, and failures; one by one where together fails, as a failure is one face's."""
    lq = torch.stack([_as_tensor(crop) for crop in crops.values()])
    streams = Noise.joined([noise.part(f"face{number}") for number in crops])
    try:
        with torch.inference_mode():
            restored = restore(lq, streams)
        if restored.shape != lq.shape:
            raise RestobenchError(
                f"The method returned the shape {tuple(restored.shape)} for faces of {tuple(lq.shape)}; "
                "only one that keeps their size can restore photographs."
            )
    except Exception as error:
        if len(crops) == 1:
            return {}, dict.fromkeys(crops, in_words(error))
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        done: dict[int, Pixels] = {}
        failures: dict[int, str] = {}
        for number, crop in crops.items():
            one, failed = _restore_faces({number: crop}, restore, noise)
            done |= one
            failures |= failed
        return done, failures
    finite = {number: face for number, face in zip(crops, restored, strict=True) if torch.isfinite(face).all()}
    lost = dict.fromkeys(crops.keys() - finite.keys(), "The restored face holds values that are not numbers.")
    return {number: to_eight_bit(face) for number, face in finite.items()}, lost


def _batches(numbers: Sequence[int], size: int) -> list[Sequence[int]]:
    return [numbers[first : first + size] for first in range(0, len(numbers), size)]


def _to_paste(number: int, face: Pixels, tools: Tools, noise: Noise, wishes: Wishes) -> Pixels:
    """The face itself, or at (512 upscale, 512 upscale)."""
    if not (wishes.enlarge_faces and tools.enlarge):
        return face
    enlarged = _enlarged(face, tools.enlarge, noise.part(f"face{number}").part("enlarged"))
    side = FACE_SIZE * wishes.upscale
    return enlarged if len(enlarged) == side else cv2.resize(enlarged, (side, side), interpolation=cv2.INTER_LANCZOS4)


def _enlarged(picture: Pixels, enlarge: Restore, noise: Noise) -> NDArray[np.uint8]:
    with torch.inference_mode():
        enlarged = enlarge(_as_tensor(picture)[None], noise)
    if not torch.isfinite(enlarged).all():
        raise RestobenchError("The enlarged background holds values that are not numbers.")
    return to_eight_bit(enlarged[0])


def _as_tensor(picture: Pixels) -> Tensor:
    """(H, W, 3) in [0, 255] -> (3, H, W), float32 in [0, 1], clipped."""
    scaled = np.ascontiguousarray(picture.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)
    return torch.from_numpy(scaled).clamp(0, 1)
