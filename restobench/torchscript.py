"""The tensors of a TorchScript archive, read without running the program that it is.

OpenAI's CLIP is published as TorchScript alone. Such a file is a zip archive: programs under
`code/`, the bytes of each tensor under `data/`, and `data.pkl`, a pickle of the module's
attributes. Here the pickle's classes become plain records, whatever their names, and
nothing is called but the function that puts a tensor together from its bytes.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from restobench.errors import RestobenchError

_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def is_torchscript(path: Path) -> bool:
    """Whether the file is a TorchScript archive: a zip with programs in it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """Parameters and buffers by name, as the module's `state_dict()` would give them, on the CPU.

    Raises:
        RestobenchError: It is no TorchScript archive, is damaged, or its pickle names something
            else than modules and tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            root = next(name for name in archive.namelist() if name.endswith("/data.pkl")).removesuffix("data.pkl")
            if any(name == f"{root}byteorder" for name in archive.namelist()):
                order = archive.read(f"{root}byteorder")
                if order != b"little":
                    raise RestobenchError(f"{path} was written by a machine of another byte order.")
            module = _Reader(io.BytesIO(archive.read(f"{root}data.pkl")), archive, root).load()
            return dict(_tensors(module))
    except RestobenchError:
        raise
    except _NotTensorsError as error:
        raise RestobenchError(
            f"{path} holds {error}, which is neither a module nor a tensor; it was not read."
        ) from None
    except Exception as error:  # a damaged archive makes zipfile and pickle raise anything
        raise RestobenchError(f"{path} is no TorchScript archive, or is damaged or cut off; get it again.") from error


class _NotTensorsError(Exception):
    """Names what the pickle wanted."""


class _Record:
    """An object of a class that we do not have and do not want: its attributes."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.attributes = state


class _Storage(NamedTuple):
    key: str
    dtype: torch.dtype


class _Reader(pickle.Unpickler):
    """An unpickler that knows records, tensors and plain containers."""

    def __init__(self, file: io.BytesIO, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(file)
        self._archive, self._root = archive, root
        self._bytes: dict[str, bytearray] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return _Record
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if module == "torch.jit._pickle" and name in ("build_intlist", "build_doublelist", "build_boollist"):
            return list
        if module == "torch.jit._pickle" and name == "restore_type_tag":
            return _untagged
        raise _NotTensorsError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, *_ = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype):
            raise _NotTensorsError(str(kind))
        return _Storage(key, dtype)

    def _tensor(
        self, storage: _Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
    ) -> Tensor:
        if storage.key not in self._bytes:
            self._bytes[storage.key] = bytearray(self._archive.read(f"{self._root}data/{storage.key}"))
        held = self._bytes[storage.key]
        if not held:
            return torch.empty(size, dtype=storage.dtype)
        # `as_strided` refuses what lies outside of the bytes.
        return torch.frombuffer(held, dtype=storage.dtype).as_strided(size, stride, offset).clone()


def _untagged(value: Any, tag: str) -> Any:
    return value


def _tensors(record: _Record, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, value in record.attributes.items():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value
        elif isinstance(value, _Record) and hasattr(value, "attributes"):
            yield from _tensors(value, f"{prefix}{name}.")
