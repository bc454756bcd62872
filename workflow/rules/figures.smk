"""From run directories and metrics to the paper's figures."""


rule draw_figure3:
    input:
        unpack(faces_files),
        jobs=figure_jobs,
    output:
        pdf="results/{suite}/figures/{figure}.pdf",
        png=report(
            "results/{suite}/figures/{figure}.png",
            caption="../report/figure3.rst",
            category="Figures",
        ),
    log:
        "results/{suite}/logs/{figure}.log",
    wildcard_constraints:
        figure="figure3",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        methods=figure_methods,
        labels=figure_labels,
        data=data_options,
        faces=faces_option,
    shell:
        "python -m pml.reporting.figure3 --index {input.index} --faces-table {input.faces_table} --faces {input.faces}"
        " --jobs {input.jobs} --method {params.methods[0]} --baseline {params.methods[1]} --labels {params.labels:q}"
        " {params.data:q} {params.faces} --pdf {output.pdf} --png {output.png} 2> {log}"


rule draw_figure4:
    input:
        figure_features,
    output:
        pdf="results/{suite}/figures/{figure}.pdf",
        png=report(
            "results/{suite}/figures/{figure}.png",
            caption="../report/figure4.rst",
            category="Figures",
        ),
        csv="results/{suite}/figures/{figure}_purity.csv",
    log:
        "results/{suite}/logs/{figure}.log",
    wildcard_constraints:
        figure="figure4",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        labels=figure_labels,
        data=data_options,
        ages=figure_ages,
    shell:
        "python -m pml.reporting.figure4 --features {input} --labels {params.labels:q} {params.ages} {params.data:q}"
        " --pdf {output.pdf} --png {output.png} --csv {output.csv} 2> {log}"


rule draw_training_curves:
    input:
        experiment_jobs,
    output:
        pdf="results/{suite}/figures/training_curves_{experiment}.pdf",
        png=report(
            "results/{suite}/figures/training_curves_{experiment}.png",
            caption="../report/training_curves.rst",
            category="Figures",
        ),
    log:
        "results/{suite}/logs/draw_training_curves/{experiment}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        labels=method_labels,
        data=data_options,
    shell:
        "python -m pml.reporting.curves --jobs {input} --labels {params.labels:q} {params.data:q}"
        " --pdf {output.pdf} --png {output.png} 2> {log}"


rule draw_errors_by_age:
    input:
        metrics="results/{suite}/tables/metrics_{experiment}.csv",
        decades="results/{suite}/evaluation/{experiment}/decades.csv",
    output:
        pdf="results/{suite}/figures/errors_by_age_{experiment}.pdf",
        png=report(
            "results/{suite}/figures/errors_by_age_{experiment}.png",
            caption="../report/errors_by_age.rst",
            category="Figures",
        ),
    log:
        "results/{suite}/logs/draw_errors_by_age/{experiment}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        labels=method_labels,
        data=data_options,
    shell:
        "python -m pml.reporting.errors_by_age --metrics {input.metrics} --decades {input.decades}"
        " --labels {params.labels:q} {params.data:q} --pdf {output.pdf} --png {output.png} 2> {log}"


rule inspect_margins:
    input:
        jobs=method_jobs,
    output:
        "results/{suite}/margins/{experiment}/{method}/fold{fold}.csv",
    log:
        "results/{suite}/logs/inspect_margins/{experiment}/{method}/{fold}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        run=feature_run,
    shell:
        "python -m pml.progressive_margin.inspector --run {params.run} --output {output} 2> {log}"


rule draw_margins:
    input:
        margins_table,
    output:
        pdf="results/{suite}/figures/margins_{experiment}_{method}.pdf",
        png=report(
            "results/{suite}/figures/margins_{experiment}_{method}.png",
            caption="../report/margins.rst",
            category="Figures",
        ),
    log:
        "results/{suite}/logs/draw_margins/{experiment}/{method}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        margins=margins_history,
        data=data_options,
    shell:
        "python -m pml.reporting.margins --classes {input} --margins {params.margins} {params.data:q}"
        " --pdf {output.pdf} --png {output.png} 2> {log}"
