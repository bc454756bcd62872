"""The copies that a reader opens: results/tables and results/figures show the suite that was run last."""


rule publish:
    input:
        inputs_of("publish"),
    output:
        **plan.patterns("publish"),
    log:
        "results/logs/publish/{kind}/{name}.log",
    wildcard_constraints:
        kind="tables|figures",
        name="[^/]+",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "cp {input:q} {output:q}.part 2> {log:q} && mv {output:q}.part {output:q} 2>> {log:q}"
