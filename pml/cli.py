"""The command `pml`.

Each public function declares one of its commands. Its docstring is what `--help` says, and its `run` does the work.
PyTorch takes seconds to load, which `--help` need not wait for, so each `run` imports what it uses.
"""

import argparse
import inspect
import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from pml.commands.parser import Parser
from pml.errors import InputError, stage_main

EPILOG = "`pml COMMAND --help` says what a command does, and lists its options."

Run = Callable[[Namespace], None]


def predict(parser: Parser) -> Run:
    """Estimate the age of the face in each photo with the model of a finished run, a line a face.

    Where a photo shows several faces, the large and central one is taken; with --faces all, each of them. The interval is the
    central 80 % of the distribution that the model predicts. On FG-NET, PML's held the true age of 84 % of all faces, and of
    67 % of those of rare ages.
    Estimates are of apparent age, by a model trained on a small set of faces, and worth no more than that set.
    They are not for decisions about people.

    A photo without an age has a line with its problem, and the others go on. Exit code: 0 if every photo has an age, 1 if some
    have none, 2 if nothing could be done.
    """
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a file, a folder, or a pattern such as 'album/**/*.jpg'")
    parser.add_argument("--model", type=Path, required=True, metavar="RUN", help="run directory, export, or its model.pt")
    parser.add_argument("--faces", choices=["main", "all"], default="main", help="of each photo (default: main)")
    parser.add_argument("--format", choices=["text", "csv", "json"], help="default: text, or that of the suffix of --to")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write there instead of to standard output")
    parser.add_argument(
        "--output", type=Path, default=Path(), metavar="DIR", help="folder for <photo>_age.png (default: the current one)"
    )
    parser.add_argument("--no-figure", action="store_true", help="draw nothing")
    parser.add_argument("--cores", type=_count, default=_cores(), metavar="N", help="processes at a time (default: all)")

    def run(options: Namespace) -> None:
        from pml.prediction.command import predict_photos

        written = {"form": options.format, "to": options.to, "drawings": None if options.no_figure else options.output}
        if not predict_photos(options.photos, options.model, faces=options.faces, cores=options.cores, **written):
            sys.exit(1)

    return run


def export(parser: Parser) -> Run:
    """Write the model of a finished run as a folder of its own.

    It holds weights (safetensors), graph (ONNX), the constants of the face's crop, settings, and a model card. For ONNX it
    needs onnx and onnxruntime: pip install 'pml[export]'.
    """
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory with a model.pt")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="a folder that is not there yet")
    parser.add_argument("--without-onnx", action="store_true", help="leave the graph out")

    def run(options: Namespace) -> None:
        from pml.export.command import export as export_model

        print(export_model(options.run, options.to, not options.without_onnx))

    return run


def forecast(parser: Parser) -> Run:
    """Say what a suite will take: its jobs, the hours of each table, disk and memory, each with what it may come to.

    The speed is measured here in a minute or two, by training the config's own networks on a few made-up faces; or it is read
    off runs that are finished. So call it where the suite will run: on a node with a GPU, for a suite that is to train on one.
    """
    parser.add_argument("--cores", type=_count, default=1, metavar="N", help="jobs at a time, as for snakemake (default: 1)")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="folder with runs to take the speed of training from")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the forecast there, too")
    _take_configs(parser)

    def run(options: Namespace) -> None:
        from pml.forecast.forecast import forecast as forecast_suite

        forecast_suite(options.configfile, options.cores, options.runs, options.csv)

    return run


def check(parser: Parser) -> Run:
    """List all that would stop a suite, before anything runs, and say what the suite makes.

    That is its config with all options, its archives and weights, the folds, the disk, the memory and the GPU. Exit code 2 says
    that there is an error; what may do harm or takes a download is a warning.
    """
    parser.add_argument(
        "--gpus", type=_number, default=0, metavar="N", help="GPUs that a profile will give to a training (default: 0)"
    )
    _take_configs(parser)

    def run(options: Namespace) -> None:
        from pml.commands.check import check as check_suite

        check_suite(options.configfile, options.gpus)

    return run


