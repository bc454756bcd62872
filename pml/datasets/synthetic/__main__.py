"""`python -m pml.datasets.synthetic --format fgnet --subjects 20 --images 240 --seed 0 --output FGNET.zip`"""

import argparse
from collections.abc import Sequence

from pml.datasets.synthetic.appa_real import write_appa_real
from pml.datasets.synthetic.chalearn import write_chalearn
from pml.datasets.synthetic.fgnet import write_fgnet
from pml.datasets.synthetic.imdb_wiki import write_imdb_wiki
from pml.datasets.synthetic.morph2 import write_morph2
from pml.datasets.synthetic.utkface import write_utkface
from pml.errors import InputError, stage_main

WRITERS = {
    "fgnet": write_fgnet,
    "morph2": write_morph2,
    "chalearn": write_chalearn,
    "imdb_wiki": write_imdb_wiki,
    "utkface": write_utkface,
    "appa_real": write_appa_real,
}


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m pml.datasets.synthetic", description="Write an archive of synthetic faces."
    )
    parser.add_argument("--format", choices=WRITERS, required=True, help="whose archive layout to write")
    parser.add_argument("--subjects", type=int, default=82, help="people (default: %(default)s, as FG-NET)")
    parser.add_argument("--images", type=int, default=1002, help="pictures of them in all (default: %(default)s, as FG-NET)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (default: %(default)s)")
    parser.add_argument("--output", required=True, help="the .zip to write")
    options = parser.parse_args(arguments)
    if not 1 <= options.subjects <= options.images:
        raise InputError(
            f"--subjects {options.subjects}: give at least one, and no more than there are --images ({options.images})"
        )
    WRITERS[options.format](options.output, options.subjects, options.images, options.seed)


if __name__ == "__main__":
    main()
