"""`train`: a method's training, by a configuration."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from restobench.cli import arguments as given
from restobench.cli.output import TerminalReporter, print_json


def complete_recipes(incomplete: str) -> list[str]:
    """Recipe names, for the shell."""
    from restobench.plugins import plugins

    return [name for name in plugins("restobench.recipes") if name.startswith(incomplete)]


def train(
    recipe: Annotated[str, typer.Argument(help="What is trained: resshift.", autocompletion=complete_recipes)],
    config: Annotated[
        str, typer.Option("--config", "-c", help="A TOML file, or the name of one that comes with the recipe.")
    ],
    data: Annotated[
        list[str] | None, typer.Option(help="A folder of clean pictures, instead of the configuration's; may repeat.")
    ] = None,
    held_out: Annotated[
        list[str] | None, typer.Option(help="A folder of clean pictures for validation alone; may repeat.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where all goes that comes of it; default: training/RECIPE-CONFIG.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="A value over the configuration's, TABLE.NAME=VALUE; may repeat."),
    ] = None,
    device: given.Device = None,
    show: Annotated[
        bool, typer.Option("--show", help="Print the configuration with all its defaults, and stop.")
    ] = False,
) -> None:
    """Train a method, or go on with a training that was stopped.

    Log, sample pictures and checkpoints go to the output folder; the same command resumes from
    the last state there. Ctrl-C finishes the iteration and saves one. On several GPUs:
    accelerate launch -m restobench train …
    """
    from restobench.plugins import find_plugin
    from restobench.train.configuration import find_configuration, read_configuration

    plugin = find_plugin("restobench.recipes", recipe)
    path = find_configuration(config, plugin.folder / "training")
    recipe_type = plugin.load()
    configuration = read_configuration(
        recipe_type.settings, path, changes=given.pairs(change), data=data or (), held_out=held_out or ()
    )
    if show:
        print_json(configuration.model_dump(mode="json"))
        return
    from restobench.train.loop import train as run_training

    folder = output or Path("training") / f"{recipe}-{path.stem}"
    reporter = TerminalReporter()
    done = run_training(
        recipe,
        recipe_type,
        configuration,
        folder,
        listener=_Lines(reporter, configuration.training.iterations),
        say=reporter.say,
        device=given.check_device(device),
    )
    last = folder / "checkpoints" / "last.safetensors"
    reporter.say(
        f"{'Trained' if done else 'Was already trained'} to iteration {configuration.training.iterations}: {last}"
    )


class _Lines:
    """A line every ten seconds: how far, how fast, how long yet, and what was logged."""

    def __init__(self, reporter: TerminalReporter, iterations: int) -> None:
        self.reporter, self.iterations = reporter, iterations
        self.began = self.said = time.monotonic()
        self.first: int | None = None

    def __call__(self, iteration: int, values: Mapping[str, float]) -> None:
        if self.first is None:
            self.first, self.began = iteration, time.monotonic()
            return
        now = time.monotonic()
        if now - self.said < 10 and iteration < self.iterations:
            return
        self.said = now
        rate = (iteration - self.first) / (now - self.began)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        minutes = (self.iterations - iteration) / rate / 60
        self.reporter.say(
            f"iteration {iteration} of {self.iterations}: {shown}; {rate:.2f} a second, {minutes:.0f} minutes left"
        )
