"""What the rules ask of a machine or a queue."""

# Images of 224 x 224 pixels that train a ResNet-34 in a second; a ResNet-18 takes half the work. One CPU core trains a ResNet-18
# on 100 faces of 48 pixels in float32, twice to two and a half times as many in bfloat16; the GPU's rate is a cautious guess.
CPU_IMAGES_PER_SECOND, GPU_IMAGES_PER_SECOND = 2.3, 400
SHARE_OF_RESNET34 = {"resnet18": 0.5, "resnet34": 1}
MARGIN = 3  # a node may be slow or shared
LEAST_MINUTES, MOST_MINUTES = 30, 24 * 60  # most queues grant a day
MANY_JOBS = 10


def more_each_attempt(amount):
    """A resource, such as MB or minutes, that grows by `amount` with every attempt."""

    def resource(wildcards, attempt):
        return amount * attempt

    return resource


def training_runtime(wildcards, input, attempt):
    """The time limit of a training job in minutes. One that is too short is no loss: the next attempt resumes.

    It follows from the size of the face store, and is the least while there is none.
    """
    experiment = config["experiments"][wildcards.experiment]
    store = Path(input.faces)
    images = store.stat().st_size / (3 * 224**2) if store.exists() else 0  # of 224 pixels, whatever the size of the faces
    epochs = experiment["training"]["epochs"] * (len(experiment["curriculum"]) + 1) * len(job_folds(wildcards))
    rate = gpus_of_training() * GPU_IMAGES_PER_SECOND or CPU_IMAGES_PER_SECOND
    seconds = images * epochs * SHARE_OF_RESNET34[experiment["backbone"]] / rate
    return min(MOST_MINUTES, attempt * max(LEAST_MINUTES, math.ceil(MARGIN * seconds / 60)))


def gpus_of_training():
    """The GPUs that profile and command line give to a training job."""
    return workflow.get_rule("train_folds").resources.get("gpu").value


def launcher(wildcards, resources):
    """What starts a training: one process, or one for each of several GPUs."""
    return f"torchrun --standalone --nproc-per-node {resources.gpu} -m" if resources.gpu > 1 else "python -m"


def short_runs(wildcards):
    """The group that a training job belongs to on a queue: an experiment of many jobs a method has many short ones.

    Jobs that wait for the runs of another experiment are a group of their own, lest they hold up the others.
    """
    experiment = config["experiments"][wildcards.experiment]
    if wildcards.method in PIXEL_FREE_METHODS or len(list(fold_jobs(experiment, wildcards.method))) <= MANY_JOBS:
        return None
    return "short_runs" if isinstance(experiment["initialisation"], str) else "short_pretrained_runs"
