"""From an index to the folds of each experiment."""


rule assign_folds:
    input:
        inputs_of("assign_folds"),
    output:
        **outputs_of("assign_folds"),
    log:
        plan.log("assign_folds"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("assign_folds"),
    shell:
        stage("assign_folds")
