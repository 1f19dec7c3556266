"""Pictures in, pictures out: no data set, no run, no scores."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path

from restobench.dataset import Sample
from restobench.errors import RestobenchError
from restobench.image import is_picture
from restobench.method import DTYPES, MethodChoice
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
    batch_size: int,
    device: str,
    dtype: str,
    tf32: bool = False,
    overwrite: bool = False,
    limit: FailureLimit | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> Restored:
    """Restore pictures into `output`/<name>.png.

    Raises:
        RestobenchError: A result is already there and `overwrite` is off, the output cannot be
            written, or the method cannot be built or needs masks.
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
    set_tf32(tf32)
    built = choice.build(device=device, dtype=dtype, scale=scale)
    return restore_samples(
        built.method,
        samples,
        target=targets.__getitem__,
        scale=scale,
        seed=seed,
        batch_size=batch_size,
        device=device,
        limit=limit,
        advance=advance,
    )
