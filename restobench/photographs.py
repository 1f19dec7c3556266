"""Photographs with faces in, photographs out: files, methods and weights around `faces`.

A method for aligned faces restores each face; another may enlarge what is around them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from restobench.ahead import read_ahead
from restobench.dataset import Sample
from restobench.errors import RestobenchError, in_words
from restobench.faces.detection import Detector
from restobench.faces.networks import detection_network, parsing_network
from restobench.faces.parsing import Parser
from restobench.faces.photograph import Restore, RestoredPhotograph, Tools, Wishes, restore_photograph
from restobench.faces.reading import Photograph, as_photograph
from restobench.faces.template import FACE_SIZE
from restobench.files import writing
from restobench.image import picture_size, read_array, write_picture
from restobench.method import FolderMethod, Method, MethodChoice
from restobench.noise import Noise
from restobench.pictures import prepare_output
from restobench.provenance import set_tf32
from restobench.restore import FailureLimit

Kind = Literal["picture", "aligned face", "photograph"]
"""What a method is given: a picture as it is, a face at its place in it, or a photograph to take apart."""


@dataclass(frozen=True)
class FacesFound:
    """What became of the faces of one photograph."""

    faces: list[dict[str, Any]]
    """Of each that was to be restored: number, box, score, landmarks, whether it was restored, error."""
    found: int
    dropped: int
    """Of those found, how many were too small."""

    @classmethod
    def of(cls, result: RestoredPhotograph) -> FacesFound:
        """What a result says of its faces."""
        faces = [
            {
                "number": face.number,
                "box": face.box,
                "score": face.score,
                "landmarks": face.landmarks,
                "restored": face.number in result.restored,
                "error": result.failures.get(face.number),
            }
            for face in result.faces
        ]
        return cls(faces, result.found, result.dropped)

    @property
    def restored(self) -> int:
        """How many were restored."""
        return sum(face["restored"] for face in self.faces)

    @property
    def failures(self) -> dict[int, str]:
        """By number, why a face was left as it is."""
        return {face["number"]: face["error"] for face in self.faces if face["error"]}


@dataclass
class RestoredPhotographs:
    """What a call of `restore_photographs` did, by the photographs' names."""

    seconds: dict[str, float] = field(default_factory=dict)
    """From the photograph in memory to the result in memory."""
    faces: dict[str, FacesFound] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """Of whole photographs; a face that failed is in `faces`."""
    stopped: bool = False
    """Whether it gave up because too many had failed."""

    @property
    def all_well(self) -> bool:
        """Whether every photograph and every face that was tried is restored."""
        return not self.failures and not any(found.failures for found in self.faces.values())


def kind_of(samples: Sequence[Sample], choice: MethodChoice, whole: bool | None) -> Kind:
    """What a method shall take pictures for.

    Args:
        samples: The pictures.
        choice: The method.
        whole: Whether they are photographs (True) or aligned faces (False); None: as their sizes tell.

    Raises:
        RestobenchError: It was asked for, and the method does not restore aligned faces; or some
            pictures are as large as aligned faces and others not.
    """
    for_faces = choice.card.input == "aligned-face"
    # Where the card leaves the tasks open, the checkpoint or the program decides, and the user knows.
    if whole is not None and not for_faces and choice.card.tasks:
        raise RestobenchError(
            f"'{choice.reference}' does not restore aligned faces, it is for {' and '.join(choice.card.tasks)}; "
            "leave --whole and --aligned out."
        )
    if whole is not None:
        return "photograph" if whole else "aligned face"
    if not for_faces:
        return "picture"
    sizes = [picture_size(sample.lq) for sample in samples if sample.lq]
    as_faces = [size == (FACE_SIZE, FACE_SIZE) for size in sizes if size]
    if any(as_faces) and not all(as_faces):
        raise RestobenchError(
            f"{sum(as_faces)} of {len(as_faces)} pictures are {FACE_SIZE} x {FACE_SIZE}, as aligned faces are, and the "
            "others are not; say --whole if all are photographs, or --aligned if all are aligned faces."
        )
    return "aligned face" if all(as_faces) else "photograph"


