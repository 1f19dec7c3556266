"""Pairs to train on from clean pictures: the preparation and degradation of ResShift's tasks.

Yue, Wang, Loy (NeurIPS 2023; arXiv:2307.12348) and its journal version (arXiv:2403.07319). Two
places do the work. A data loader's worker prepares one picture, (H, W, 3) arrays, with
generators of that picture's own (`Generators.of_sample(seed, f"{epoch}/{name}")`), so that a
pair depends on neither the worker nor the batch. It is then complete, except for `realsr`,
whose chain a batch shares: its pictures come with their kernels, and the batch is degraded as
tensors, on the device.

    in the worker:      training_pair(task, ...) -> pair_batch         realsr_picture(...) -> realsr_batch
    in the loop:        nothing                                        degraded_realsr(batch, ..., pool)
    what is trained on: PairBatch                                      PairBatch
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import cv2
import numpy as np
import torch
from torch import Tensor

from restobench.degradations.augment import (
    TURNS,
    area_resized,
    cut_at_random,
    mirrored_at_random,
    padded_to,
    shortest_side_to,
    turned,
)
from restobench.degradations.distortion import distorted, draw_distortion
from restobench.degradations.face import degrade_for_training
from restobench.degradations.generators import Generators
from restobench.degradations.masks import draw_mask
from restobench.degradations.pool import PairPool
from restobench.degradations.real_esrgan import (
    KernelBatch,
    Kernels,
    RealEsrgan,
    degrade_with,
    draw_choices,
    draw_kernels,
    kernel_batch,
)
from restobench.degradations.recipes import FACE_RECIPES, REAL_ESRGAN_TRAINING
from restobench.degradations.resize import resized_antialiased
from restobench.errors import RestobenchError, unknown_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    CleanPicture = NDArray[np.uint8] | Floats

TrainingTask = Literal["realsr", "bicsr", "faceir", "inpaint-imagenet", "inpaint-face"]
TRAINING_TASKS: tuple[TrainingTask, ...] = get_args(TrainingTask)

SIDES: Mapping[TrainingTask, int] = MappingProxyType(
    {"realsr": 256, "bicsr": 256, "faceir": 512, "inpaint-imagenet": 256, "inpaint-face": 256}
)
"""Of the clean pictures, as published, in pixels."""

BICUBIC_SCALE = 4
"""How many times smaller `bicsr`'s degraded pictures are."""


class TrainingPair(NamedTuple):
    """A picture's pair; arrays of shape (height, width, channels), float32, sRGB."""

    lq: Floats
    """In [0, 1]; of `bicsr` a little beyond, as its filter overshoots."""
    gt: Floats
    """In [0, 1]."""
    mask: Floats | None = None
    """One channel, 1 in the hole and 0 elsewhere; there lq is 0 (black: -1 where pictures are in [-1, 1])."""


class PairBatch(NamedTuple):
    """What a training step takes: float32, ranges as in `TrainingPair`."""

    lq: Tensor
    """(B, 3, h, w)."""
    gt: Tensor
    """(B, 3, H, W)."""
    mask: Tensor | None = None
    """(B, 1, H, W)."""


class RealsrPicture(NamedTuple):
    """A prepared clean picture (H, W, 3), float32, sRGB in [0, 1], and the kernels drawn for it."""

    gt: Floats
    kernels: Kernels


class RealsrBatch(NamedTuple):
    """Such pictures, (B, 3, H, W), and their kernels' values: all that has to reach the device."""

    gt: Tensor
    kernels: KernelBatch


