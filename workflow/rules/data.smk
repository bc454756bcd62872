"""From a URL, or from nothing, to an index."""


rule fetch_archive:
    input:
        inputs_of("fetch_archive"),
    output:
        **outputs_of("fetch_archive"),
    log:
        plan.log("fetch_archive"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("fetch_archive"),
    shell:
        stage("fetch_archive")


rule draw_synthetic_archive:
    input:
        inputs_of("draw_synthetic_archive"),
    output:
        **outputs_of("draw_synthetic_archive"),
    log:
        plan.log("draw_synthetic_archive"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=more_each_attempt(2000),
        runtime=more_each_attempt(60),
    params:
        settings=settings_of("draw_synthetic_archive"),
    shell:
        stage("draw_synthetic_archive")


rule index_images:
    input:
        inputs_of("index_images"),
    output:
        **outputs_of("index_images"),
    log:
        plan.log("index_images"),
    conda:
        ENVIRONMENT
    threads: 1  # it unpacks as fast as the disk writes
    resources:
        mem_mb=more_each_attempt(4000),
        runtime=more_each_attempt(240),
    params:
        settings=settings_of("index_images"),
    shell:
        stage("index_images")


rule fetch_weights:
    input:
        inputs_of("fetch_weights"),
    output:
        **outputs_of("fetch_weights"),
    log:
        plan.log("fetch_weights"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("fetch_weights"),
    shell:
        stage("fetch_weights")


rule report_data:
    input:
        inputs_of("report_data"),
    output:
        **outputs_of("report_data", "Data", csv="data", png="data"),
    log:
        plan.log("report_data"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("report_data"),
    shell:
        stage("report_data")
