"""What the rules ask of a machine or a queue."""

# Images of 224 x 224 pixels that train a ResNet-34 in a second; a ResNet-18 takes half the work. One CPU core trains a ResNet-18
# on 100 faces of 48 pixels in float32, twice to two and a half times as many in bfloat16; the GPU's rate is a cautious guess.
CPU_IMAGES_PER_SECOND, GPU_IMAGES_PER_SECOND = 2.3, 400
SHARE_OF_RESNET34 = {"resnet18": 0.5, "resnet34": 1}
MARGIN = 3  # a node may be slow or shared
LEAST_MINUTES, MOST_MINUTES = 30, 24 * 60  # most queues grant a day
MANY_JOBS = 10
GROUP = 20  # members of a group, as the profiles say
PROCESS_MB = 4000  # of a training, whose face store is read through the page cache
BYTES_PER_PIXEL = 672  # activations of a ResNet-34 in float32, for each pixel of a batch


def more_each_attempt(amount):
    """A resource, such as MB or minutes, that grows by `amount` with every attempt."""

    def resource(wildcards, attempt):
        return amount * attempt

    return resource


def training_runtime(wildcards, input, attempt):
    """The time limit of a training job in minutes. One that is too short is no loss: the next attempt resumes.

    It follows from the training images of the job's folds, and is the least while they are not drawn. The limits of a group
    are added up, so its members get no more at the next attempt: together they are to stay within what a queue grants.
    """
    experiment = config["experiments"][wildcards.experiment]
    images = 0
    if Path(input.folds).exists():
        counts = training_images(input.folds)
        images = sum(counts[fold] for fold in job_folds(wildcards)) * (config["face_size"] / 224) ** 2
    epochs = experiment["training"]["epochs"] * (len(experiment["curriculum"]) + 1)
    rate = gpus_of_training() * GPU_IMAGES_PER_SECOND or CPU_IMAGES_PER_SECOND
    seconds = images * epochs * SHARE_OF_RESNET34[experiment["backbone"]] / rate
    minutes = max(LEAST_MINUTES, math.ceil(MARGIN * seconds / 60))
    return min(MOST_MINUTES // GROUP, minutes) if short_runs(wildcards) else min(MOST_MINUTES, attempt * minutes)


@cache
def training_images(folds_table):
    """How many training images each fold of a folds.csv has."""
    with open(folds_table) as file:
        return Counter(int(row["fold"]) for row in csv.DictReader(file) if row["part"] == "train")


def training_memory(wildcards, attempt):
    """MB of main memory of a training job: for each of its processes, and on a CPU for the activations of a batch."""
    gpus = gpus_of_training()
    batch = config["experiments"][wildcards.experiment]["training"]["batch_size"]
    activations = 0 if gpus else math.ceil(batch * config["face_size"] ** 2 * BYTES_PER_PIXEL / 1e6)
    return attempt * (PROCESS_MB * max(1, gpus) + activations)


def gpus_of_training():
    """The GPUs that profile and command line give to a training job."""
    return workflow.get_rule("train_folds").resources.get("gpu").value


def launcher(wildcards, resources):
    """What starts a training: one process, or one for each of several GPUs."""
    return f"torchrun --standalone --nproc-per-node {resources.gpu} -m" if resources.gpu > 1 else "python -m"


def cores_of_job(wildcards, threads, resources):
    """The cores that a job has: what a queue was asked for, which may be more than the threads of a group, or the threads."""
    return resources.get("cpus_per_task", threads)


def short_runs(wildcards):
    """The group that a training job belongs to on a queue: an experiment of many jobs a method has many short ones.

    Jobs that wait for the runs of another experiment are a group of their own, lest they hold up the others.
    """
    experiment = config["experiments"][wildcards.experiment]
    if wildcards.method in PIXEL_FREE_METHODS or len(list(fold_jobs(experiment, wildcards.method))) <= MANY_JOBS:
        return None
    return "short_runs" if isinstance(experiment["initialisation"], str) else "short_pretrained_runs"