def training_pair(
    task: TrainingTask, picture: CleanPicture, generators: Generators, *, side: int | None = None
) -> TrainingPair:
    """A clean picture's pair, for every task but `realsr`.

    Args:
        task: `bicsr`: the shorter side to 256 (cubic), a random square, shrunk four times with
            antialiasing, both in one of eight positions. `faceir`: mirrored or not, then the face
            papers' chain. `inpaint-imagenet`: distorted in LaMa's manner, then a hole.
            `inpaint-face`: as it is, with a hole.
        picture: (H, W, 3), sRGB, of 8 bits or float32 in [0, 1]; of the face tasks a square of `side`.
        generators: The picture's own.
        side: Of the clean picture of the pair, in pixels; None: as published (`SIDES`).

    Raises:
        RestobenchError: No such task, or one that degrades whole batches; the picture is no such
            array, or not of the size that the task wants.
    """
    makers = {"bicsr": _bicsr, "faceir": _faceir, "inpaint-imagenet": _inpaint_imagenet, "inpaint-face": _inpaint_face}
    if task == "realsr":
        raise RestobenchError(
            "Pictures for 'realsr' are degraded as a batch: prepare them with realsr_picture, then degraded_realsr."
        )
    if task not in makers:
        raise unknown_name("training task", task, TRAINING_TASKS)
    return makers[task](_floats(picture), generators, side or SIDES[task])


def pair_batch(pairs: Sequence[TrainingPair]) -> PairBatch:
    """A batch of pairs as tensors: a data loader's `collate_fn`.

    Raises:
        RestobenchError: The pairs have several sizes.
    """
    masks = [pair.mask for pair in pairs if pair.mask is not None]
    return PairBatch(
        _stacked([pair.lq for pair in pairs]), _stacked([pair.gt for pair in pairs]), _stacked(masks) if masks else None
    )


def realsr_picture(
    picture: CleanPicture,
    generators: Generators,
    *,
    side: int = SIDES["realsr"],
    crop: int | None = None,
    recipe: RealEsrgan = REAL_ESRGAN_TRAINING,
) -> RealsrPicture:
    """Prepare a clean picture for the Real-ESRGAN chain, and draw its kernels.

    Draws: mirrored or not, top and left of the square where there is a choice (python), the
    kernels (python and numpy).

    Args:
        picture: (H, W, 3), sRGB, of 8 bits or float32 in [0, 1]; mirrored as often as it takes
            where it is too small.
        generators: The picture's own.
        side: Of the clean picture in the end, in pixels.
        crop: None, as published: a square of the picture's shorter side, or of `side` where that
            is longer, resized to `side` (area). A number: a square of so many pixels (300 in
            programs before), from which `degraded_realsr` cuts one of `side`.
        recipe: What the kernels are drawn by.

    Raises:
        RestobenchError: The picture is no such array.
    """
    gt = mirrored_at_random(_floats(picture), generators.python)
    square = crop or max(min(gt.shape[:2]), side)
    gt = cut_at_random(padded_to(gt, square), square, generators.python)
    if crop is None:
        gt = area_resized(gt, side)
    return RealsrPicture(gt, draw_kernels(recipe, generators))


def realsr_batch(pictures: Sequence[RealsrPicture]) -> RealsrBatch:
    """Prepared pictures as tensors: a data loader's `collate_fn`.

    Raises:
        RestobenchError: The pictures have several sizes.
    """
    return RealsrBatch(
        _stacked([picture.gt for picture in pictures]), kernel_batch([picture.kernels for picture in pictures])
    )


def degraded_realsr(
    batch: RealsrBatch,
    generators: Generators,
    *,
    side: int | None = None,
    pool: PairPool | None = None,
    recipe: RealEsrgan = REAL_ESRGAN_TRAINING,
) -> PairBatch:
    """Degrade a batch where it is, cut both pictures alike, and mix it with earlier ones.

    Draws: the batch's choices, then top and left where there is something to cut (python); levels
    and noise, then the pool's order (torch).

    Args:
        batch: On any device.
        generators: The training's, not a picture's; that of torch may be on the batch's device.
        side: Of the clean pictures in the end, in pixels, where they were prepared with a larger
            `crop`; None: nothing is cut.
        pool: Earlier pairs; None: the batch stays together.
        recipe: That of the kernels.

    Raises:
        RestobenchError: The batch is smaller than `side`, or as `degrade_with` and `PairPool.exchange` do.
    """
    choices = draw_choices(recipe, generators.python)
    lq = degrade_with(batch.gt, batch.kernels, choices, recipe, generators.torch).lq
    lq, gt = _cut_alike(lq, batch.gt, side or batch.gt.shape[-1], recipe.scale, generators.python)
    return PairBatch(*pool.exchange(lq, gt, generators.torch)) if pool else PairBatch(lq, gt)


