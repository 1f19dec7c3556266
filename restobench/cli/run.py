"""`run` and `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from restobench.cli import arguments as given
from restobench.cli.output import TerminalReporter, print_forecast, print_json, print_outcome, print_runs
from restobench.errors import RestobenchError

Existing = Annotated[
    str,
    typer.Option(
        help="What to do with pictures that are there: 'resume' (keep them, try failures again), "
        "'replace' them, or 'only' use them and restore nothing."
    ),
]


def run(
    method: given.Methods = None,
    dataset: given.Datasets = None,
    suite: given.Suite = None,
    setting: given.Settings = None,
    weights: given.Weights = None,
    label: given.Label = None,
    metrics: given.Metrics = None,
    scale: given.Scale = None,
    seed: given.Seed = 0,
    seeds: given.Seeds = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="Restore only the first N samples.")] = None,
    batch_size: given.BatchSize = "1",
    device: given.Device = None,
    dtype: given.Dtype = "float32",
    tf32: given.Tf32 = False,
    existing: Existing = "resume",
    max_failures: given.MaxFailures = None,
    retries: given.Retries = 0,
    timeout: given.Timeout = None,
    evaluate: Annotated[bool, typer.Option("--evaluate/--no-evaluate", help="Score what was restored.")] = True,
    executor: Annotated[
        str, typer.Option(help="Who restores: this process ('local'), or workers of a Ray cluster ('ray').")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the Ray cluster, 'auto' for the one this machine belongs to. Default: $RAY_ADDRESS; else one is "
            "started on this machine."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Of the cluster. Default: one a graphics card, on the CPU one a machine.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    runs: given.Runs = None,
    as_json: given.Json = False,
) -> None:
    """Restore data sets with methods and score the pictures; what is there already is reused.

    Several methods and data sets make a grid. The row of doing nothing, input or bicubic, is always added.

    A suite is a file of these options, with lists that span a grid: a paper's sweep. What it says of data sets and
    metrics gives way to --dataset and --metrics.

    \b
        restobench run -m resshift@tiny -m lanczos -d demo
        restobench run -m resshift@tiny -d demo --set steps=2 --as resshift-T2
        restobench run --suite resshift-steps -d ./my-pairs --dry-run
        restobench run --suite sweep.toml --seeds 3
    """
    from restobench.benchmark import carry_out_each
    from restobench.beneath import worse_than_their_input
    from restobench.cache import Cache
    from restobench.environment import runs_folder
    from restobench.forecast import forecast
    from restobench.metrics.registry import choose_metrics
    from restobench.planning import Options, plan_grid, refuse_missing_weights
    from restobench.restore import FailureLimit
    from restobench.suite import grid, read_suite, typed

    options = Options(
        seed=seed,
        seeds=seeds,
        # What a cluster has is for the cluster to say.
        device=given.check_device(device) if executor == "local" else device,
        dtype=dtype,
        tf32=tf32,
        batch_size=given.batch_size(batch_size),
        limit=limit,
        existing=existing,  # type: ignore[arg-type] # `check` refuses other words
        max_failures=None if max_failures is None else FailureLimit.parse(max_failures),
        retries=retries,
        timeout=timeout,
        runs=given.folder(runs, "--runs") or runs_folder(),
        executor=executor,  # type: ignore[arg-type] # so does this
        address=address,
        workers=workers,
    )
    wanted = given.names(metrics)
    cache, reporter = Cache(), TerminalReporter()
    if suite:
        own = {"--method": method, "--set": setting, "--weights": weights, "--as": label}
        if beside := [option for option, value in own.items() if value]:
            raise RestobenchError(f"--suite says itself what {' and '.join(beside)} would; leave one of them out.")
        read = read_suite(suite)
        asked, dataset, wanted = grid(read), dataset or list(read.dataset), wanted or list(read.metrics) or None
        for line in read.note.splitlines():
            reporter.say(line)
    elif method:
        asked = typed(method, given.pairs(setting), given.weight_sets(weights), label)
    else:
        raise RestobenchError("Name what restores: --method NAME, or --suite FILE.")
    if not dataset:
        raise RestobenchError("Name what is restored: --dataset NAME, a folder or a URL.")
    choose_metrics(wanted or [])
    planned = plan_grid(asked, dataset, options, cache, scale=scale, reporter=reporter)
    if dry_run:
        forecasts = forecast(planned, options, cache, metrics=wanted, evaluate=evaluate)
        if as_json:
            print_json([one.row() for one in forecasts])
        else:
            print_forecast(forecasts)
        return
    refuse_missing_weights(planned)
    results, refused = carry_out_each(planned, options, cache, metrics=wanted, evaluate=evaluate, reporter=reporter)
    if as_json:
        print_json([row for result in results for row in result.rows()])
    elif evaluate:
        print_runs([result.record for result in results], wanted)
    for note in worse_than_their_input(results) if evaluate else ():
        reporter.say(note)
    print_outcome(results, reporter)
    for title, error in refused.items():
        reporter.say(f"{title} was not run: {error}")
    raise typer.Exit(0 if not refused and all(result.ok for result in results) else 1)


def evaluate(
    name: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="METHOD\\[@VARIANT][:DATASET] or a run's folder.")
    ] = None,
    restored: Annotated[
        Path | None, typer.Option(help="Instead of a run: a folder of pictures that any program restored.")
    ] = None,
    dataset: given.Dataset = None,
    label: given.Label = None,
    metrics: given.Metrics = None,
    scale: given.Scale = None,
    allow_lossy: Annotated[
        bool,
        typer.Option(
            "--allow-lossy", help="Take restored pictures that were saved as JPEG or WebP; the row is marked."
        ),
    ] = False,
    device: given.Device = None,
    runs: given.Runs = None,
    as_json: given.Json = False,
) -> None:
    """Score pictures that are there: of a run, or of anybody's program. Restores nothing.

    For somebody else's pictures: --restored DIR --dataset D --as NAME. They are paired by name.
    """
    from restobench.benchmark import evaluate_existing, evaluate_folder
    from restobench.cache import Cache
    from restobench.environment import runs_folder
    from restobench.metrics.registry import choose_metrics
    from restobench.planning import Options

    options = Options(device=given.check_device(device), runs=given.folder(runs, "--runs") or runs_folder())
    wanted = given.names(metrics)
    choose_metrics(wanted or [])
    reporter = TerminalReporter()
    if (name is None) == (restored is None):
        raise RestobenchError("Name either a run, or a folder of pictures with --restored DIR.")
    if restored is None:
        assert name is not None
        unheeded = {"--as": label is not None, "--scale": scale is not None, "--allow-lossy": allow_lossy}
        if asked := [option for option, was_given in unheeded.items() if was_given]:
            raise RestobenchError(f"{' and '.join(asked)}: only with --restored DIR; a run has its own already.")
        result = evaluate_existing(name, options, Cache(), dataset=dataset, metrics=wanted, reporter=reporter)
    else:
        if dataset is None or label is None:
            raise RestobenchError("--restored needs --dataset (what the pictures are of) and --as (what to call them).")
        result, brought = evaluate_folder(
            given.folder(restored, "--restored") or restored,
            dataset,
            label,
            options,
            Cache(),
            scale=scale,
            metrics=wanted,
            allow_lossy=allow_lossy,
            reporter=reporter,
        )
        for what, ids in (("missing", brought.missing), ("extra, not scored", brought.extra)):
            if ids:
                are = "picture is" if len(ids) == 1 else "pictures are"
                reporter.say(f"{len(ids)} {are} {what}: {', '.join(ids[:10])}{', ...' * (len(ids) > 10)}")
    if as_json:
        print_json(result.rows())
    else:
        print_runs([result.record], list(result.metrics))
    print_outcome([result], reporter)
    raise typer.Exit(0 if result.ok else 1)
