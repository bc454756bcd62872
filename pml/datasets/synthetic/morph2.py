"""Writes synthetic people as MORPH Album 2: `MORPH/morph_2008_nonCommercial.csv` and `MORPH/Album2/009055_1M54.JPG`.

Ages and pictures per person follow pml/published/morph2_*.csv, races and genders the real shares. Labels are wrong in the ways
and, in large archives, as often as the real ones; in small ones each way is there once.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from pml.datasets.synthetic.camera import photograph
from pml.datasets.synthetic.people import Person, draw_ages, draw_person, look_at, published
from pml.datasets.synthetic.writing import jpeg, writing_zip
from pml.progress import progress

README = "Synthetic people, drawn by pml.datasets.synthetic in the layout of MORPH Album 2. Nobody is depicted.\n"
COLUMNS = ["id_num", "picture_num", "dob", "doa", "race", "gender", "facial_hair", "age", "age_diff", "glasses", "photo"]
# Of the real pictures; the owners' counts give the genders of B and W, those of H, A and O are in proportion.
GROUPS = pd.Series(
    {"BM": 36832, "BF": 5757, "WM": 7961, "WF": 2598, "HM": 1650, "HF": 119, "AM": 144, "AF": 10, "OM": 59, "OF": 4}
)
DARK = 0.62  # brightness of the skin; below it are those coded B, above it those coded W
FIRST_ARREST, LAST_ARREST = date(2003, 2, 23), date(2007, 12, 31)
SPAN = 3  # years between a person's first and last picture, at most
SHORT_NUMBERS = 14047 / 55134  # of the names have a picture number of one digit
# Of the subjects, and of the pictures; how many lack file or row is taken from how public lists of them differ from the CSV.
SEVERAL_BIRTH_DATES, AGE_FALLS, SEVERAL_RACES = 1779 / 13617, 533 / 13617, 33 / 13617
OTHER_GENDER, NO_FILE, NO_ROW = 3 / 55134, 94 / 55134, 204 / 55134


def write_morph2(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write the zip to `path`: `images` pictures of `subjects` people with row and file, and a few that have only one of them.

    The same arguments give the same bytes. Where nobody has two pictures, no subject has conflicting labels.
    """
    rows = _with_dirt(draw_rows(subjects, images, np.random.default_rng([seed, 0])), np.random.default_rng([seed, 1]))
    photographed = rows[rows["has_file"]]
    with writing_zip(path) as write:
        write("MORPH/README.txt", README.encode())
        write("MORPH/morph_2008_nonCommercial.csv", _csv(rows[rows["has_row"]]))
        for row in progress(photographed.itertuples(), "synthetic faces", total=len(photographed)):
            person = _draw_suitable(row.race_shown, row.male, np.random.default_rng([seed, 2, row.id_num]))
            rng = np.random.default_rng([seed, 3, row.id_num, row.picture_num])
            picture, _ = photograph(look_at(person, row.age_shown, rng), rng)
            write(f"MORPH/{row.photo}", jpeg(picture, rng))


