"""The one error that is for the user: a sentence that says what, where and what to do.

The command line prints it without a traceback and exits with 2. Whatever is not
a RestobenchError is a fault of ours and keeps its traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class RestobenchError(Exception):
    """Something the user can put right. Its text is printed as it stands."""


def unknown_name(kind: str, name: str, known: Iterable[str], hint: str = "") -> RestobenchError:
    """The error for a name that is not known: the nearest names, then all of them.

    Args:
        kind: What was asked for: "method", "data set", "metric".
        name: What the user wrote.
        known: Every name that would have been right.
        hint: A last sentence, where there is more to try.
    """
    names = sorted(set(known))
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    question = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    listing = f"\nKnown: {', '.join(names)}." if names else ""
    return RestobenchError(f"No {kind} is called {name!r}.{question}{listing}" + (f"\n{hint}" if hint else ""))


def in_words(error: BaseException | None) -> str:
    """An error as a failure's text: ours as it stands, any other with its kind."""
    return str(error) if isinstance(error, RestobenchError) else f"{type(error).__name__}: {error}"
