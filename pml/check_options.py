"""Stage: check the classes and options that a config names, before any data is touched.

    python -m pml.check_options --config '{...}'

The schema cannot: they belong to methods, data formats and protocols, which may be a user's own.
"""

import argparse
import json
from collections.abc import Sequence

from pml.datasets.index import format_options
from pml.errors import InputError, stage_main
from pml.folds.assign import protocol_options
from pml.method import method_options


def check_options(config: dict) -> None:
    """Check a config that `pml.config.check_config` has passed.

    Raises:
        InputError: a method's class cannot be found, or an option is unknown or its value is refused.
    """
    for name, method in config["methods"].items():
        _check(f"methods.{name}", method_options, method["class"], method["options"])
    for name, dataset in config["datasets"].items():
        _check(f"datasets.{name}", format_options, dataset["format"], dataset["options"])
    for name, experiment in config["experiments"].items():
        _check(f"experiments.{name}", protocol_options, experiment["protocol"], experiment["protocol_options"])


def _check(where: str, build, kind: str, options: dict) -> None:
    try:
        build(kind, options)
    except InputError as error:
        raise InputError(f"config: {where}: {error}") from None


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m pml.check_options", description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=json.loads, required=True, metavar="JSON", help="the whole of it, defaults filled in")
    check_options(parser.parse_args(arguments).config)


if __name__ == "__main__":
    main()
