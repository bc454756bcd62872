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
    options = parser.parse_args(arguments)

    sys.path.insert(0, "")  # a method of the user's own is found from the current folder, as `python -m` finds it
    from pml.predict import predict_photos  # PyTorch takes seconds to load, which --help need not wait for

    predict_photos(options.photos, options.model, options.output)


if __name__ == "__main__":
    main()
