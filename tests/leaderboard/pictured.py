"""Runs with pictures and values of each sample, on a folder of pairs: what a site is made of."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from restobench.cache import Cache
from restobench.dataset import open_dataset
from restobench.files import write_json
from restobench.signature import Signature
from restobench.statistics import mean_interval
from restobench.store import RunFolder, RunIdentity
from tests.conftest import picture

HOSTILE = "<img src=x onerror=alert(1)>"
IDS = ("a", f"b {HOSTILE}", "c", "d", "e")
PSNR = np.array([21.5, 30.25, 24.75, 27.0, 22.0])
LPIPS = np.array([0.5, 0.125, 0.25, 0.375, 0.4375])
SECRET = "made by eve on eve's machine"


def pairs(folder: Path, ids: Sequence[str] = IDS) -> Path:
    """A data set: clean pictures of 40 x 24, inputs half as wide and high."""
    for number, name in enumerate(ids):
        clean = Image.fromarray(picture(number, 24, 40))
        for part, one in (("gt", clean), ("lq", clean.resize((20, 12)))):
            path = folder / part / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            one.save(path)
    return folder


def pictured(
    runs: Path,
    dataset: Path,
    label: str,
    *,
    better: float = 0.0,
    ids: Sequence[str] = IDS,
    settings: dict[str, Any] | None = None,
    seed: int | None = None,
    **run: Any,
) -> RunFolder:
    """A complete run whose values are `better` than the usual ones; its PNGs hold text that nobody is to see."""
    opened = open_dataset(dataset)
    described = {**opened.describe(), "fingerprint": opened.fingerprint(Cache())}
    determinants = {"method": label, "seed": seed, "settings": settings or {}, "dataset": described["fingerprint"]}
    folder = RunIdentity(opened.name, label, "default", determinants, "a" * 64).folder(runs)
    folder.write_run(
        {
            "label": label,
            "variant": "default",
            "demonstration": False,
            "dataset": described,
            "determinants": determinants,
            "samples": {"total": len(ids), "restored": len(ids), "failed": {}, "limit": None},
            "finished": "2026-01-01T00:00:00+00:00",
            "sessions": [],
            **run,
        }
    )
    hidden = PngInfo()
    hidden.add_text("Author", SECRET)
    folder.pictures.mkdir(parents=True)
    for number, name in enumerate(ids):
        Image.fromarray(picture(number, 24, 40) // 2 + 40).save(folder.picture(name), pnginfo=hidden)
    turns = -(-len(ids) // len(PSNR))
    values = {
        "psnr": np.tile(PSNR, turns)[: len(ids)] + better,
        "lpips-alex": np.tile(LPIPS, turns)[: len(ids)] + better / 100 * np.tile([1, -1], len(ids))[: len(ids)],
    }
    pd.DataFrame(
        {"id": ids, "group": ids, "tag:kind": ["blur", "noise", *["blur"] * (len(ids) - 2)], **values}
    ).to_parquet(folder.samples_path, index=False)
    rows = []
    for metric, column in values.items():
        interval = mean_interval(column, ids, resamples=99)
        signature = Signature(("pairs@folder",), (metric, "rev=1"), ("png8", "x2"), (label,), (str(seed),))
        rows.append(asdict(interval) | {"metric": metric, "signature": str(signature)})
    write_json(folder.summary_path, rows)
    folder.write_timing(dict.fromkeys(ids, 0.01 + abs(better)))
    return folder
