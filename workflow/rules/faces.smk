"""From images to the face store."""


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
        stage("align_faces", "--threads {params.processes}")
