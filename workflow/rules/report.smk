"""The copies that a reader opens: results/tables and results/figures show the suite that was run last."""


rule publish:
    input:
        f"results/{SUITE}/{{kind}}/{{name}}",
    output:
        "results/{kind}/{name}",
    log:
        "results/logs/publish/{kind}/{name}.log",
    wildcard_constraints:
        kind="tables|figures",
        name="[^/]+",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "cp {input} {output} 2> {log}"
