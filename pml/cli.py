"""The command `pml`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pml.errors import stage_main

PREDICT = """\
Estimate the age of the face in each photo with the model of a finished run.

Where a photo shows several faces, the large and central one is taken. The interval is the central 80 % of the distribution
that the model predicts; nothing has tested whether it covers four true ages in five. Estimates are of apparent age, by a model
trained on a small set of faces, and worth no more than that set. They are not for decisions about people."""

FORECAST = """\
Say what a suite will take: its jobs, the hours of each table, disk and memory, each with what it may come to.

The speed is measured here in a minute or two, by training the config's own networks on a few made-up faces; or it is read off
runs that are finished. So call it where the suite will run: on a node with a GPU, for a suite that is to train on one."""


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the subcommand that the command line names."""
    parser = argparse.ArgumentParser(prog="pml", description="Age estimation with Progressive Margin Loss and its competitors.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    predict = commands.add_parser(
        "predict",
        help="estimate the age of the face in a photo",
        description=PREDICT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    predict.add_argument("photos", type=Path, nargs="+", metavar="PHOTO")
    predict.add_argument("--model", type=Path, required=True, metavar="RUN", help="run directory with a model.pt")
    predict.add_argument(
        "--output", type=Path, default=Path(), metavar="DIR", help="folder for <photo>_age.png (default: the current one)"
    )
    forecast = commands.add_parser(
        "forecast",
        help="say what a suite will take: jobs, hours, disk, memory",
        description=FORECAST,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    forecast.add_argument(
        "--configfile", type=Path, default=Path("config/config.yaml"), metavar="FILE", help="default: the demo's"
    )
    forecast.add_argument("--cores", type=_count, default=1, metavar="N", help="jobs at a time, as for snakemake (default: 1)")
    forecast.add_argument("--runs", type=Path, metavar="DIR", help="folder with runs to take the speed of training from")
    forecast.add_argument("--csv", type=Path, metavar="FILE", help="write the forecast there, too")
    options = parser.parse_args(arguments)

    sys.path.insert(0, "")  # a method of the user's own is found from the current folder, as `python -m` finds it
    # PyTorch takes seconds to load, which --help need not wait for.
    if options.command == "predict":
        from pml.predict import predict_photos

        predict_photos(options.photos, options.model, options.output)
    else:
        from pml.forecast.forecast import forecast as forecast_suite

        forecast_suite(options.configfile, options.cores, options.runs, options.csv)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: give a whole number, 1 at least")
    return int(text)


if __name__ == "__main__":
    main()