def _bicsr(picture: Floats, generators: Generators, side: int) -> TrainingPair:
    if side % BICUBIC_SCALE:
        raise RestobenchError(f"A clean picture of {side} pixels cannot be made {BICUBIC_SCALE} times smaller exactly.")
    python = generators.python
    gt = cut_at_random(shortest_side_to(picture, side, cv2.INTER_CUBIC), side, python)
    lq = resized_antialiased(_tensor(gt)[None], 1 / BICUBIC_SCALE)[0].permute(1, 2, 0).numpy()
    turn = python.randrange(TURNS)
    return TrainingPair(turned(lq, turn), turned(gt, turn))


def _faceir(picture: Floats, generators: Generators, side: int) -> TrainingPair:
    _check_face(picture, side)
    recipe = FACE_RECIPES["resshift-faceir"]
    degraded = degrade_for_training(mirrored_at_random(picture, generators.python), recipe, generators)
    return TrainingPair(degraded.lq, degraded.gt)


def _inpaint_imagenet(picture: Floats, generators: Generators, side: int) -> TrainingPair:
    return _with_hole(distorted(picture, draw_distortion(generators.python), side), generators)


def _inpaint_face(picture: Floats, generators: Generators, side: int) -> TrainingPair:
    _check_face(picture, side)
    return _with_hole(picture, generators)


def _with_hole(gt: Floats, generators: Generators) -> TrainingPair:
    # A mask is drawn by NumPy's new generator, which the triple need not hold.
    draw = np.random.Generator(np.random.Philox(key=generators.python.getrandbits(128)))
    height, width = gt.shape[:2]
    mask = draw_mask(height, width, draw)[..., None].astype(np.float32)
    return TrainingPair(gt * (1 - mask), gt, mask)


def _cut_alike(lq: Tensor, gt: Tensor, side: int, scale: int, python: random.Random) -> tuple[Tensor, Tensor]:
    """One square for the whole batch, of `side` in the clean pictures, at the same place in both."""
    if gt.shape[-1] == side:
        return lq, gt
    choices = lq.shape[-1] - side // scale
    if choices < 0:
        raise RestobenchError(f"Pictures of {gt.shape[-1]} pixels cannot be cut to {side}; prepare larger ones.")
    top, left = python.randint(0, choices), python.randint(0, choices)
    small = lq[..., top : top + side // scale, left : left + side // scale]
    return small, gt[..., scale * top : scale * top + side, scale * left : scale * left + side]


def _floats(picture: CleanPicture) -> Floats:
    """In [0, 1]."""
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype not in (np.uint8, np.float32):
        raise RestobenchError(
            "A training picture has shape (height, width, 3), and 8 bits or float32 in [0, 1]; this one is "
            f"{picture.dtype} of {picture.shape}."
        )
    return picture.astype(np.float32) / np.float32(255) if picture.dtype == np.uint8 else picture.astype(np.float32)


def _check_face(picture: Floats, side: int) -> None:
    height, width = picture.shape[:2]
    if (height, width) != (side, side):
        raise RestobenchError(
            f"A face to train on is aligned and has {side} x {side} pixels; this picture has {width} x {height}."
        )


def _tensor(picture: Floats) -> Tensor:
    """(H, W, C) -> (C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


def _stacked(pictures: Sequence[Floats]) -> Tensor:
    sizes = sorted({f"{picture.shape[1]} x {picture.shape[0]}" for picture in pictures})
    if len(sizes) > 1:
        raise RestobenchError(f"The pictures of one batch must have one size, and these have {', '.join(sizes)}.")
    return torch.stack([_tensor(picture) for picture in pictures])
