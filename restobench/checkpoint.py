"""Reading a file of weights without running anything that it holds.

A `.pth` file is a pickle, and a pickle may call whatever it likes. Only tensors and plain
containers are let in; TorchScript, which is a program, is not.
"""

from __future__ import annotations

import pickletools
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from restobench.errors import RestobenchError
from restobench.files import is_web_page

_PICKLE_BYTES = 2**24
"""How much of a refused file is searched for calls; a length that lies about the rest then asks for no memory."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU: a state dict, or a mapping with one inside.

    `.safetensors` is read as such and anything else as PyTorch's format, old or new.

    Raises:
        RestobenchError: The file is not there, is no checkpoint, is damaged, would run code,
            or holds something other than a mapping from names.
    """
    _refuse_what_is_plainly_no_checkpoint(path)
    content = _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read_torch(path)
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise RestobenchError(
            f"{path} holds a {type(content).__name__} and no tensors by name; a checkpoint with a state dict is wanted."
        )
    return content


def _refuse_what_is_plainly_no_checkpoint(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except FileNotFoundError:
        raise RestobenchError(f"The checkpoint {path} does not exist.") from None
    except IsADirectoryError:
        raise RestobenchError(f"{path} is a folder; name the checkpoint file in it.") from None
    except OSError as error:
        raise RestobenchError(f"The checkpoint {path} cannot be read: {error.strerror}.") from None
    if not start:
        raise RestobenchError(f"The checkpoint {path} is empty; get it again.")
    if start.startswith(b"version https://git-lfs"):
        raise RestobenchError(
            f"{path} is a Git LFS pointer and not the checkpoint itself; run 'git lfs pull' beside it."
        )
    if is_web_page(start):
        raise RestobenchError(
            f"{path} is a web page that was saved under a checkpoint's name; open its address in a browser and "
            "get the file itself."
        )


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path, device="cpu")
    except SafetensorError as error:
        raise RestobenchError(
            f"{path} is not a safetensors file, or is damaged or cut off ({error}); get it again."
        ) from error


def _read_torch(path: Path) -> Any:
    with warnings.catch_warnings():
        # Of the pickle's protocol, of TorchScript: what matters of them is in the error's text.
        warnings.simplefilter("ignore")
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file makes PyTorch raise anything: KeyError, EOFError, RuntimeError
            raise _refusal(path, str(error)) from error


def _refusal(path: Path, reason: str) -> RestobenchError:
    """Why PyTorch did not open the file; its own advice, to open it all the same, is left out."""
    if "TorchScript" in reason:
        return RestobenchError(
            f"{path} is a TorchScript program, which would run code, so it was not opened; "
            "get the checkpoint that it was made from."
        )
    named = re.search(r"GLOBAL ([\w.]+)", reason)
    if named or _calls_something(path):
        what = f" (it calls {named[1]})" if named else ""
        return RestobenchError(
            f"{path} would run code when it is opened{what}, so it was not opened; "
            "get it as .safetensors, or as a file that holds tensors alone."
        )
    return RestobenchError(f"{path} is not a checkpoint, or is damaged or cut off; get it again.")


def _calls_something(path: Path) -> bool:
    """Whether the file begins with a whole pickle that names a function or class. Read, never run."""
    try:
        with path.open("rb") as file:
            steps = {step.name for step, _, _ in pickletools.genops(file.read(_PICKLE_BYTES))}
    except ValueError:  # no pickle
        return False
    return not steps.isdisjoint(("GLOBAL", "STACK_GLOBAL", "INST"))
