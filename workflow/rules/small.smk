"""The small jobs: they run where snakemake does, and differ in their names alone. The plan knows the rest."""

SMALL = ["fetch_archive", "fetch_weights", "assign_folds", "report_data", "write_table"]
SMALL += ["evaluate_predictions", "evaluate_course"]
SMALL += ["draw_experiment", "draw_figure3", "draw_figure4", "draw_forest", "draw_subjects", "draw_diagnostics", "write_page"]

for small in SMALL:

    rule:
        name:
            small
        input:
            inputs_of(small),
        output:
            **outputs_of(small),
        log:
            plan.log(small),
        localrule: True
        conda:
            ENVIRONMENT
        params:
            settings=settings_of(small),
            command=command_of(small),
        shell:
            # Snakemake works this out when the job runs, when `small` is the last of them.
            "{params.command} 2> {log:q}"
