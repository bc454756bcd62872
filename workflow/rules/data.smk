"""From a URL, or from nothing, to an index."""


rule fetch_archive:
    output:
        "resources/archives/{dataset}/{archive}",
    log:
        "results/logs/fetch_archive/{dataset}/{archive}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        download=download_of,
    shell:
        "python -m pml.datasets.fetch --url {params.download[url]:q} --checksum {params.download[checksum]} --output {output} 2> {log}"


rule draw_synthetic_archive:
    output:
        "results/{suite}/archives/{dataset}.archive",
    log:
        "results/{suite}/logs/draw_synthetic_archive/{dataset}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=more_each_attempt(2000),
        runtime=more_each_attempt(60),
    params:
        format=lookup(dpath="datasets/{dataset}/format", within=config),
        drawn=drawn_of,
    shell:
        "python -m pml.datasets.synthetic --format {params.format} --subjects {params.drawn[subjects]}"
        " --images {params.drawn[images]} --seed {params.drawn[seed]} --output {output} 2> {log}"


rule index_images:
    input:
        archive_inputs,
    output:
        images=directory("results/{suite}/datasets/{dataset}/images"),
        index="results/{suite}/datasets/{dataset}/index.csv",
        landmarks="results/{suite}/datasets/{dataset}/landmarks.csv",
        rejected="results/{suite}/datasets/{dataset}/rejected.csv",
        findings="results/{suite}/datasets/{dataset}/findings.csv",
    log:
        "results/{suite}/logs/index_images/{dataset}.log",
    conda:
        ENVIRONMENT
    # It unpacks as fast as the disk writes.
    threads: 1
    resources:
        mem_mb=more_each_attempt(4000),
        runtime=more_each_attempt(240),
    params:
        format=lookup(dpath="datasets/{dataset}/format", within=config),
        archives=archives_of,
        checksums=checksums_of,
        options=format_options,
    shell:
        "python -m pml.datasets.index --format {params.format} --archives {params.archives:q} --checksums {params.checksums}"
        " --options {params.options:q} --images {output.images} --index {output.index} --landmarks {output.landmarks}"
        " --rejected {output.rejected} --findings {output.findings} > {log} 2>&1"


rule fetch_weights:
    output:
        "resources/weights/{backbone}.pth",
    log:
        "results/logs/fetch_weights/{backbone}.log",
    wildcard_constraints:
        backbone="|".join(WEIGHTS),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        url=lookup(dpath="{backbone}/0", within=WEIGHTS),
        checksum=lookup(dpath="{backbone}/1", within=WEIGHTS),
    shell:
        "python -m pml.datasets.fetch --url {params.url:q} --checksum {params.checksum} --output {output} 2> {log}"


rule report_data:
    input:
        unpack(dataset_tables),
    output:
        csv=report(
            "results/{suite}/tables/data_{dataset}.csv",
            caption="../report/data.rst",
            category="Data",
        ),
        markdown="results/{suite}/tables/data_{dataset}.md",
        pdf="results/{suite}/figures/ages_{dataset}.pdf",
        png=report(
            "results/{suite}/figures/ages_{dataset}.png",
            caption="../report/data.rst",
            category="Data",
        ),
    log:
        "results/{suite}/logs/report_data/{dataset}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        data=data_options,
    shell:
        "python -m pml.reporting.data_report --index {input.index} --rejected {input.rejected} {input.rejected_faces}"
        " --findings {input.findings} --faces {input.faces_table} {params.data:q} --csv {output.csv}"
        " --markdown {output.markdown} --pdf {output.pdf} --png {output.png} 2> {log}"
