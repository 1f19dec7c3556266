"""The file that users paste into their own repository, by itself."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

WORKER = Path(__file__).resolve().parents[2] / "methods" / "restobench_methods" / "command" / "worker.py"
SOURCE = WORKER.read_text(encoding="utf-8")


def served(tmp_path: Path, body: str, *requests: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """The messages of a worker whose function has this body, and what it wrote to standard error.

    `-I -S`: the standard library, and nothing that is installed.
    """
    (tmp_path / "restobench_worker.py").write_text(SOURCE)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from restobench_worker import serve\n"
        f"def restore_file(input, output, seed, scale):\n    {body}\n"
        "serve(restore_file)\n"
    )
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def request(name: str) -> dict[str, Any]:
    return {"id": name, "input": "/in.png", "output": "/out.png", "seed": 7, "scale": None}


def test_it_is_small_and_needs_an_old_python_only() -> None:
    """At most 60 lines of standard library that Python 3.8 can read."""
    tree = ast.parse(SOURCE, feature_version=(3, 8))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert len(SOURCE.splitlines()) <= 60
    assert names <= sys.stdlib_module_names
    # `int | None` and `dict[str, object]` are newer than 3.8, but never computed.
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    assert {type(node) for node in ast.walk(tree)}.isdisjoint({ast.Match, ast.TryStar})


def test_it_says_that_it_is_ready_and_answers_each_line(tmp_path: Path) -> None:
    """In order, with the id that it was asked for and its own seconds."""
    (ready, *answers), _ = served(tmp_path, "pass", request("a"), request("sub/\udce4 \u65e5"))

    assert ready == {"ready": 1, "python": ".".join(map(str, sys.version_info[:3])), "torch": None}
    assert [answer["id"] for answer in answers] == ["a", "sub/\udce4 \u65e5"]
    assert all(answer["ok"] is True and 0 <= answer["seconds"] < 60 for answer in answers)


def test_what_is_printed_does_not_get_between_the_answers(tmp_path: Path) -> None:
    """Neither by Python, nor by a library in C, nor by a child."""
    body = "import os; print('one'); os.write(1, b'two\\n'); os.system('echo three'); print(input)"

    messages, said = served(tmp_path, body, request("a"))

    assert [set(message) for message in messages] == [{"ready", "python", "torch"}, {"id", "ok", "seconds"}]
    assert {"one", "two", "three", "/in.png"} <= set(said.splitlines())


def test_what_reads_standard_input_gets_nothing(tmp_path: Path) -> None:
    """A forgotten prompt must not eat the next request."""
    messages, _ = served(tmp_path, "import sys; assert sys.stdin.read() == ''", request("a"), request("b"))

    assert [message.get("ok") for message in messages] == [None, True, True]


def test_an_exception_is_the_answer_and_the_next_line_is_read(tmp_path: Path) -> None:
    """Also where the program would have exited."""
    (_, *answers), said = served(tmp_path, "import sys; sys.exit('no face')", request("a"), request("b"))

    assert [(answer["ok"], answer["error"]) for answer in answers] == [(False, "SystemExit: no face")] * 2
    assert "Traceback" in said
