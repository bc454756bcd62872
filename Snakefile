"""The suite: from raw archives to the paper's tables and figures."""

from snakemake.utils import min_version

min_version("9.0")


# A second config file would be merged into the first one: the default is read only where none is given.
if not workflow.configfiles:

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/small.smk"
include: "workflow/rules/publish.smk"


report: "pml/reporting/captions/workflow.rst"


# The jobs read it: on a queue, too, and when they are run by hand.
onstart:
    save_plan()


onerror:
    tell_failures()


rule all:
    default_target: True
    input:
        plan.products(),
        PAGE,