def draw_rows(subjects: int, images: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw flawless labels: id_num, picture_num, dob, doa, race, gender, age; by subject, and by the day of the picture."""
    counts = _counts(subjects, images, rng)
    ages = draw_ages(images, rng, published("morph2_age_histogram")["images"])
    albums = _deal(ages, counts, rng)
    groups = rng.permutation(draw_ages(subjects, rng, GROUPS))
    numbers = np.sort(rng.choice(np.arange(1, 400_000), subjects, replace=False))
    people = zip(rng.permutation(numbers), groups, albums, strict=True)
    rows = [row for number, group, own in people for row in _subject_rows(int(number), group, np.sort(own), rng)]
    return pd.DataFrame(rows).sort_values(["id_num", "picture_num"], ignore_index=True)


def _counts(subjects: int, images: int, rng: np.random.Generator) -> np.ndarray:
    """Return the pictures of each subject, (subjects,): as published, stretched to the mean that is asked for."""
    counts = draw_ages(subjects, rng, published("morph2_images_per_subject")["subjects"])
    counts = np.maximum(1, np.round(counts * images / counts.sum()).astype(int))
    while excess := counts.sum() - images:
        able = np.flatnonzero(counts > 1) if excess > 0 else np.arange(subjects)
        counts[rng.choice(able, min(abs(excess), len(able)), replace=False)] -= np.sign(excess)
    return rng.permutation(counts)


def _deal(ages: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Deal `ages` out to people in albums of `counts`, each within `SPAN` years where enough such ages are left."""
    left = np.bincount(ages, minlength=ages.max() + SPAN + 1)
    albums: list[np.ndarray] = [np.empty(0, int)] * len(counts)
    for person in np.argsort(-counts, kind="stable"):
        windows = np.convolve(left, np.ones(SPAN + 1, int), "valid")  # ages left from each age on
        able = windows * (windows >= counts[person])
        first = rng.choice(len(able), p=able / able.sum()) if able.any() else windows.argmax()
        # Equal for all ages of the window; with too few in it, the nearest outside follow.
        near = np.abs(np.arange(len(left)) - first - SPAN / 2).clip(SPAN / 2)
        pool = rng.permutation(np.repeat(np.arange(len(left)), left))
        albums[person] = pool[np.argsort(near[pool], kind="stable")][: counts[person]]
        left -= np.bincount(albums[person], minlength=len(left))
    return albums


def _subject_rows(number: int, group: str, ages: np.ndarray, rng: np.random.Generator) -> list[dict]:
    """Return the rows of one subject at `ages` (years, rising): a birth date, and on days that rise the pictures."""
    ages = np.maximum(ages, ages[-1] - SPAN)
    # The first birthday from which all years up to the last age end before the last arrest.
    slack = (LAST_ARREST - FIRST_ARREST).days - 365.25 * (ages[-1] - ages[0] + 1)
    turned = (FIRST_ARREST + timedelta(days=int(rng.integers(1, slack)))).replace(day=int(rng.integers(1, 28)))
    turned = max(turned, FIRST_ARREST + timedelta(days=1))
    days = [turned.replace(year=turned.year + int(age - ages[0])) + timedelta(days=int(rng.integers(0, 365))) for age in ages]
    born, coded = turned.replace(year=turned.year - int(ages[0])), dict(zip(("race", "gender"), group, strict=True))
    return [
        {"id_num": number, "picture_num": k, "dob": born, "doa": day, "age": completed_years(born, day), **coded}
        for k, day in enumerate(sorted(days))
    ]


def completed_years(born: date, day: date) -> int:
    """Return the age in years of who was born on `born` on the day `day`."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _with_dirt(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return `rows` with wrong labels, and what is true or there: age_shown, race_shown, male, has_row, has_file; and photo."""
    images, people = len(rows), rows["id_num"].nunique()
    rows = rows.assign(age_shown=rows["age"], race_shown=rows["race"], male=rows["gender"] == "M", has_row=True, has_file=True)
    albums = [own.index for _, own in rows.groupby("id_num") if len(own) > 1]
    albums = [albums[i] for i in rng.permutation(len(albums))]
    falls = _number(AGE_FALLS * people)
    for i, album in enumerate(albums[: _number(SEVERAL_BIRTH_DATES * people)]):
        k, born = album[-1], rows.at[album[-1], "dob"]
        if i < falls:  # so late a year that the last picture is labelled younger than the one before
            born = born.replace(year=born.year + 1 + rows.at[k, "age"] - rows.at[album[-2], "age"])
        else:
            born += timedelta(days=int(rng.choice([-1, 1]) * rng.integers(1, 400)))
        rows.at[k, "dob"], rows.at[k, "age"] = born, completed_years(born, rows.at[k, "doa"])
    for album in albums[-_number(SEVERAL_RACES * people) :]:
        rows.at[album[0], "race"] = "W" if rows.at[album[0], "race"] == "B" else "B"

    lone = _number(NO_FILE * images)
    extra = rows.groupby("id_num").tail(1).sample(lone + _number(NO_ROW * images), replace=True, random_state=rng)
    extra["picture_num"] += 1 + extra.groupby("id_num").cumcount()
    extra["has_file"] = np.arange(len(extra)) >= lone
    extra["has_row"] = ~extra["has_file"]
    rows = pd.concat([rows, extra], ignore_index=True)

    letters = rows["gender"].copy()
    other = rng.choice(images, _number(OTHER_GENDER * images), replace=False)
    letters[other] = letters[other].map({"M": "F", "F": "M"})
    short = rng.random(len(rows)) < SHORT_NUMBERS
    short[0] = True
    fields = zip(rows["id_num"], rows["picture_num"], short, letters, rows["age"], strict=True)
    rows["photo"] = [f"Album2/{i:06d}_{k if one else f'{k:02d}'}{letter}{age:02d}.JPG" for i, k, one, letter, age in fields]
    return rows.sort_values(["id_num", "picture_num"], ignore_index=True)


def _number(expected: float) -> int:
    return max(1, round(expected))


def _csv(rows: pd.DataFrame) -> bytes:
    gaps = pd.to_datetime(rows["doa"]).groupby(rows["id_num"]).diff().dt.days.astype("Int64")
    days = {column: [f"{day:%m/%d/%Y}" for day in rows[column]] for column in ("dob", "doa")}
    rows = rows.assign(**days, facial_hair="", age_diff=gaps, glasses="")
    return rows.to_csv(columns=COLUMNS, index=False, lineterminator="\r\n").encode()


def _draw_suitable(race: str, male: bool, rng: np.random.Generator) -> Person:
    """Draw people until one is of that gender and, coded B or W, of a skin that is dark or light."""
    while True:
        person = draw_person(rng)
        dark = person.skin.mean() < DARK
        if person.male == male and (race not in "BW" or dark == (race == "B")):
            return person
