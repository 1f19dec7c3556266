"""What `restobench --help` costs beside importing torch: processor seconds of the whole process.

    .venv/bin/python benchmarks/start_up.py [ROUNDS]

The commands take turns, so that whatever else the machine does falls on all of them.
Processor time (user + system, children included) is told and not the wall clock's,
which a busy or a cold disk would blur. The first round warms the disk cache and is
thrown away. Asserts nothing.
"""

import os
import platform
import resource
import statistics
import subprocess
import sys

ROUNDS = 7
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "restobench --help": ("-m", "restobench", "--help"),
    "restobench methods list": ("-m", "restobench", "methods", "list"),
    "python -c 'import torch'": ("-c", "import torch"),
}
YARDSTICK = "python -c 'import torch'"


def processor_seconds(arguments: tuple[str, ...]) -> float:
    """User and system time that one Python process and its children take."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure in turn and print a Markdown table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seconds: dict[str, list[float]] = {command: [] for command in COMMANDS}
    for number in range(rounds + 1):
        for command, arguments in COMMANDS.items():
            taken = processor_seconds(arguments)
            if number > 0:
                seconds[command].append(taken)

    yardstick = statistics.median(seconds[YARDSTICK])
    print(f"python benchmarks/start_up.py {rounds}")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"Python {platform.python_version()}, {machine}\n")
    print("| command | processor seconds, median | least to most | of importing torch |")
    print("|---|---:|---:|---:|")
    for command, taken_by_it in seconds.items():
        median = statistics.median(taken_by_it)
        spread = f"{min(taken_by_it):.3f} to {max(taken_by_it):.3f}"
        print(f"| `{command}` | {median:.3f} | {spread} | {median / yardstick:.2f} |")


if __name__ == "__main__":
    main()
