"""From metrics and predictions to tables: the paper's, published and reproduced numbers side by side, and the suite's own."""


rule write_table:
    input:
        inputs_of("write_table"),
    output:
        **outputs_of("write_table", "Tables", csv="table"),
    log:
        plan.log("write_table"),
    wildcard_constraints:
        table=one_of(task.wildcards["table"] for task in plan.tasks("write_table")),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("write_table"),
    shell:
        stage("write_table")
