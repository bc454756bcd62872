"""From run directories and metrics to figures."""


rule draw_figure3:
    input:
        inputs_of("draw_figure3"),
    output:
        **outputs_of("draw_figure3", "Figures", png="figure3"),
    log:
        plan.log("draw_figure3"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("draw_figure3"),
    shell:
        stage("draw_figure3")


rule draw_figure4:
    input:
        inputs_of("draw_figure4"),
    output:
        **outputs_of("draw_figure4", "Figures", png="figure4"),
    log:
        plan.log("draw_figure4"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("draw_figure4"),
    shell:
        stage("draw_figure4")


rule draw_training_curves:
    input:
        inputs_of("draw_training_curves"),
    output:
        **outputs_of("draw_training_curves", "Figures", png="training_curves"),
    log:
        plan.log("draw_training_curves"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("draw_training_curves"),
    shell:
        stage("draw_training_curves")


rule draw_errors_by_age:
    input:
        inputs_of("draw_errors_by_age"),
    output:
        **outputs_of("draw_errors_by_age", "Figures", png="errors_by_age"),
    log:
        plan.log("draw_errors_by_age"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("draw_errors_by_age"),
    shell:
        stage("draw_errors_by_age")


rule draw_diagnostics:
    input:
        inputs_of("draw_diagnostics"),
    output:
        **outputs_of("draw_diagnostics", "Figures", png="diagnostics"),
    log:
        plan.log("draw_diagnostics"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("draw_diagnostics"),
    shell:
        stage("draw_diagnostics")