def status(parser: Parser) -> Run:
    """Say how many jobs of a suite are done, run and have failed, with the last lines of their logs, and the time left.

    The time left follows from the suite's own finished runs. What it says of a job that was killed is "broken off".
    """
    _take_configs(parser)

    def run(options: Namespace) -> None:
        from pml.commands.status import states_of, status_text, time_left_text
        from pml.suite import make_plan
        from pml.suite.config import read_config

        plan = make_plan(read_config(*options.configfile))
        states = states_of(plan)
        print(status_text(plan, states), time_left_text(plan, states), sep="\n\n")

    return run


def check_method(parser: Parser) -> Run:
    """Run the tests of the contract (pml/methods/contract.py) on a method: a short name, or module:Class of your own."""
    parser.add_argument("method", metavar="METHOD", help="such as pml, or my_methods.huber:Huber")
    parser.add_argument("--options", type=_options, default={}, metavar="JSON", help="of the method, such as '{\"sigma\": 3}'")

    def run(options: Namespace) -> None:
        from pml.methods.contract import check_method as check_contract

        check_contract(options.method, options.options)

    return run


def explain(parser: Parser) -> Run:
    """Say where a row of a table comes from: its files, down to the runs.

    Of each run it tells the settings, the commit, the versions and the device.
    """
    parser.add_argument("table", type=Path, metavar="CSV", help="such as results/tables/table4.csv")
    parser.add_argument("--row", required=True, metavar="METHOD", help="key or label of a method")

    def run(options: Namespace) -> None:
        from pml.commands.explain import explain_text

        print(explain_text(options.table, options.row))

    return run


def scorecard(parser: Parser) -> Run:
    """Join the scorecards of several suites (results/<suite>/tables/scorecard.csv) in one page.

    It has every published cell of Tables 2 to 6, with all that ran on real data. It goes to standard output, as Markdown.
    """
    parser.add_argument("scorecards", type=Path, nargs="+", metavar="CSV", help="of the suites to join")

    def run(options: Namespace) -> None:
        from pml.reporting.scorecard import merge, page

        print(page(merge(options.scorecards)), end="")

    return run


COMMANDS = {
    predict: "estimate the age of the faces in photos",
    export: "write a trained model as a folder of its own",
    forecast: "say what a suite will take: jobs, hours, disk, memory",
    check: "list all that would stop a suite, and say what it makes",
    status: "say how many jobs of a suite are done, run and have failed, and the time left",
    check_method: "run the tests of the contract on a method",
    explain: "say where a row of a table comes from, down to its runs",
    scorecard: "join the scorecards of several suites in one page",
}


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the command line names."""
    parser = Parser(prog="pml", description="Age estimation with Progressive Margin Loss and its competitors.", epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"pml {version('pml')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for declare, summary in COMMANDS.items():
        name, described = declare.__name__.replace("_", "-"), inspect.getdoc(declare)
        raw = argparse.RawDescriptionHelpFormatter
        command = commands.add_parser(name, help=summary, description=described, formatter_class=raw)
        command.set_defaults(do=declare(command))
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        commands.choices.get(options.command, parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    if options.command is None:
        parser.print_help()
        return
    sys.path.insert(0, "")  # a method of the user's own is found from the current folder, as `python -m` finds it
    options.do(options)


def _take_configs(parser: Parser) -> None:
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[Path("config/config.yaml")],
        metavar="FILE",
        help="later ones are read over earlier ones, key by key; default: the demo's",
    )


def _cores() -> int:
    """Return how many cores this process may use; only Linux tells those of a queue's job."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _number(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text}: give a whole number, {least} at least")
    return int(text)


def _count(text: str) -> int:
    return _number(text, 1)


def _options(text: str) -> dict:
    try:
        options = json.loads(text)
    except ValueError as error:
        raise InputError(f"--options: not JSON: {error}") from None
    if not isinstance(options, dict):
        raise InputError("--options: give an object, such as '{\"sigma\": 3}'")
    return options


if __name__ == "__main__":
    main()
