"""From images to the face store."""


def cores_of_job(wildcards, threads, resources):
    """The cores that a job has: what a queue was asked for, which may be more than the threads of a group, or the threads."""
    return resources.get("cpus_per_task", threads)


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
