"""From faces and folds to run directories."""


rule write_settings:
    output:
        "results/{suite}/runs/{experiment}/{method}/settings.json",
    log:
        "results/{suite}/logs/write_settings/{experiment}/{method}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        settings=settings_json,
    shell:
        "echo {params.settings:q} > {output} 2> {log}"


# The run directories are no declared outputs: Snakemake would delete them, and the checkpoints in them, before a retry.
# How many GPUs a training has is the profile's to say: --set-resources train_folds:gpu=1.
rule train_folds:
    input:
        unpack(faces_files),
        folds="results/{suite}/folds/{experiment}/folds.csv",
        settings="results/{suite}/runs/{experiment}/{method}/settings.json",
        initialisation=initialisation_file,
    output:
        "results/{suite}/runs/{experiment}/{method}/seed{seed}/jobs/{job}.csv",
    log:
        "results/{suite}/logs/train_folds/{experiment}/{method}/seed{seed}/{job}.log",
    wildcard_constraints:
        method=one_of(TRAINED_METHODS),
    group:
        short_runs
    conda:
        ENVIRONMENT
    # Another number of threads gives other last digits.
    threads: 1
    resources:
        gpu=0,
        mem_mb=training_memory,
        runtime=training_runtime,
    params:
        launcher=launcher,
        folds=job_folds,
        keep_models=kept_models,
        data=data_label,
        runs=subpath(output[0], ancestor=2),
    shell:
        "{params.launcher} pml.training.run --settings {input.settings} --name {wildcards.method} --data {params.data:q} --index {input.index}"
        " --faces-table {input.faces_table} --faces {input.faces} --folds-table {input.folds} --folds {params.folds}"
        " --keep-models {params.keep_models} --seed {wildcards.seed} --threads {threads} --gpus {resources.gpu}"
        " --runs {params.runs} --output {output} 2> {log}"


# A method that looks at no pixels takes seconds: no queue and no GPU for it.
use rule train_folds as look_up_folds with:
    log:
        "results/{suite}/logs/look_up_folds/{experiment}/{method}/seed{seed}/{job}.log",
    wildcard_constraints:
        method=one_of(PIXEL_FREE_METHODS),
    localrule: True


workflow.get_rule("look_up_folds").group = None  # a rule of a group would not be local


rule extract_features:
    input:
        unpack(faces_files),
        folds="results/{suite}/folds/{experiment}/folds.csv",
        jobs=method_jobs,
    output:
        "results/{suite}/features/{experiment}/{method}/fold{fold}.npz",
    log:
        "results/{suite}/logs/extract_features/{experiment}/{method}/{fold}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        gpu=0,
        mem_mb=more_each_attempt(4000),
        runtime=more_each_attempt(60),
    params:
        run=feature_run,
    shell:
        "python -m pml.training.features --run {params.run} --index {input.index}"
        " --faces-table {input.faces_table} --faces {input.faces} --folds-table {input.folds} --threads {threads}"
        " --gpus {resources.gpu} --output {output} 2> {log}"
