"""From metrics to the paper's tables, published and reproduced numbers side by side."""

PUBLISHED = {"table4": "published/table4_fgnet.csv"}


rule write_methods:
    output:
        "results/{suite}/tables/{table}_methods.json",
    log:
        "results/{suite}/logs/write_methods/{table}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        methods=methods_json,
    shell:
        "echo {params.methods:q} > {output} 2> {log}"


rule write_table:
    input:
        published=lookup(dpath="{table}", within=PUBLISHED),
        metrics=table_metrics,
        methods="results/{suite}/tables/{table}_methods.json",
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
    conda:
        ENVIRONMENT
    params:
        data=data_options,
        note=budget_note,
    shell:
        "python -m pml.reporting.tables --table {wildcards.table} --published {input.published} --metrics {input.metrics}"
        " --methods {input.methods} {params.data:q} --note {params.note:q} --csv {output.csv}"
        " --markdown {output.markdown} --latex {output.latex} 2> {log}"
