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
        url=lookup(dpath="datasets/{dataset}/archive/url", within=config),
        checksum=lookup(dpath="datasets/{dataset}/archive/checksum", within=config),
    shell:
        "python -m pml.datasets.fetch --url {params.url:q} --checksum {params.checksum} --output {output} 2> {log}"


rule draw_synthetic_archive:
    output:
        "results/{suite}/archives/{dataset}.zip",
    log:
        "results/{suite}/logs/draw_synthetic_archive/{dataset}.log",
    conda:
        ENVIRONMENT
    params:
        format=lookup(dpath="datasets/{dataset}/format", within=config),
        drawn=lookup(dpath="datasets/{dataset}/archive/synthetic", within=config),
    shell:
        "python -m pml.datasets.synthetic --format {params.format} --subjects {params.drawn[subjects]}"
        " --images {params.drawn[images]} --seed {params.drawn[seed]} --output {output} 2> {log}"


rule index_images:
    input:
        archive_file,
    output:
        images=directory("results/{suite}/datasets/{dataset}/images"),
        index="results/{suite}/datasets/{dataset}/index.csv",
        landmarks="results/{suite}/datasets/{dataset}/landmarks.csv",
        rejected="results/{suite}/datasets/{dataset}/rejected.csv",
    log:
        "results/{suite}/logs/index_images/{dataset}.log",
    conda:
        ENVIRONMENT
    params:
        format=lookup(dpath="datasets/{dataset}/format", within=config),
        checksum=checksum_option,
    shell:
        "python -m pml.datasets.index --format {params.format} --archive {input:q} {params.checksum} --images {output.images}"
        " --index {output.index} --landmarks {output.landmarks} --rejected {output.rejected} > {log} 2>&1"


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
