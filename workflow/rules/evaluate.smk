"""From run directories to metrics."""


rule pool_predictions:
    input:
        unpack(faces_files),
        folds="results/{suite}/folds/{experiment}/folds.csv",
        jobs=experiment_jobs,
    output:
        "results/{suite}/evaluation/{experiment}/pooled.csv",
    log:
        "results/{suite}/logs/pool_predictions/{experiment}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        course="",
    shell:
        "python -m pml.evaluation.pool --index {input.index} --folds {input.folds} --jobs {input.jobs} {params.course}"
        " --output {output} 2> {log}"


rule evaluate_predictions:
    input:
        "results/{suite}/evaluation/{experiment}/pooled.csv",
    output:
        metrics=report(
            "results/{suite}/tables/metrics_{experiment}.csv",
            caption="../report/metrics.rst",
            category="Tables",
        ),
        decades="results/{suite}/evaluation/{experiment}/decades.csv",
    log:
        "results/{suite}/logs/evaluate_predictions/{experiment}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        data=data_label,
        selection=lookup(dpath="experiments/{experiment}/training/selection", within=config),
    shell:
        "python -m pml.evaluation.evaluate --data {params.data:q} --pooled {input} --selection {params.selection} --metrics {output.metrics}"
        " --decades {output.decades} 2> {log}"


# What the runs predicted when a course of their curriculum had ended.
use rule pool_predictions as pool_course with:
    output:
        "results/{suite}/evaluation/{experiment}/course{course}/pooled.csv",
    log:
        "results/{suite}/logs/pool_course/{experiment}/{course}.log",
    localrule: True
    params:
        course="--course {course}",


use rule evaluate_predictions as evaluate_course with:
    input:
        "results/{suite}/evaluation/{experiment}/course{course}/pooled.csv",
    output:
        metrics="results/{suite}/evaluation/{experiment}/course{course}/metrics.csv",
        decades="results/{suite}/evaluation/{experiment}/course{course}/decades.csv",
    log:
        "results/{suite}/logs/evaluate_course/{experiment}/{course}.log",
    localrule: True
    params:
        data=data_label,
        selection="last",
