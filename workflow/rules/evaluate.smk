"""From run directories to metrics."""


rule pool_predictions:
    input:
        inputs_of("pool_predictions"),
    output:
        **outputs_of("pool_predictions"),
    log:
        plan.log("pool_predictions"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("pool_predictions"),
    shell:
        stage("pool_predictions")


rule evaluate_predictions:
    input:
        inputs_of("evaluate_predictions"),
    output:
        **outputs_of("evaluate_predictions", "Tables", metrics="metrics"),
    log:
        plan.log("evaluate_predictions"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("evaluate_predictions"),
    shell:
        stage("evaluate_predictions")


rule pool_course:
    input:
        inputs_of("pool_course"),
    output:
        **outputs_of("pool_course"),
    log:
        plan.log("pool_course"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("pool_course"),
    shell:
        stage("pool_course")


rule evaluate_course:
    input:
        inputs_of("evaluate_course"),
    output:
        **outputs_of("evaluate_course"),
    log:
        plan.log("evaluate_course"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("evaluate_course"),
    shell:
        stage("evaluate_course")
