"""The line under a number: what is written can be read, and what was changed is noticed."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restobench.errors import RestobenchError
from restobench.signature import Signature

EXAMPLE = Signature(
    data=("webphoto-test@2", "n407", "9f3c51aa02be"),
    metric=("musiq", "koniq10k", "w=e95806b91c40", "lib=pyiqa-0.1.16"),
    img=("png8", "512x512"),
    method=("interlcm@3step", "w=05c17e88d3aa", "tile=none", "fp16", "tf32=off"),
    seed=("0",),
)
BODY = (
    "restobench|v1|data:webphoto-test@2:n407:9f3c51aa02be"
    "|metric:musiq:koniq10k:w=e95806b91c40:lib=pyiqa-0.1.16|img:png8:512x512"
    "|method:interlcm@3step:w=05c17e88d3aa:tile=none:fp16:tf32=off|seed:0"
)

# Separators and escapes more often than chance would bring them, lone surrogates (file names) included.
texts = st.text(st.characters() | st.sampled_from("|:=% \n\t\x00é\udc80"), max_size=8)
parts = st.lists(texts, max_size=4).map(tuple)
signatures = st.builds(Signature, data=parts, metric=parts, img=parts, method=parts, seed=parts)


def test_the_line_is_as_it_was_agreed() -> None:
    """Fields in a fixed order, and a hash over all that stands before it."""
    assert str(EXAMPLE) == f"{BODY}|hash:{hashlib.sha256(BODY.encode()).hexdigest()[:12]}"


def test_a_copied_line_is_read_with_the_white_space_around_it() -> None:
    """It is made to be copied, from a table or from a terminal."""
    assert Signature.parse(f"  {EXAMPLE}\n") == EXAMPLE


@settings(deadline=None)
@given(signatures)
def test_what_is_written_can_be_read(signature: Signature) -> None:
    """Whatever a label, a setting or a file name holds, and on one line without blanks."""
    line = str(signature)

    assert Signature.parse(line) == signature
    assert len(line.split()) == 1
    assert line.count("|") == 7


@settings(deadline=None)
@given(signatures, signatures)
def test_two_signatures_never_share_a_line(one: Signature, other: Signature) -> None:
    """Else two numbers made differently could stand in one column."""
    assert (str(one) == str(other)) == (one == other)


def test_separators_in_a_value_are_percent_encoded() -> None:
    """The first `=` of a part ends its key; all else that separates is encoded."""
    line = str(replace(EXAMPLE, method=("mine", "path=a|b:c=d%e f")))

    assert "|method:mine:path=a%7Cb%3Ac%3Dd%25e%20f|" in line


def test_an_absent_part_and_an_empty_one_are_two_things() -> None:
    """An empty value is a value."""
    empty = replace(EXAMPLE, seed=("",))

    assert str(replace(EXAMPLE, seed=())) != str(empty)
    assert Signature.parse(str(empty)).seed == ("",)


@pytest.mark.parametrize(("old", "new"), [("n407", "n408"), ("tile=none", "tile=512"), ("|seed:0", "|seed:1")])
def test_a_line_that_was_edited_by_hand_is_noticed(old: str, new: str) -> None:
    """The hash stands for every character before it."""
    with pytest.raises(RestobenchError, match=r"was changed after it was written: its hash is '[0-9a-f]{12}' and"):
        Signature.parse(str(EXAMPLE).replace(old, new))


@pytest.mark.parametrize("line", ["", "22.36 dB", "restobench", "otherbench|v1|data"])
def test_what_is_no_signature_is_said_to_be_none(line: str) -> None:
    """The error says how one begins."""
    with pytest.raises(RestobenchError, match=r"is no signature; one begins with 'restobench\|v1\|'"):
        Signature.parse(line)


def test_another_version_of_the_grammar_is_not_guessed_at() -> None:
    """Its fields may mean something else."""
    with pytest.raises(RestobenchError, match=r"is a signature of version 'v2'; this restobench reads v1\."):
        Signature.parse(str(EXAMPLE).replace("|v1|", "|v2|"))


@pytest.mark.parametrize(
    "line",
    [str(EXAMPLE)[:60], BODY, str(EXAMPLE).replace("|seed:0", ""), f"{EXAMPLE}|more:1"],
    ids=["cut off", "without hash", "a field less", "a field more"],
)
def test_a_line_with_other_fields_is_refused(line: str) -> None:
    """Most often it was not copied whole."""
    with pytest.raises(RestobenchError, match=r"a signature has data, metric, img, method, seed and hash\. Copy"):
        Signature.parse(line)


def test_codes_that_are_no_text_are_refused() -> None:
    """A line can be forged with a right hash; it still must not end in a traceback."""
    body = BODY.replace("|seed:0", "|seed:%FF%FE")
    forged = f"{body}|hash:{hashlib.sha256(body.encode()).hexdigest()[:12]}"

    with pytest.raises(RestobenchError, match="its %-codes are no text"):
        Signature.parse(forged)
