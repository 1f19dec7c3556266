"""Signatures in words: what differs, and how far that moves a number."""

import math
from dataclasses import replace

import pytest

from restobench.explain import alternatives, differences, parts_of
from restobench.sensitivity import read_table, sensitivity_table, write_table
from restobench.signature import Signature

PSNR = Signature(
    data=("demo@1", "n24", "b9cc04728daa"),
    metric=("psnr", "rev=1", "border=0", "colour=rgb"),
    img=("png8", "x4"),
    method=("bicubic@default", "device=cpu", "dtype=float32", "tf32=off"),
    seed=("0",),
)
MATLAB = replace(PSNR, metric=("psnr-y", "rev=1", "border=0", "colour=y-bt601-matlab", "rounded=false"))
YIQ = replace(PSNR, metric=("psnr-yiq", "rev=1", "border=0", "colour=y-yiq", "rounded=false"))


def test_equal_signatures_differ_in_nothing() -> None:
    """The two numbers were made alike."""
    assert differences(PSNR, PSNR) == []


def test_matlab_s_luma_is_1_322_db_above_yiq_s_on_any_picture() -> None:
    """20 log10(255 / 219): the first rule of attribution, and a check of the measured table."""
    (found,) = differences(YIQ, MATLAB)

    assert (found.field, found.key, found.first, found.second) == ("metric", "colour", "y-yiq", "y-bt601-matlab")
    assert found.move == pytest.approx(20 * math.log10(255 / 219), abs=2e-5)


def test_turned_round_the_move_has_the_other_sign() -> None:
    """From the first to the second."""
    there = next(one for one in differences(PSNR, MATLAB) if one.key == "colour")
    back = next(one for one in differences(MATLAB, PSNR) if one.key == "colour")

    assert there.move is not None
    assert back.move == -there.move


def test_every_field_that_differs_is_named_in_the_order_of_the_line() -> None:
    """What nobody measured has no number."""
    other = Signature(
        data=("demo@2", "n23", "b9cc04728daa"),
        metric=("psnr", "rev=1", "border=4", "colour=rgb", "lib=piq-0.8"),
        img=("jpeg95", "x4"),
        method=("bicubic@default", "device=cuda", "dtype=float32", "tf32=on"),
        seed=("1",),
    )

    found = differences(PSNR, other)

    assert [(one.field, one.key) for one in found] == [
        ("data", "set"), ("data", "samples"), ("metric", "border"), ("metric", "lib"),
        ("img", "format"), ("method", "device"), ("method", "tf32"), ("seed", "seed"),
    ]  # fmt: skip
    assert [one.key for one in found if one.move is not None] == ["border", "format"]


def test_two_metrics_have_no_move_between_them() -> None:
    """The border of an SSIM says nothing of a PSNR."""
    found = differences(PSNR, replace(PSNR, metric=("ssim", "rev=1", "border=4", "colour=rgb")))

    assert [(one.key, one.move) for one in found] == [("name", None), ("border", None)]


def test_several_weights_are_told_apart() -> None:
    """A method of parts has `w=` several times."""
    one = replace(PSNR, method=("m@v", "w=unet-aaa", "w=vae-bbb"))
    other = replace(PSNR, method=("m@v", "w=unet-aaa", "w=vae-ccc"))

    (found,) = differences(one, other)

    assert (found.key, found.first, found.second) == ("w", "vae-bbb", "vae-ccc")


def test_each_part_has_a_meaning() -> None:
    """None is left as letters."""
    assert all(part.meaning for part in parts_of(MATLAB))
    assert {part.key for part in parts_of(PSNR)} >= {"set", "samples", "border", "format", "tf32", "seed"}


def test_the_table_is_read_as_it_is_written() -> None:
    """What is measured again replaces the file as it is printed."""
    table = sensitivity_table()

    assert read_table(write_table(table)) == table


def test_the_shipped_table_is_of_the_whole_demo_set() -> None:
    """And has what papers do differently, with intervals; the largest move first."""
    table = sensitivity_table()

    assert (table.data, table.n, table.fingerprint) == ("demo@1", 24, "b9cc04728daa")
    keys = {(choice.key, choice.value) for choice in table.choices}
    assert keys >= {("border", "2"), ("border", "4"), ("colour", "y-yiq"), ("colour", "y-bt601-matlab"),
                    ("rounded", "true"), ("channels", "mean"), ("pictures", "pooled"), ("window", "uniform-7"),
                    ("data_range", "1/255"), ("format", "jpeg95"), ("format", "jpeg75"), ("shift", "1")}  # fmt: skip
    moves = [abs(one.move) for one in alternatives(PSNR)]
    assert moves == sorted(moves, reverse=True)


def test_a_choice_that_was_made_already_is_no_alternative() -> None:
    """Of a luma it is RGB; of a number without its border nothing was measured for another border."""
    luma = alternatives(MATLAB)
    cropped = alternatives(replace(PSNR, metric=("psnr", "rev=1", "border=4", "colour=rgb")))

    assert "RGB instead of MATLAB's luma" in [one.text for one in luma]
    assert not [one.text for one in cropped if "border" in one.text]
    assert [one.text for one in alternatives(PSNR) if "border" in one.text]
