"""The command `pml`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from pml.commands.parser import Parser
from pml.errors import InputError, stage_main

EPILOG = "`pml COMMAND --help` says what a command does, and lists its options."

PREDICT = """\
Estimate the age of the face in each photo with the model of a finished run, a line a face.

Where a photo shows several faces, the large and central one is taken; with --faces all, each of them. The interval is the
central 80 % of the distribution that the model predicts. On FG-NET, PML's held the true age of 84 % of all faces, and of 67 %
of those of rare ages.
Estimates are of apparent age, by a model trained on a small set of faces, and worth no more than that set.
They are not for decisions about people.

A photo without an age has a line with its problem, and the others go on. Exit code: 0 if every photo has an age, 1 if some have
none, 2 if nothing could be done."""

EXPORT = """\
Write the model of a finished run as a folder of its own: weights (safetensors), graph (ONNX), the constants of the face's crop,
settings, and a model card. For ONNX it needs onnx and onnxruntime: pip install 'pml[export]'."""

FORECAST = """\
Say what a suite will take: its jobs, the hours of each table, disk and memory, each with what it may come to.

The speed is measured here in a minute or two, by training the config's own networks on a few made-up faces; or it is read off
runs that are finished. So call it where the suite will run: on a node with a GPU, for a suite that is to train on one."""

SCORECARD = """\
Join the scorecards of several suites (results/<suite>/tables/scorecard.csv) in one page: every published cell of Tables 2 to 6,
with all that ran on real data. It goes to standard output, as Markdown."""

CHECK = """\
List all that would stop a suite, before anything runs, and say what the suite makes.

That is its config with all options, its archives and weights, the folds, the disk, the memory and the GPU. Exit code 2 says
that there is an error; what may do harm or takes a download is a warning."""

STATUS = """\
Say how many jobs of a suite are done, run and have failed, with the last lines of their logs, and how long the rest will take.

The time left follows from the suite's own finished runs. What it says of a job that was killed is "broken off"."""

EXPLAIN = """\
Say where a row of a table comes from: its files, down to the runs, with the settings, commit, versions and device of each."""

CHECK_METHOD = """\
Run the tests of the contract (pml/methods/contract.py) on a method: a short name, or module:Class of your own."""


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the subcommand that the command line names."""
    parser = Parser(prog="pml", description="Age estimation with Progressive Margin Loss and its competitors.", epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"pml {version('pml')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, summary: str, description: str) -> Parser:
        raw = argparse.RawDescriptionHelpFormatter
        return commands.add_parser(name, help=summary, description=description, formatter_class=raw)

    predict = command("predict", "estimate the age of the faces in photos", PREDICT)
    predict.add_argument("photos", nargs="+", metavar="PHOTO", help="a file, a folder, or a pattern such as 'album/**/*.jpg'")
    predict.add_argument("--model", type=Path, required=True, metavar="RUN", help="run directory, export, or its model.pt")
    predict.add_argument("--faces", choices=["main", "all"], default="main", help="of each photo (default: main)")
    predict.add_argument("--format", choices=["text", "csv", "json"], help="default: text, or that of the suffix of --to")
    predict.add_argument("--to", type=Path, metavar="FILE", help="write there instead of to standard output")
    predict.add_argument(
        "--output", type=Path, default=Path(), metavar="DIR", help="folder for <photo>_age.png (default: the current one)"
    )
    predict.add_argument("--no-figure", action="store_true", help="draw nothing")
    predict.add_argument("--cores", type=_count, default=_cores(), metavar="N", help="processes at a time (default: all)")
    export = command("export", "write a trained model as a folder of its own", EXPORT)
    export.add_argument("run", type=Path, metavar="RUN", help="run directory with a model.pt")
    export.add_argument("--to", type=Path, required=True, metavar="DIR", help="a folder that is not there yet")
    export.add_argument("--without-onnx", action="store_true", help="leave the graph out")
    forecast = command("forecast", "say what a suite will take: jobs, hours, disk, memory", FORECAST)
    forecast.add_argument("--cores", type=_count, default=1, metavar="N", help="jobs at a time, as for snakemake (default: 1)")
    forecast.add_argument("--runs", type=Path, metavar="DIR", help="folder with runs to take the speed of training from")
    forecast.add_argument("--csv", type=Path, metavar="FILE", help="write the forecast there, too")
    check = command("check", "list all that would stop a suite, and say what it makes", CHECK)
    check.add_argument(
        "--gpus", type=_number, default=0, metavar="N", help="GPUs that a profile will give to a training (default: 0)"
    )
    status = command("status", "say how many jobs of a suite are done, run and have failed, and the time left", STATUS)
    for of_config in (forecast, check, status):
        of_config.add_argument(
            "--configfile",
            type=Path,
            nargs="+",
            default=[Path("config/config.yaml")],
            metavar="FILE",
            help="later ones are read over earlier ones, key by key; default: the demo's",
        )
    check_method = command("check-method", "run the tests of the contract on a method", CHECK_METHOD)
    check_method.add_argument("method", metavar="METHOD", help="such as pml, or my_methods.huber:Huber")
    check_method.add_argument(
        "--options", type=_options, default={}, metavar="JSON", help="of the method, such as '{\"sigma\": 3}'"
    )
    explain = command("explain", "say where a row of a table comes from, down to its runs", EXPLAIN)
    explain.add_argument("table", type=Path, metavar="CSV", help="such as results/tables/table4.csv")
    explain.add_argument("--row", required=True, metavar="METHOD", help="key or label of a method")
    scorecard = command("scorecard", "join the scorecards of several suites in one page", SCORECARD)
    scorecard.add_argument("scorecards", type=Path, nargs="+", metavar="CSV", help="of the suites to join")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        commands.choices.get(options.command, parser).error(f"unrecognized arguments: {' '.join(unknown)}")

    sys.path.insert(0, "")  # a method of the user's own is found from the current folder, as `python -m` finds it
    # PyTorch takes seconds to load, which --help need not wait for.
    if options.command == "predict":
        from pml.prediction.command import predict_photos

        written = {"form": options.format, "to": options.to, "drawings": None if options.no_figure else options.output}
        if not predict_photos(options.photos, options.model, faces=options.faces, cores=options.cores, **written):
            sys.exit(1)
    elif options.command == "export":
        from pml.export.command import export as export_model

        print(export_model(options.run, options.to, not options.without_onnx))
    elif options.command == "forecast":
        from pml.forecast.forecast import forecast as forecast_suite

        forecast_suite(options.configfile, options.cores, options.runs, options.csv)
    elif options.command == "check-method":
        from pml.methods.contract import check_method as check_contract

        check_contract(options.method, options.options)
    elif options.command == "explain":
        from pml.commands.explain import explain_text

        print(explain_text(options.table, options.row))
    elif options.command == "scorecard":
        from pml.reporting.scorecard import merge, page

        print(page(merge(options.scorecards)), end="")
    elif options.command == "check":
        from pml.commands.check import check as check_suite

        check_suite(options.configfile, options.gpus)
    elif options.command == "status":
        from pml.commands.status import states_of, status_text, time_left_text
        from pml.suite import make_plan
        from pml.suite.config import read_config

        plan = make_plan(read_config(*options.configfile))
        states = states_of(plan)
        print(status_text(plan, states), time_left_text(plan, states), sep="\n\n")
    else:
        parser.print_help()


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
