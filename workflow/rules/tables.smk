"""From metrics and predictions to tables: the paper's, published and reproduced numbers side by side, and the suite's own."""

PUBLISHED = {
    "table2": "published/table2_morph2_setting1.csv",
    "table3": "published/table3_morph2_setting2.csv",
    "table4": "published/table4_fgnet.csv",
    "table5": "published/table5_chalearn.csv",
}


rule write_table_experiments:
    output:
        "results/{suite}/evaluation/{table}.json",
    log:
        "results/{suite}/logs/write_table_experiments/{table}.log",
    wildcard_constraints:
        table="|".join(PUBLISHED),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        experiments=table_json,
    shell:
        "echo {params.experiments:q} > {output} 2> {log}"


rule write_table:
    input:
        table_metrics,
        published=lookup(dpath="{table}", within=PUBLISHED),
        others=PUBLISHED.values(),
        experiments="results/{suite}/evaluation/{table}.json",
    output:
        csv=report(
            "results/{suite}/tables/{table}.csv",
            caption="../report/table.rst",
            category="Tables",
        ),
        markdown="results/{suite}/tables/{table}.md",
        latex="results/{suite}/tables/{table}.tex",
    log:
        "results/{suite}/logs/write_table/{table}.log",
    wildcard_constraints:
        table="|".join(PUBLISHED),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        data=data_options,
    shell:
        "python -m pml.reporting.tables --table {wildcards.table} --published {input.published} --other-published {input.others}"
        " --experiments {input.experiments} {params.data:q} --csv {output.csv} --markdown {output.markdown}"
        " --latex {output.latex} 2> {log}"


rule write_table6_experiments:
    output:
        "results/{suite}/evaluation/table6.json",
    log:
        "results/{suite}/logs/write_table6_experiments.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        experiments=table6_json,
    shell:
        "echo {params.experiments:q} > {output} 2> {log}"


rule write_table6:
    input:
        table6_files,
        published="published/table6_curriculum.csv",
        histogram="published/chalearn2015_age_histogram.csv",
        experiments="results/{suite}/evaluation/table6.json",
    output:
        csv=report(
            "results/{suite}/tables/table6.csv",
            caption="../report/table6.rst",
            category="Tables",
        ),
        markdown="results/{suite}/tables/table6.md",
        latex="results/{suite}/tables/table6.tex",
    log:
        "results/{suite}/logs/write_table6.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python -m pml.reporting.table6 --published {input.published} --histogram ChaLearn {input.histogram}"
        " --experiments {input.experiments} --csv {output.csv} --markdown {output.markdown} --latex {output.latex} 2> {log}"


rule write_comparison_experiments:
    output:
        "results/{suite}/evaluation/table_{comparison}.json",
    log:
        "results/{suite}/logs/write_comparison_experiments/{comparison}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        experiments=comparison_json,
    shell:
        "echo {params.experiments:q} > {output} 2> {log}"


rule write_comparison:
    input:
        comparison_pools,
        experiments="results/{suite}/evaluation/table_{comparison}.json",
    output:
        csv=report(
            "results/{suite}/tables/table_{comparison}.csv",
            caption="../report/comparison.rst",
            category="Tables",
        ),
        markdown="results/{suite}/tables/table_{comparison}.md",
        latex="results/{suite}/tables/table_{comparison}.tex",
    log:
        "results/{suite}/logs/write_comparison/{comparison}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        reference=reference_of,
        data=data_options,
    shell:
        "python -m pml.reporting.comparison --comparison {wildcards.comparison} --experiments {input.experiments}"
        " --reference {params.reference} {params.data:q} --csv {output.csv} --markdown {output.markdown}"
        " --latex {output.latex} 2> {log}"


rule write_leakage_experiments:
    output:
        "results/{suite}/evaluation/leakage.json",
    log:
        "results/{suite}/logs/write_leakage_experiments.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        experiments=leakage_json,
    shell:
        "echo {params.experiments:q} > {output} 2> {log}"


rule write_leakage:
    input:
        leakage_files,
        experiments="results/{suite}/evaluation/leakage.json",
    output:
        csv=report(
            "results/{suite}/tables/leakage.csv",
            caption="../report/leakage.rst",
            category="Tables",
        ),
        markdown="results/{suite}/tables/leakage.md",
    log:
        "results/{suite}/logs/write_leakage.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "python -m pml.evaluation.leakage --experiments {input.experiments} --csv {output.csv} --markdown {output.markdown} 2> {log}"
