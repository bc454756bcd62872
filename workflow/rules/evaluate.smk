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
    conda:
        ENVIRONMENT
    shell:
        "python -m pml.evaluation.pool --index {input.index} --folds {input.folds} --jobs {input.jobs}"
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
    conda:
        ENVIRONMENT
    shell:
        "python -m pml.evaluation.evaluate --pooled {input} --metrics {output.metrics} --decades {output.decades} 2> {log}"
