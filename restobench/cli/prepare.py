"""`datasets prepare`, `verify` and `fetch`: published data sets from what is downloaded of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restobench.cli import arguments as given
from restobench.cli.output import TerminalReporter, print_json

if TYPE_CHECKING:
    from restobench.preparing.prepare import Prepared, Published

Name = Annotated[
    str, typer.Argument(metavar="NAME[@REVISION]", help="A data set.", autocompletion=given.complete_datasets)
]
Output = Annotated[
    Path | None, typer.Option(help="The set's folder.", show_default="the set's name, in RESTOBENCH_DATASETS")
]


def prepare_dataset(
    name: Name,
    source: Annotated[
        list[Path],
        typer.Option(help="What you downloaded: a folder, a zip or a tar; may repeat, for sets in several parts."),
    ],
    link: Annotated[bool, typer.Option("--link", help="Give the files a second name instead of copying them.")] = False,
    align: Annotated[
        bool, typer.Option("--align", help="The source holds raw photographs: cut the faces out, at 512 x 512.")
    ] = False,
    face_weights: Annotated[
        list[str] | None, typer.Option(help="With --align: a file of the face detector, detection=FILE.")
    ] = None,
    device: given.Device = None,
    output: Output = None,
) -> None:
    """Take over a published data set from what you downloaded of it, and check it against its card.

    Names, counts, pairs and sizes are checked before anything is written; nothing is resampled.
    A command that was interrupted is gone on with by the same command.
    """
    from restobench.preparing import prepare

    published = prepare.published(name)
    find_faces = None
    if align:
        prepare.which_faces(published.card)  # before a network is asked for
        from restobench.faces.detection import Detector
        from restobench.faces.networks import detection_network
        from restobench.provenance import best_device
        from restobench.weights import tool_weights

        pairs = given.pairs(face_weights, "--face-weights")
        files = tool_weights("faces", pairs, option="--face-weights", only=["detection"])
        find_faces = Detector(detection_network(files["detection"], given.check_device(device) or best_device()))
    prepared = prepare.prepare_dataset(
        published,
        source,
        output=given.folder(output, "--output"),
        link=link,
        find_faces=find_faces,
        reporter=TerminalReporter(),
    )
    _tell(published, prepared, output)


def _tell(published: Published, prepared: Prepared, output: Path | None) -> None:
    card = prepared.card
    wanted = published.card.count
    typer.echo(f"{prepared.folder}: {card.count} samples from {prepared.layout}, {prepared.taken} files taken over now")
    if card.count != wanted and not prepared.faceless and card.revision == published.card.revision:
        typer.echo(f"This copy has {card.count:,} samples; others have {wanted:,}, and their numbers differ.")
    if prepared.left_out:
        typer.echo(f"{prepared.left_out} other pictures of the source were left out.")
    if prepared.faceless:
        typer.echo(
            f"{len(prepared.faceless)} photographs show no face that is large enough: {_some(prepared.faceless)}"
        )
    if card.note:
        typer.echo(card.note)
    typer.echo(f"Use it with --dataset {prepared.folder if output else prepared.folder.name}")


def verify_dataset(
    name: Annotated[str, typer.Argument(help="A data set, or its folder.", autocompletion=given.complete_datasets)],
    full: Annotated[bool, typer.Option("--full", help="Also read every file and compare its hash.")] = False,
    as_json: given.Json = False,
) -> None:
    """Compare a prepared or made data set with its record: names and sizes, with --full also contents.

    Exit code 1 where something differs.
    """
    from restobench.preparing import verify

    verified = verify.verify_dataset(name, full=full, reporter=TerminalReporter())
    if as_json:
        folder, differences = str(verified.folder), list(verified.differences)
        print_json({"folder": folder, "pictures": verified.pictures, "full": full, "differences": differences})
    else:
        for line in verified.differences[:20]:
            typer.echo(line)
        if len(verified.differences) > 20:
            typer.echo(f"and {len(verified.differences) - 20} more")
        what = "names, sizes and contents" if full else "names and sizes"
        how = f"{len(verified.differences)} differ" if verified.differences else f"{what} are as recorded"
        typer.echo(f"{verified.folder}: {verified.pictures} pictures, {how}")
    raise typer.Exit(1 if verified.differences else 0)


def fetch_dataset(name: Name, output: Output = None) -> None:
    """Download a data set where its publisher lets a program do so, and prepare it.

    Of most sets it says where a person gets them.
    """
    from restobench.cli.weights import download_shown
    from restobench.preparing import fetch, prepare

    reporter = TerminalReporter()
    published = prepare.published(name)
    with download_shown(published.folder.name, reporter) as listener:
        archive = fetch.fetch_archive(published, listener)
    prepared = prepare.prepare_dataset(published, [archive], output=given.folder(output, "--output"), reporter=reporter)
    _tell(published, prepared, output)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
