"""Reading a file of weights without running anything that it holds, and writing one of our own.

A `.pth` file is a pickle, and a pickle may call whatever it likes. Only tensors and plain
containers are let in; TorchScript, which is a program, is not. What we write is safetensors,
with the configuration that built the network inside.
"""

from __future__ import annotations

import json
import pickletools
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from restobench.errors import RestobenchError
from restobench.files import is_web_page, written_whole

_PICKLE_BYTES = 2**24
"""How much of a refused file is searched for calls; a length that lies about the rest then asks for no memory."""
_CONFIGURATION = "config"
"""Under what a file's metadata holds the configuration."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU: a state dict, or a mapping with one inside.

    `.safetensors` is read as such and anything else as PyTorch's format, old or new.

    Raises:
        RestobenchError: The file is not there, is no checkpoint, is damaged, would run code,
            or holds something other than a mapping from names.
    """
    if path.suffix.lower() == ".safetensors":
        _refuse_what_is_plainly_no_checkpoint(path)
        content = _read_safetensors(path)
    else:
        content = read_torch(path)
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise RestobenchError(
            f"{path} holds a {type(content).__name__} and no tensors by name; a checkpoint with a state dict is wanted."
        )
    return content


def read_torch(path: Path, *, allowed: Sequence[Any] = ()) -> Any:
    """Whatever a file in PyTorch's format holds, on the CPU: tensors and plain containers.

    Args:
        path: The file, old format or new.
        allowed: Classes and functions that may be called besides, as `torch.serialization.safe_globals`
            takes them. They must be harmless with whatever arguments the file brings.

    Raises:
        RestobenchError: As `read_checkpoint` does, whatever the content is.
    """
    _refuse_what_is_plainly_no_checkpoint(path)
    with warnings.catch_warnings(), torch.serialization.safe_globals(list(allowed)):
        # Of the pickle's protocol, of TorchScript: what matters of them is in the error's text.
        warnings.simplefilter("ignore")
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file makes PyTorch raise anything: KeyError, EOFError, RuntimeError
            raise _refusal(path, str(error)) from error


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write tensors by name, and what the network was built and trained with, as one safetensors file.

    It is there whole or not at all. The same tensors and configuration give the same bytes.

    Args:
        path: Ends in `.safetensors`, by which `read_checkpoint` knows the format.
        tensors: From any device, in any layout; two names may share their memory.
        config: What JSON can hold; NaN and infinity are no JSON.
    """
    assert path.suffix == ".safetensors", path
    # A clone each: safetensors refuses tensors that share memory, and any but the plain layout.
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    # One entry alone: safetensors writes several in an order that changes from call to call.
    metadata = {_CONFIGURATION: json.dumps(config, sort_keys=True, ensure_ascii=False, allow_nan=False)}
    with written_whole(path) as beside:
        beside.write_bytes(save(copies, metadata))  # its own `save_file` makes files that nobody else may read


def read_configuration(path: Path) -> Mapping[str, Any] | None:
    """The configuration that a checkpoint of `write_checkpoint` holds; None where a file holds none.

    Raises:
        RestobenchError: The file is not there or is no checkpoint, or its configuration is damaged.
    """
    _refuse_what_is_plainly_no_checkpoint(path)
    if path.suffix.lower() != ".safetensors":
        return None
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_CONFIGURATION)
    except SafetensorError as error:
        raise _not_safetensors(path, error) from error
    if text is None:
        return None
    try:
        config = json.loads(text)
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise RestobenchError(f"The configuration in {path} is damaged: it is no JSON object; get the file again.")
    return config


def load_strictly(
    module: nn.Module,
    path: Path,
    *,
    wrappers: Sequence[str] = ("state_dict",),
    translate: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None,
) -> dict[str, Any]:
    """Load a checkpoint into a module, every key of both, and say what was loaded.

    What a trainer puts around names is taken off: `module.` of distributed training and
    `_orig_mod.` of compilation, in any order. Files older than PyTorch 0.4.1 lack the counters
    of batch normalisation, which nothing but training reads: those are not missed.

    Args:
        module: What is loaded into, in place; dtypes and device stay the module's. One that was built
            on the `meta` device takes the file's own tensors as they are, so that nothing is in
            memory twice.
        path: The file.
        wrappers: Keys under which a trainer may have put the state dict, the best first; a file
            without any of them is taken as the state dict itself.
        translate: Makes the module's names of the file's, where they are not the same.

    Returns:
        For `Setup.audit`: the number of tensors loaded, and the names (none) of those missing
        and unexpected.

    Raises:
        RestobenchError: As `read_checkpoint` does, or a key is missing or unexpected, or has
            another shape; all are listed.
    """
    content = read_checkpoint(path)
    state = next((content[wrapper] for wrapper in wrappers if isinstance(content.get(wrapper), Mapping)), content)
    state = {_bare_name(str(name)): value for name, value in state.items()}
    if translate:
        state = translate(state)
    wanted = module.state_dict()
    counters = [name for name in wanted if _is_counter(name) and name not in state]
    state |= {name: torch.zeros_like(wanted[name], device="cpu") for name in counters}
    missing = [name for name in wanted if name not in state]
    unexpected = [name for name in state if name not in wanted]
    misshapen = [
        f"{name} ({_shape(state[name])} instead of {_shape(tensor)})"
        for name, tensor in wanted.items()
        if name in state and _shape(state[name]) != _shape(tensor)
    ]
    faults = {"missing": missing, "unexpected": unexpected, "of another shape": misshapen}
    if any(faults.values()):
        lists = "; ".join(f"{len(names)} {fault}: {_listed(names)}" for fault, names in faults.items() if names)
        raise RestobenchError(
            f"{path} does not fit {type(module).__name__}, which has {len(wanted)} keys. {lists}. "
            "Give the checkpoint of this method and variant."
        )
    module.load_state_dict(state, assign=any(tensor.is_meta for tensor in wanted.values()))
    return {"loaded": len(wanted), "missing": missing, "unexpected": unexpected}


def _bare_name(name: str) -> str:
    return re.sub(r"^(?:module\.|_orig_mod\.)+", "", name)


def _is_counter(name: str) -> bool:
    return name.rpartition(".")[2] == "num_batches_tracked"


def _shape(value: Any) -> str:
    return " x ".join(map(str, value.shape)) or "a number" if isinstance(value, Tensor) else "no tensor"


def _listed(names: Sequence[str], at_most: int = 20) -> str:
    """The names, the first of them where they are very many: a wrong file misses every one."""
    rest = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {rest} more" if rest > 0 else "")


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
        raise _not_safetensors(path, error) from error


def _not_safetensors(path: Path, error: SafetensorError) -> RestobenchError:
    return RestobenchError(f"{path} is not a safetensors file, or is damaged or cut off ({error}); get it again.")


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
