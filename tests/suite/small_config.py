"""The smallest config, and ones that differ from it in a place."""

import copy

SMALL = {
    "suite": "small",
    "datasets": {"fgnet": {"format": "fgnet", "label": "FG-NET", "archives": [{"synthetic": {"subjects": 2, "images": 4}}]}},
    "methods": {
        "pml": {"class": "pml.progressive_margin:PML", "label": "PML"},
        "kl": {"class": "baselines.kl:KL", "label": "KL"},
    },
    "experiments": {"lopo": {"dataset": "fgnet", "protocol": "lopo", "folds": "1-5", "methods": ["pml", "kl"]}},
}


def changed(*path, value, base: dict = SMALL) -> dict:
    """Return the small config, or another one, with `value` at `path`."""
    config = copy.deepcopy(base)
    inner = config
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    inner[path[-1]] = value
    return config


def given_archives(*archives: dict) -> dict:
    return changed("datasets", "fgnet", "archives", value=list(archives))


def compared(experiments: list[str], reference: str | dict, **changes) -> dict:
    """Return the small config with a second experiment "other" of KL alone, and a comparison "parts"."""
    config = changed("comparisons", "parts", value={"experiments": experiments, "reference": reference})
    config["experiments"]["other"] = SMALL["experiments"]["lopo"] | {"methods": ["kl"]} | changes
    config["datasets"]["twin"] = SMALL["datasets"]["fgnet"]
    return config
