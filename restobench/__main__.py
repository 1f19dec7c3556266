"""`restobench`, also as `python -m restobench`."""

import sys

from restobench.errors import RestobenchError


def main() -> None:
    """Run the command line; what the user can put right ends with one message and exit code 2."""
    from restobench.cli.app import app

    try:
        app(prog_name="restobench")
    except RestobenchError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nInterrupted. What was done is kept; the same command goes on from there.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
