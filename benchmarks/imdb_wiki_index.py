"""Indexing IMDB-WIKI: seconds and peak memory by the number of rows, against 60 s and 2 GB at the 523,051 of the real files.

    python -m benchmarks.imdb_wiki_index                 # about two minutes, most of them to write the label files

Label files with the dirt of the real ones are written to a temporary folder, and indexed by a fresh process each. The pictures
are not written: the index is given the list of their names that it would read off the folders, which takes under a second.
Timed is all the rest of the stage, from reading the label files to the written tables; on a busy machine compare the seconds of
the processor, which is what it would take on an idle one. Expected: 8 s and 1 GB at 523,051 rows, 1.6 s for each 100,000.
"""

import argparse
import resource
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time
from unittest import mock

import numpy as np
from scipy.io import savemat

from pml.datasets import imdb_wiki, index
from pml.tables import write_table

SIZES = (10_000, 100_000, 523_051)
SECONDS, MEGABYTES = 60, 2000
SHARES = {"imdb": 460_723, "wiki": 62_328}
CELEBRITIES = 20_284
FIRST_BIRTH, LAST_BIRTH = 693_962, 731_217  # 1 January of 1900 and of 2002, as Matlab counts days


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES, help="default: %(default)s")
    sizes = parser.parse_args().rows
    print("     rows  indexed  rejected  seconds  of the processor  per 100,000 rows  peak MB", flush=True)
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            _in_new_process(write_labels, Path(folder), rows)
            indexed, rejected, seconds, busy, megabytes = _in_new_process(measure, Path(folder))
        times = f"{seconds:8.1f} {busy:17.1f} {busy / rows * 1e5:17.2f}"
        print(f"{rows:9,} {indexed:8,} {rejected:9,} {times} {megabytes:8.0f}", flush=True)
    verdict = "met" if seconds <= SECONDS and megabytes <= MEGABYTES else "missed"
    print(f"target of {SECONDS} s and {MEGABYTES} MB: {verdict} at {rows:,} rows")


def write_labels(folder: Path, rows: int) -> None:
    """Write the label files of `rows` rows below `folder`, and files.txt with the names of the pictures."""
    rng = np.random.default_rng(0)
    files = []
    for database, share in SHARES.items():
        count = round(rows * share / sum(SHARES.values()))
        fields = _fields(database, count, rng)
        label = folder / f"{database}_crop" / f"{database}.mat"
        label.parent.mkdir()
        savemat(label, {database: fields}, do_compression=True)
        # One row in a thousand lists no file, and one file in a thousand is on no row.
        names = [name for k, name in enumerate(fields["full_path"][0]) if k % 1000]
        names += [f"99/unlisted{k}.jpg" for k in range(count // 1000)]
        files += [f"{database}_crop/{name}" for name in (f"{database}.mat", *names)]
    (folder / "files.txt").write_text("\n".join(files))


def measure(folder: Path) -> tuple[int, int, float, float, float]:
    """Index what `write_labels` wrote.

    Returns:
        The images, the rejected, the seconds, those of the processor, and the peak memory in megabytes.
    """
    files = (folder / "files.txt").read_text().splitlines()
    with (
        mock.patch.dict(index.FORMATS, {"imdb_wiki": imdb_wiki}),
        mock.patch.object(imdb_wiki, "list_files", return_value=files),
    ):
        start, busy_start = perf_counter(), process_time()
        tables = index.build_tables("imdb_wiki", folder, {})
        for name, table in tables.items():
            write_table(table, folder / f"{name}.csv", name)
        seconds, busy = perf_counter() - start, process_time() - busy_start
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, else kilobytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return len(tables["index"]), len(tables["rejected"]), seconds, busy, peak / 1e6


def _fields(database: str, rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a label struct; the shares of each kind of dirt are about those of wiki.mat."""
    births = rng.integers(FIRST_BIRTH, LAST_BIRTH, rows)
    births = np.where(rng.random(rows) < 0.001, rng.integers(0, 366, rows), births)
    photos = np.clip(1900 + (births - FIRST_BIRTH) // 365 + rng.normal(36, 16, rows), 1, 2015).astype(np.uint16)
    people = rng.integers(0, CELEBRITIES, rows)
    scores = np.where(rng.random(rows) < 0.29, -np.inf, rng.gamma(6, 0.6, rows))
    corners = np.round(rng.uniform(1, 300, (rows, 2)), 3)
    extents = rng.uniform(50, 300, (rows, 1))
    if database == "imdb":
        paths = [f"{i % 100:02d}/nm{i:07d}_rm{k:09d}_1970-1-12_{photos[k]}.jpg" for k, i in enumerate(people)]
    else:
        paths = [f"{k % 100:02d}/{10**7 + k}_1970-01-12_{photos[k]}.jpg" for k in range(rows)]
    fields = {
        "dob": births[None].astype(np.int32),
        "photo_taken": photos[None],
        "full_path": _cells(paths),
        "gender": rng.choice([0, 1, np.nan], (1, rows), p=[0.40, 0.55, 0.05]),
        "name": _cells([f"Person {i}" for i in people]),
        "face_location": _cells(list(np.hstack([corners, corners + extents])[:, None])),
        "face_score": scores[None],
        "second_face_score": np.where(rng.random(rows) < 0.07, rng.gamma(4, 0.6, rows), np.nan)[None],
    }
    if database == "imdb":
        fields |= {"celeb_names": _cells([f"Person {i}" for i in range(CELEBRITIES)]), "celeb_id": people[None] + 1.0}
    return fields


def _cells(values: list) -> np.ndarray:
    """Return a MATLAB cell array (1, N)."""
    cells = np.empty((1, len(values)), dtype=object)
    for k, value in enumerate(values):
        cells[0, k] = value
    return cells


def _in_new_process(function, *arguments):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


if __name__ == "__main__":
    main()
