"""Stage: the class statistics and the margins that a run of PML ended with, one row per age."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from pml.errors import InputError, stage_main
from pml.files import write_table
from pml.progressive_margin.method import PML
from pml.progressive_margin.summary import psi_to_others
from pml.training.run_directory import load_model


@torch.no_grad()
def margins_of_classes(method: PML) -> pd.DataFrame:
    """Return the `class_margins` table, ages ascending."""
    statistics, fused, applied = method.statistics, method.fused(), method.margins()
    columns = {
        "age": method.ages.int(),
        "count": statistics.counts.int(),
        "phi": statistics.intra_class_variance,
        "psi": psi_to_others(method),
        "margin_mean": fused.mean(1),
        "margin_spread": fused.std(1, correction=0),
        "applied_own": applied.diag(),
        "applied_spread": applied.std(1, correction=0),
    }
    return pd.DataFrame({name: values.cpu().numpy() for name, values in columns.items()})


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Read a run directory and write the table."""
    parser = argparse.ArgumentParser(prog="python -m pml.progressive_margin.inspector", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="run directory with a model.pt")
    parser.add_argument("--output", type=Path, required=True, help="table to write (.csv)")
    options = parser.parse_args(arguments)
    model, settings = load_model(options.run, torch.device("cpu"))
    if not isinstance(model.method, PML):
        raise InputError(f"{options.run}: method '{settings.method}' has no margins; name a run of PML")
    write_table(margins_of_classes(model.method), options.output, "class_margins")


if __name__ == "__main__":
    main()
