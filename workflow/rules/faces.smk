"""From images to the face store."""


rule align_faces:
    input:
        images="results/{suite}/datasets/{dataset}/images",
        index="results/{suite}/datasets/{dataset}/index.csv",
        landmarks="results/{suite}/datasets/{dataset}/landmarks.csv",
    output:
        faces="results/{suite}/faces/{dataset}/faces.npy",
        table="results/{suite}/faces/{dataset}/faces.csv",
        rejected="results/{suite}/faces/{dataset}/rejected.csv",
    log:
        "results/{suite}/logs/align_faces/{dataset}.log",
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        mem_mb=more_each_attempt(4000),
        runtime=more_each_attempt(480),
    params:
        size=config["face_size"],
        processes=cores_of_job,
    shell:
        "python -m pml.faces.align --images {input.images} --index {input.index} --landmarks {input.landmarks}"
        " --size {params.size} --threads {params.processes} --faces {output.faces} --table {output.table} --rejected {output.rejected} 2> {log}"
