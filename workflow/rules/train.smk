"""From faces and folds to run directories."""


# The run directories are no declared outputs: Snakemake would delete them, and the checkpoints in them, before a retry.
# How many GPUs a training has is the profile's to say: --set-resources train_folds:gpu=1.
rule train_folds:
    input:
        inputs_of("train_folds"),
    output:
        **outputs_of("train_folds"),
    log:
        plan.log("train_folds"),
    wildcard_constraints:
        method=one_of(set(plan.config["methods"]) - {*plan.references}),
    group:
        short_runs
    conda:
        ENVIRONMENT
    threads: 1  # another number of threads gives other last digits
    resources:
        gpu=0,
        mem_mb=megabytes,
        runtime=minutes,
    params:
        settings=settings_of("train_folds"),
        launcher=launcher,
    shell:
        stage("train_folds", "--threads {threads:q} --gpus {resources.gpu:q}", "{params.launcher}")


# A method that looks at no pixels takes seconds: no queue and no GPU for it.
rule look_up_folds:
    input:
        inputs_of("look_up_folds"),
    output:
        **outputs_of("look_up_folds"),
    log:
        plan.log("look_up_folds"),
    wildcard_constraints:
        method=one_of(plan.references),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_of("look_up_folds"),
    shell:
        stage("look_up_folds")


rule embed_faces:
    input:
        inputs_of("embed_faces"),
    output:
        **outputs_of("embed_faces"),
    log:
        plan.log("embed_faces"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        gpu=0,
        mem_mb=more_each_attempt(4000),
        runtime=more_each_attempt(240),
    params:
        settings=settings_of("embed_faces"),
    shell:
        stage("embed_faces", "--threads {threads:q} --gpus {resources.gpu:q}")


rule extract_features:
    input:
        inputs_of("extract_features"),
    output:
        **outputs_of("extract_features"),
    log:
        plan.log("extract_features"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        gpu=0,
        mem_mb=more_each_attempt(4000),
        runtime=more_each_attempt(60),
    params:
        settings=settings_of("extract_features"),
    shell:
        stage("extract_features", "--threads {threads:q} --gpus {resources.gpu:q}")