def restore_photographs(
    samples: Sequence[Sample],
    choice: MethodChoice,
    output: Path,
    wishes: Wishes,
    *,
    face_weights: Mapping[str, Path],
    background: MethodChoice | None = None,
    save_faces: Path | None = None,
    seed: int = 0,
    device: str = "cpu",
    dtype: str = "float32",
    tf32: bool = False,
    overwrite: bool = False,
    limit: FailureLimit | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> RestoredPhotographs:
    """Restore the faces of photographs; the results are `output`/<name>.png.

    Args:
        samples: The photographs, from `pictures.find_pictures`.
        choice: Restores aligned faces of 512 x 512.
        output: The folder; made where it is not there.
        wishes: How large the result is, which faces, and so on.
        face_weights: Files of the parts of `faces`, from `weights.tool_weights`.
        background: Enlarges what is around the faces; None: bilinear.
        save_faces: Where faces are kept: `lq/<name>-face<n>.png` as they were cut out, and
            `restored/` as they were restored. None: nowhere.
        seed: Of all noise.
        device: Where all networks are.
        dtype: What the methods compute in; finding and parsing faces is always float32.
        tf32: Whether TF32 may stand in for float32.
        overwrite: Whether results that are there may be replaced.
        limit: When to give up; None: never.
        advance: Called as photographs are done.

    Raises:
        RestobenchError: As `prepare_output` does; a method cannot be built or restores folders; facexlib
            or its weights are missing; the disk is full. What befalls a single photograph is a failure.
    """
    if save_faces and not overwrite and save_faces.exists() and any(save_faces.iterdir()):
        raise RestobenchError(f"{save_faces} is not empty; say --overwrite, or choose another --save-faces folder.")
    targets = prepare_output(samples, choice, output, scale=None, dtype=dtype, overwrite=overwrite)
    set_tf32(tf32)
    tools = Tools(
        find=Detector(detection_network(face_weights["detection"], device)),
        parse=Parser(parsing_network(face_weights["parsing"], device), device),
        restore=_restorer(choice, None, device, dtype),
        enlarge=_restorer(background, _scale(background, wishes.upscale), device, dtype) if background else None,
    )
    outcome = RestoredPhotographs()
    for sample, photograph in read_ahead(samples, _read, workers=2, ahead=3):
        failed = None
        begun = time.perf_counter()
        try:
            if isinstance(photograph, RestobenchError):
                raise photograph
            result = restore_photograph(photograph, tools, Noise.of_seed(seed, [sample.id]), wishes)
        except Exception as error:
            failed = in_words(error)
        else:
            seconds = time.perf_counter() - begun
            with writing():
                write_picture(targets[sample.id], result.picture)
                if save_faces:
                    _save_faces(save_faces, sample.id, result)
            outcome.seconds[sample.id] = seconds
            outcome.faces[sample.id] = FacesFound.of(result)
        if failed is not None:
            outcome.failures[sample.id] = failed
        if advance:
            advance(int(failed is None), int(failed is not None))
        if limit and limit.exceeded(len(outcome.failures), len(samples)):
            outcome.stopped = True
            break
    return outcome


def _read(sample: Sample) -> Photograph:
    assert sample.lq is not None
    return as_photograph(read_array(sample.lq, drop_alpha=True))


def _scale(background: MethodChoice, upscale: int) -> int | None:
    """The scale to build a method for; what then comes out is brought to the wanted size."""
    scales = background.card.scales
    if scales:
        return upscale if upscale in scales else scales[0]
    return None if background.parts else upscale  # weights have a scale of their own


def _restorer(choice: MethodChoice, scale: int | None, device: str, dtype: str) -> Restore:
    if choice.card.needs_mask:
        raise RestobenchError(f"'{choice.reference}' needs a mask for every picture and cannot restore photographs.")
    method = choice.build(device=device, dtype=dtype, scale=scale).method
    if isinstance(method, FolderMethod):
        raise RestobenchError(
            f"'{choice.name}' restores folders of files, not tensors, and cannot be asked for single faces."
        )
    return _on(method, device)


def _on(method: Method, device: str) -> Restore:
    def restore(lq: Tensor, noise: Noise) -> Tensor:
        return method.restore(lq.to(device), noise)

    return restore


def _save_faces(folder: Path, name: str, result: RestoredPhotograph) -> None:
    """A data set of its own, by which a method's faces can be looked at and scored."""
    for part, faces in (("lq", result.crops), ("restored", result.restored)):
        for number, face in faces.items():
            rounded = face.round().clip(0, 255).astype("uint8")
            write_picture(folder / part / f"{name}-face{number}.png", rounded)
