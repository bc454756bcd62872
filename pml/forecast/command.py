"""The command `pml forecast`."""

import sys
from pathlib import Path

import yaml

from pml.config import check_config
from pml.errors import InputError
from pml.forecast.calibration import calibrate
from pml.forecast.recorded import recorded_rates
from pml.forecast.report import forecast_text
from pml.forecast.rows import forecast_rows, write_rows
from pml.forecast.suite import Suite


def forecast(configfile: Path, cores: int, runs: Path | None, csv: Path | None) -> None:
    """Print what the suite of a config file will take, `cores` jobs at a time, and write it to `csv` if that is given.

    The speed of training is measured here, or taken from the finished runs below `runs`.

    Raises:
        InputError: the config is wrong, a fold, a run or a method is not there, or a batch does not fit into the GPU.
    """
    suite = Suite(check_config(_read(configfile)))
    formats = sorted({dataset["format"] for dataset in suite.config["datasets"].values()})
    rates, stand_ins = (None, []) if runs is None else recorded_rates(runs, suite.workloads)
    measured = calibrate([] if rates else suite.workloads, formats, cores)
    if rates:
        rates.add(measured)
    rows = forecast_rows(suite, rates or measured, cores)
    print(forecast_text(suite, rates or measured, cores, rows, stand_ins))
    if csv:
        write_rows(rows, csv)
        print(f"{csv}: {len(rows)} rows", file=sys.stderr)


def _read(configfile: Path) -> dict:
    try:
        config = yaml.safe_load(configfile.read_text())
    except (OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{configfile}: cannot be read: {reason}; name a config file, such as config/paper.yaml") from None
    if not isinstance(config, dict):
        raise InputError(f"{configfile}: holds no settings; start from one of config/")
    return config
