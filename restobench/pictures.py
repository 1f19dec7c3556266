"""Pictures in, pictures out: no data set, no run, no scores.

A photograph with faces anywhere in it is not what a method for aligned faces is given here:
that is for `photographs`.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from restobench.dataset import Sample
from restobench.errors import RestobenchError
from restobench.faces.reading import resized
from restobench.faces.template import FACE_SIZE
from restobench.image import is_picture, to_eight_bit, to_tensor
from restobench.method import DTYPES, FolderMethod, Method, MethodChoice
from restobench.noise import Noise
from restobench.patience import check_patience, refuse_time_limit
from restobench.provenance import set_tf32
from restobench.restore import FailureLimit, Restored, restore_samples


def find_pictures(inputs: Sequence[str]) -> list[Sample]:
    """The pictures that files, folders and globs name, each with the name its result will have.

    Raises:
        RestobenchError: One names nothing, or two pictures would have one result.
    """
    samples: dict[str, Sample] = {}
    for given in inputs:
        for sample_id, path in _expand(given):
            other = samples.setdefault(sample_id, Sample(sample_id, path, None, None, sample_id))
            if other.lq != path:
                raise RestobenchError(f"{other.lq} and {path} would both become '{sample_id}.png'; rename one.")
    return list(samples.values())


def _expand(given: str) -> list[tuple[str, Path]]:
    if not given:
        raise RestobenchError("A picture has an empty name; for the folder you are in, say . instead.")
    path = Path(given).expanduser()
    if path.is_file():
        return [(path.stem, path)]
    if path.is_dir():
        inside = sorted(found for found in path.rglob("*") if is_picture(found) and found.is_file())
        if not inside:
            raise RestobenchError(f"The folder {path} holds no pictures.")
        return [(found.relative_to(path).with_suffix("").as_posix(), found) for found in inside]
    # Path.glob takes no absolute pattern.
    matching = sorted(Path(found) for found in glob.glob(str(path), recursive=True))  # noqa: PTH207
    pictures = [found for found in matching if is_picture(found) and found.is_file()]
    if not pictures:
        raise RestobenchError(f"{given} is no picture, no folder of pictures and no pattern that fits one.")
    return [(found.stem, found) for found in pictures]


def restore_pictures(
    samples: Sequence[Sample],
    choice: MethodChoice,
    output: Path,
    *,
    scale: int | None,
    seed: int,
    batch_size: int | None,
    device: str,
    dtype: str,
    tf32: bool = False,
    aligned: bool = False,
    overwrite: bool = False,
    limit: FailureLimit | None = None,
    retries: int = 0,
    timeout: float | None = None,
    advance: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Restored:
    """Restore pictures into `output`/<name>.png.

    Args:
        samples: From `find_pictures`.
        choice: The method.
        output: The folder; made where it is not there.
        scale: How many times larger the results must be; None: as the method likes.
        seed: Of the noise.
        batch_size: Pictures at a time, at most; None: as many as make it quickest.
        device: Where the method runs.
        dtype: What it computes in.
        tf32: Whether TF32 may stand in for float32.
        aligned: Whether the pictures are aligned faces, to be brought to 512 x 512 first.
        overwrite: Whether results that are there may be replaced.
        limit: When to give up; None: never.
        retries: How often a picture that failed is tried again.
        timeout: Seconds that a picture may take; None: as long as it likes.
        advance: Called as pictures are done.
        say: Told that Ctrl-C was heard, and that the batch in hand is finished first.

    Raises:
        RestobenchError: A result is already there and `overwrite` is off, the output cannot be
            written, or the method cannot be built, needs masks, or cannot be ended.
    """
    check_patience(retries, timeout)
    if timeout:
        refuse_time_limit(choice)
    targets = prepare_output(samples, choice, output, scale=scale, dtype=dtype, overwrite=overwrite)
    set_tf32(tf32)
    method = choice.build(device=device, dtype=dtype, scale=scale).method
    if aligned:
        if isinstance(method, FolderMethod):
            raise RestobenchError(f"'{choice.name}' restores folders of files as they are; leave --aligned out.")
        method = AtFaceSize(method)
    return restore_samples(
        method,
        samples,
        target=targets.__getitem__,
        scale=scale,
        seed=seed,
        batch_size=batch_size,
        device=device,
        limit=limit,
        retries=retries,
        timeout=timeout,
        advance=advance,
        say=say,
    )


class AtFaceSize:
    """A method for aligned faces that takes them in any size: brought to 512 x 512, bilinear, in 8 bits."""

    def __init__(self, method: Method) -> None:
        """Stand before `method`."""
        self._method = method

    def restore(self, lq: Tensor, noise: Noise, mask: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) -> what the method makes of (B, 3, 512, 512)."""
        faces = [to_tensor(resized(to_eight_bit(face), FACE_SIZE, FACE_SIZE).astype(np.uint8)) for face in lq]
        return self._method.restore(torch.stack(faces).to(lq.device), noise, mask)


def prepare_output(
    samples: Sequence[Sample], choice: MethodChoice, output: Path, *, scale: int | None, dtype: str, overwrite: bool
) -> dict[str, Path]:
    """Where each sample's result goes; the folder is there afterwards.

    Raises:
        RestobenchError: The method needs masks or works at another scale, the dtype is none, a result
            is already there and `overwrite` is off, or would replace its own input, or the folder
            cannot be written.
    """
    if choice.card.needs_mask:
        raise RestobenchError(f"'{choice.name}' needs a mask for every picture: make a data set folder with mask/.")
    if dtype not in DTYPES:
        raise RestobenchError(f"--dtype must be one of {', '.join(DTYPES)}, not {dtype!r}.")
    if reason := choice.misfit(task=None, scale=scale, has_mask=False):
        raise RestobenchError(f"'{choice.name}' cannot run: {reason}.")
    targets = {sample.id: output / f"{sample.id}.png" for sample in samples}
    inputs = {sample.lq.resolve() for sample in samples if sample.lq}
    if clash := next((path for path in targets.values() if path.resolve() in inputs), None):
        raise RestobenchError(f"{clash} is itself to be restored; choose another --output folder.")
    if not overwrite and (there := [path for path in targets.values() if path.exists()]):
        raise RestobenchError(
            f"{there[0]} is already there ({len(there)} of {len(targets)}); say --overwrite, "
            "or choose another --output folder."
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RestobenchError(f"The folder {output} cannot be written: {error.strerror}.") from None
    return targets
