"""From an index to the folds of each experiment."""


rule assign_folds:
    input:
        unpack(faces_files),
        image_list=image_list,
    output:
        "results/{suite}/folds/{experiment}/folds.csv",
    log:
        "results/{suite}/logs/assign_folds/{experiment}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        protocol=lookup(dpath="experiments/{experiment}/protocol", within=config),
        seed=lookup(dpath="experiments/{experiment}/fold_seed", within=config),
        validation=lookup(dpath="experiments/{experiment}/validation", within=config),
        options=protocol_options,
        dividing_lines=lookup(dpath="experiments/{experiment}/curriculum", within=config),
        needed=needed_folds,
    shell:
        "python -m pml.folds.assign --protocol {params.protocol} --options {params.options:q} --index {input.index} --faces {input.faces_table}"
        " --seed {params.seed} --validation {params.validation} --dividing-lines {params.dividing_lines}"
        " --needed {params.needed} --output {output} 2> {log}"
