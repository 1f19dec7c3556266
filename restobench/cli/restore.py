"""`restore`: pictures of one's own, and photographs with faces in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restobench.cli import arguments as given
from restobench.cli.output import TerminalReporter, print_json
from restobench.errors import RestobenchError

if TYPE_CHECKING:
    from restobench.dataset import Sample
    from restobench.photographs import RestoredPhotographs
    from restobench.restore import Restored

PANEL = "Photographs with faces"


def restore(
    pictures: Annotated[list[str], typer.Argument(help="Pictures, folders or patterns like 'photos/*.jpg'.")],
    method: Annotated[
        str,
        typer.Option(
            "--method", "-m", help="NAME, NAME@VARIANT or PATH.py:CLASS.", autocompletion=given.complete_methods
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results, NAME.png each.")] = Path(
        "restored"
    ),
    setting: given.Settings = None,
    weights: given.Weights = None,
    scale: given.Scale = None,
    seed: given.Seed = 0,
    batch_size: Annotated[
        str,
        typer.Option(
            help="Pictures at a time, or 'auto': as many as make it quickest; of a photograph a number of faces. "
            "Changes no noise."
        ),
    ] = "1",
    device: given.Device = None,
    dtype: given.Dtype = "float32",
    tf32: given.Tf32 = False,
    max_failures: given.MaxFailures = None,
    retries: given.Retries = 0,
    timeout: given.Timeout = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")] = False,
    whole: Annotated[
        bool | None,
        typer.Option(
            "--whole/--aligned",
            help="For a method that restores faces: these are photographs, to find the faces in and paste them back; "
            "or aligned faces. Default: aligned if all are 512 x 512.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    upscale: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=8,
            help="How many times larger the result is.",
            show_default="2",
            rich_help_panel=PANEL,
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(
            help="The method that enlarges what is around the faces. Default: bilinear.",
            autocompletion=given.complete_methods,
            rich_help_panel=PANEL,
        ),
    ] = None,
    background_set: Annotated[
        list[str] | None,
        typer.Option(help="A setting of that method, NAME=VALUE; may repeat.", rich_help_panel=PANEL),
    ] = None,
    background_weights: Annotated[
        list[str] | None,
        typer.Option(help="Its weights, FILE or PART=FILE; may repeat.", rich_help_panel=PANEL),
    ] = None,
    enlarge_faces: Annotated[
        bool,
        typer.Option("--enlarge-faces", help="Let it enlarge the restored faces too.", rich_help_panel=PANEL),
    ] = False,
    only_center_face: Annotated[
        bool,
        typer.Option("--only-center-face", help="Restore the face nearest to the centre alone.", rich_help_panel=PANEL),
    ] = False,
    eye_distance: Annotated[
        str | None,
        typer.Option(
            help="By what faces of less than 5 pixels are left out: 'true', or 'released', as InterLCM's program "
            "measures it.",
            show_default="released",
            rich_help_panel=PANEL,
        ),
    ] = None,
    save_faces: Annotated[
        Path | None,
        typer.Option(help="Folder to keep the faces in, before (lq/) and after (restored/).", rich_help_panel=PANEL),
    ] = None,
    face_weights: Annotated[
        list[str] | None,
        typer.Option(
            help="detection=FILE or parsing=FILE, instead of what 'restobench weights fetch faces' brings.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    as_json: given.Json = False,
) -> None:
    """Restore pictures of your own: no data set, no scores.

    A method for faces takes photographs too: it restores every face in them.
    """
    from restobench.faces.photograph import Selection, Wishes
    from restobench.method import choose_method
    from restobench.photographs import kind_of, restore_photographs
    from restobench.pictures import find_pictures, restore_pictures
    from restobench.provenance import best_device
    from restobench.restore import FailureLimit
    from restobench.weights import tool_weights

    samples = find_pictures(pictures)
    choice = choose_method(method, settings=given.pairs(setting), weights=given.one_weight_set(weights))
    kind = kind_of(samples, choice, whole)
    of_photographs: dict[str, Any] = {
        "--upscale": upscale,
        "--background": background,
        "--background-set": background_set,
        "--background-weights": background_weights,
        "--enlarge-faces": enlarge_faces,
        "--only-center-face": only_center_face,
        "--eye-distance": eye_distance,
        "--save-faces": save_faces,
        "--face-weights": face_weights,
    }
    if kind != "photograph" and (unheeded := [option for option, value in of_photographs.items() if value]):
        raise RestobenchError(f"{' and '.join(unheeded)}: only for photographs with faces (--whole).")
    if kind == "photograph" and scale is not None:
        raise RestobenchError("--scale is for pictures that are restored as they are; for photographs say --upscale.")
    together = given.batch_size(batch_size)
    of_pictures = {"--batch-size auto": together is None, "--retries": bool(retries), "--timeout": timeout is not None}
    if kind == "photograph" and (unheeded := [option for option, value in of_pictures.items() if value]):
        raise RestobenchError(
            f"{' and '.join(unheeded)}: not for photographs with faces; only for pictures as they are."
        )
    if background is None and (background_set or background_weights or enlarge_faces):
        raise RestobenchError("Name the method that enlarges with --background.")
    output = given.folder(output, "--output") or output
    common: dict[str, Any] = {
        "seed": seed,
        "device": given.check_device(device) or best_device(),
        "dtype": dtype,
        "tf32": tf32,
        "overwrite": overwrite,
        "limit": None if max_failures is None else FailureLimit.parse(max_failures),
    }
    reporter = TerminalReporter()
    title = f"{choice.name}@{choice.variant}: restoring"
    if kind != "photograph":
        if kind == "aligned face" and whole is None:
            reporter.say("The pictures are taken as aligned faces, being 512 x 512; say --whole if they are not.")
        with reporter.stage(title, len(samples)) as advance:
            restored = restore_pictures(
                samples,
                choice,
                output,
                scale=scale,
                batch_size=together,
                aligned=whole is False,
                retries=retries,
                timeout=timeout,
                advance=advance,
                say=reporter.say,
                **common,
            )
        _report_pictures(samples, restored, output, reporter, as_json)
        raise typer.Exit(0 if len(restored.seconds) == len(samples) else 1)

    wishes = Wishes(
        selection=Selection(eye_distance or "released", only_center_face),  # type: ignore[arg-type] # it checks itself
        upscale=upscale or 2,
        keep_grey="colorization" not in choice.card.tasks,
        enlarge_faces=enlarge_faces,
        batch_size=together or 1,
    )
    files = tool_weights("faces", given.pairs(face_weights, "--face-weights"), option="--face-weights")
    enlarger = None
    if background:
        enlarger = choose_method(
            background,
            settings=given.pairs(background_set, "--background-set"),
            weights=given.one_weight_set(background_weights, "--background-weights"),
        )
    with reporter.stage(title, len(samples)) as advance:
        done = restore_photographs(
            samples,
            choice,
            output,
            wishes,
            face_weights=files,
            background=enlarger,
            save_faces=given.folder(save_faces, "--save-faces"),
            advance=advance,
            **common,
        )
    _report_photographs(samples, done, output, reporter, as_json)
    raise typer.Exit(0 if done.all_well and len(done.seconds) == len(samples) else 1)


def _report_pictures(
    samples: list[Sample], outcome: Restored, output: Path, reporter: TerminalReporter, as_json: bool
) -> None:
    _say_failures(outcome.failures, outcome.stopped, reporter)
    for note in outcome.notes:
        reporter.say(note)
    if as_json:
        print_json([_row(sample, outcome, output) for sample in samples])
    else:
        reporter.say(f"restored {len(outcome.seconds)} of {len(samples)}, in {output}")


def _report_photographs(
    samples: list[Sample], outcome: RestoredPhotographs, output: Path, reporter: TerminalReporter, as_json: bool
) -> None:
    _say_failures(outcome.failures, outcome.stopped, reporter)
    for name, faces in outcome.faces.items():
        for number, text in faces.failures.items():
            reporter.say(f"'{name}': face {number} failed and is left as it was: {text}")
        if not faces.found:
            reporter.say(f"'{name}': no face found; it is enlarged and nothing more")
    if as_json:
        nothing: dict[str, Any] = {"found": None, "dropped": None, "faces": []}
        found = {name: vars(faces) for name, faces in outcome.faces.items()}
        print_json([_row(sample, outcome, output) | found.get(sample.id, nothing) for sample in samples])
        return
    every = list(outcome.faces.values())
    counts = {
        "restored": sum(faces.restored for faces in every),
        "too small": sum(faces.dropped for faces in every),
        "failed": sum(len(faces.failures) for faces in every),
    }
    counts["not the central one"] = sum(faces.found for faces in every) - sum(counts.values())
    parts = [f"{count} {what}" for what, count in counts.items() if count or what == "restored"]
    reporter.say(
        f"restored {len(outcome.seconds)} of {len(samples)} photographs, in {output}; "
        f"{sum(faces.found for faces in every)} faces found: {', '.join(parts)}"
    )


def _say_failures(failures: dict[str, str], stopped: bool, reporter: TerminalReporter) -> None:
    for sample_id, text in failures.items():
        reporter.say(f"'{sample_id}' failed: {text}")
    if stopped:
        reporter.say(f"stopped: too many failed, {len(failures)} (--max-failures)")


def _row(sample: Sample, outcome: Restored | RestoredPhotographs, output: Path) -> dict[str, Any]:
    return {
        "picture": str(sample.lq),
        "restored": str(output / f"{sample.id}.png") if sample.id in outcome.seconds else None,
        "seconds": outcome.seconds.get(sample.id),
        "error": outcome.failures.get(sample.id),
    }
