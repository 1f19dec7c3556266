"""`figure`: from runs to a file, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, Restobench, is_a_sentence


@pytest.fixture
def shown(restobench: Restobench, make_pairs: Callable[..., Path]) -> Callable[..., Ran]:
    """The command with what it always needs, where `bicubic` ran on three pictures."""
    pairs = make_pairs()
    assert restobench("run", "--method", "bicubic", "--dataset", pairs, "--metrics", "psnr").code == 0

    def figure(*more: object, samples: str = "a,b", methods: str = "bicubic", output: str = "figure.pdf") -> Ran:
        chosen = ("--samples", samples, "--methods", methods, "--output", output)
        return restobench("figure", "--dataset", pairs, *chosen, *more)

    return figure


def test_a_figure_is_drawn_of_stored_pictures(shown: Callable[..., Ran]) -> None:
    """And how much crops were enlarged is said, for the caption."""
    ran = shown("--crop", "4,4,8,8", "--crop", "b:0,0,17,9", "--metric", "psnr", "--label", "bicubic=Ours")

    assert (ran.code, ran.out) == (0, "figure.pdf (crops enlarged: a x4, b x2)\n")
    assert Path("figure.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        (("--crop", "1,2,3"), {}, "--crop wants x,y,width,height"),
        (("--crop", "30,0,9,9"), {}, "leaves the picture of 'a', which is 34 x 26 pixels"),
        (("--crop", "z:1,1,3,3"), {}, "which --samples does not name"),
        (("--zoom", "9", "--crop", "0,0,9,9"), {}, "it can be 3 at most"),
        (("--label", "ours=Ours"), {}, "--label names 'ours', which is not shown"),
        (("--metric", "pnsr"), {}, "No metric is called 'pnsr'"),
        (("--metric", "ssim"), {}, "'restobench evaluate bicubic:pairs --metrics ssim'"),
        (("--where", "steps=4"), {}, "chooses no run: say method, variant, seed, key or setting:steps"),
        (("--width", "wide"), {}, "--width wants inches, 'column' or 'page'"),
        ((), {"samples": "aa"}, "No sample of 'pairs' is called 'aa'. Did you mean 'a'"),
        ((), {"samples": ","}, "Say --samples NAME,NAME"),
        ((), {"methods": "lanczos"}, "No run on 'pairs' in"),
        ((), {"output": "figure.jpg"}, "must end with .pdf, .svg or .png"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(
    shown: Callable[..., Ran], arguments: tuple[str, ...], given: dict[str, str], words: str
) -> None:
    """With what was wrong and what would be right."""
    assert is_a_sentence(shown(*arguments, **given), words)
    assert not list(Path().glob("figure*"))
