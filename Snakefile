"""The suite: from raw archives to the paper's tables and figures."""

import subprocess
import sys

from snakemake.utils import min_version

min_version("9.0")


# A second config file would be merged into the first one: the default is read only where none is given.
if "experiments" not in config:

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/lookups/data.smk"
include: "workflow/lookups/runs.smk"
include: "workflow/lookups/resources.smk"
include: "workflow/lookups/reports.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/faces.smk"
include: "workflow/rules/folds.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


# The schema knows no method's options; this asks the methods themselves, once and before hours are spent on the data.
onstart:
    check = [sys.executable, "-m", "pml.check_options", "--config", json.dumps(config)]
    if subprocess.run(check).returncode:
        raise WorkflowError("The check of the config failed, see above; nothing was run.")


rule all:
    default_target: True
    input:
        final_products(config),
