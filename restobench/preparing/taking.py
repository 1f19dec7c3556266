"""How a picture is taken over: copied byte for byte, linked, or, of a raw photograph, its faces cut out."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from restobench.errors import RestobenchError
from restobench.files import sha256_of, written_whole
from restobench.preparing.layout import Taken
from restobench.preparing.record import PreparedPicture
from restobench.preparing.source import FolderSource

if TYPE_CHECKING:
    from restobench.faces.detection import FindFaces

Take = Callable[[Path, Taken, bytes], tuple[PreparedPicture, ...]]
"""(the set's folder, a picture of a source, its bytes) -> what was written."""


def copy(folder: Path, taken: Taken, content: bytes) -> tuple[PreparedPicture, ...]:
    """The picture as it is, where it can be read to its end.

    Raises:
        RestobenchError: It cannot.
    """
    _refuse_torn(taken, content)
    with written_whole(folder / taken.path) as beside:
        beside.write_bytes(content)
    return (_described(taken, content),)


def link(folder: Path, taken: Taken, content: bytes) -> tuple[PreparedPicture, ...]:
    """A second name for the user's own file.

    Raises:
        RestobenchError: It cannot be read to its end, or its disk is another one.
    """
    _refuse_torn(taken, content)
    assert isinstance(taken.source, FolderSource)
    try:
        with written_whole(folder / taken.path) as beside:
            os.link(taken.source.path_of(taken.entry).resolve(), beside)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise RestobenchError(
                f"{taken.source.place} and {folder} cannot share a file ({error.strerror}); leave --link out."
            ) from None
        raise
    return (_described(taken, content),)


def align(find: FindFaces, which: Literal["all", "center"]) -> Take:
    """Cut out the faces of raw photographs, upright at 512 x 512, as PNG.

    Args:
        find: What finds faces, a `faces.detection.Detector`.
        which: "all" faces of a photograph, called ID_00, ID_01 and so on; or the one in the "center", called ID.
    """
    from restobench.faces.photograph import Selection, align_faces
    from restobench.image import read_array, write_picture

    selection = Selection(only_center_face=which == "center")

    def take(folder: Path, taken: Taken, content: bytes) -> tuple[PreparedPicture, ...]:
        # A file, because pictures of 16 bits are read by name.
        with tempfile.NamedTemporaryFile(suffix=PurePosixPath(taken.entry.path).suffix) as file:
            file.write(content)
            file.flush()
            try:
                stored = read_array(Path(file.name))
            except RestobenchError as error:
                raise RestobenchError(str(error).replace(file.name, taken.entry.path)) from None
        written = []
        for number, face in enumerate(align_faces(stored, find, selection)):
            path = f"lq/{taken.id}{'' if which == 'center' else f'_{number:02}'}.png"
            write_picture(folder / path, np.clip(np.rint(face.crop), 0, 255).astype(np.uint8))
            size = (folder / path).stat().st_size
            written.append(PreparedPicture(path=path, sha256=sha256_of(folder / path), bytes=size))
        return tuple(written)

    return take


def _described(taken: Taken, content: bytes) -> PreparedPicture:
    return PreparedPicture(path=taken.path, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def _refuse_torn(taken: Taken, content: bytes) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a picture's tags are warned of moves no pixel
            with Image.open(io.BytesIO(content)) as picture:
                picture.load()
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise RestobenchError(f"{taken.entry.path} is damaged or cut off ({error}).") from None
