import gc
import math
import os
import threading
import time
from pathlib import Path

import numpy as np

from restobench.cache import Cache
from restobench.files import sha256_of


def test_values_are_kept_bit_for_bit(tmp_path: Path) -> None:
    """A number from the cache is the number that was worked out."""
    values = {("a", "b"): 0.1 + 0.2, ("c", ""): math.inf, ("d", "e"): 31.000000000000004}
    Cache(tmp_path).keep("psnr@1", values)

    assert Cache(tmp_path).values("psnr@1", [*values, ("x", "y")]) == values


def test_another_metric_or_another_picture_has_no_value(tmp_path: Path) -> None:
    """A changed definition is another metric."""
    cache = Cache(tmp_path)
    cache.keep("psnr@1", {("a", "b"): 1.0})

    assert cache.values("psnr@2", [("a", "b")]) == {}
    assert cache.values("psnr@1", [("b", "a")]) == {}


def test_not_a_number_is_not_kept(tmp_path: Path) -> None:
    """It would be taken for a value for ever."""
    cache = Cache(tmp_path)
    cache.keep("psnr@1", {("a", "b"): math.nan})

    assert cache.values("psnr@1", [("a", "b")]) == {}


def test_features_are_kept_by_kind_and_picture(tmp_path: Path) -> None:
    """Bit for bit; those of other weights are others."""
    vectors = {name: np.random.default_rng(number).random(2048, np.float32) for number, name in enumerate("ab")}
    Cache(tmp_path).keep_features("inception:w=1", vectors)

    found = Cache(tmp_path).features("inception:w=1", ["a", "b", "c", "a"])

    assert found.keys() == {"a", "b"}
    assert all(np.array_equal(found[name], vectors[name]) for name in found)
    assert Cache(tmp_path).features("inception:w=2", ["a"]) == {}


def test_a_file_that_changed_is_hashed_again(tmp_path: Path) -> None:
    """Also when its size stays and only its time moves."""
    file = tmp_path / "x"
    file.write_bytes(b"one")
    long_ago = time.time() - 100
    os.utime(file, (long_ago, long_ago))
    cache = Cache(tmp_path / "home")
    first = cache.hashes([file])[file]

    file.write_bytes(b"two")
    os.utime(file, (long_ago + 50, long_ago + 50))

    assert first != cache.hashes([file])[file] == sha256_of(file)


def test_a_file_changed_just_now_is_not_trusted(tmp_path: Path) -> None:
    """Two writes within a clock tick leave the same time and, here, the same size."""
    file = tmp_path / "x"
    cache = Cache(tmp_path / "home")
    for content in (b"one", b"two", b"six"):
        file.write_bytes(content)
        os.utime(file, (time.time(), 1_000_000_000 + time.time()))
        assert cache.hashes([file])[file] == sha256_of(file)


def test_any_thread_may_be_the_one_that_drops_it(tmp_path: Path) -> None:
    """Garbage is collected wherever Python happens to be."""
    caches = [Cache(tmp_path)]

    dropping = threading.Thread(target=caches.clear)
    dropping.start()
    dropping.join()
    gc.collect()

    assert Cache(tmp_path).values("psnr@1", [("a", "b")]) == {}


def test_a_home_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    """The cache then lives in memory."""
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file")

    cache.keep("psnr@1", {("a", "b"): 1.0})

    assert cache.values("psnr@1", [("a", "b")]) == {("a", "b"): 1.0}
