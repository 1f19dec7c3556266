"""`restobench`, also as `python -m restobench`."""

import os
import signal
import sys

from restobench.errors import RestobenchError
from restobench.files import writing
from restobench.terminal import shown

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; what the user can put right ends with one message and exit code 2."""
    # Told to end, end as with Ctrl-C: the programs that were started end too, and what they made is kept.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
            signal.signal(number, signal.default_int_handler)
    with shown():
        _run()


def _run() -> None:
    try:
        from restobench.cli.app import app

        with writing():
            app(prog_name="restobench")
            sys.stdout.flush()
    except RestobenchError as error:
        print(error, file=sys.stderr)
        _forget_what_cannot_be_printed()
        sys.exit(2)
    except SystemExit as ended:
        # Typer ends so on Ctrl-C, without a word.
        if ended.code == _INTERRUPTED:
            _say_interrupted()
        raise
    except KeyboardInterrupt:  # before Typer was at it
        _say_interrupted()
        sys.exit(_INTERRUPTED)


def _say_interrupted() -> None:
    print("\nInterrupted. What was finished is kept; the same command does the rest.", file=sys.stderr)


def _forget_what_cannot_be_printed() -> None:
    """Text that a full disk refused stands in the buffer; Python would try again as it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
