"""From a drawing, or the owners' archives, to an index and the face store."""


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


rule align_faces:
    input:
        inputs_of("align_faces"),
    output:
        **outputs_of("align_faces"),
    log:
        plan.log("align_faces"),
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        mem_mb=more_each_attempt(4000),
        runtime=more_each_attempt(480),
    params:
        settings=settings_of("align_faces"),
        processes=cores_of_job,
    shell:
        stage("align_faces", "--threads {params.processes:q}")
