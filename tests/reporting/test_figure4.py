import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.reporting import figure4
from tests.reporting.conftest import figure_task

HISTOGRAMS = st.dictionaries(st.integers(0, 100), st.integers(1, 30), max_size=60)


def write_features(path, seed: int, ages: np.ndarray, test: np.ndarray, dimension: int = 8) -> str:
    random = np.random.default_rng(seed)
    features = random.normal(size=(len(ages), dimension)).astype(np.float32) + ages[:, None] / 10
    part = np.where(test, "test", "train")
    np.savez(path, image=np.arange(len(ages)).astype(str), part=part, age=ages.astype(float), features=features)
    return str(path)


@pytest.fixture
def files(tmp_path):
    ages = np.repeat(np.arange(20, 34), np.arange(20, 6, -1))
    test = np.arange(len(ages)) % 50 == 0
    return [write_features(tmp_path / f"{seed}.npz", seed, ages, test) for seed in (1, 2)]


def task_of(files, folder, head=None, tail=None):
    task = figure_task({"features": files}, head=head, tail=tail)
    task.outputs["csv"] = str(folder / "purity.csv")
    return task


class TestHeadAndTailAges:
    @given(HISTOGRAMS)
    def test_the_head_is_more_populated_than_the_tail_and_neither_has_rare_ages(self, histogram):
        head, tail = figure4.head_and_tail_ages(np.repeat(list(histogram), list(histogram.values())))
        usable = [age for age, count in histogram.items() if count >= figure4.MIN_IMAGES]
        if len(usable) < 12:
            usable = [age for age, count in histogram.items() if count >= 2]
        assert len(head) == len(tail) == min(6, len(usable) // 2)
        assert set(head) | set(tail) <= set(usable) and not set(head) & set(tail)
        assert list(head) == sorted(set(head)) and list(tail) == sorted(set(tail))
        if len(head):
            assert min(histogram[age] for age in head) >= max(histogram[age] for age in tail)

    def test_even_strides_over_a_third_of_the_ages(self):
        counts = np.arange(60, 12, -1)  # ages 16..63, the younger the more
        head, tail = figure4.head_and_tail_ages(np.repeat(np.arange(16, 64), counts))
        assert list(head) == [16, 19, 22, 25, 28, 31]
        assert list(tail) == [48, 51, 54, 57, 60, 63]


class TestNeighbourhoodPurity:
    @staticmethod
    def by_hand(features, ages, train_features, train_ages, itself):
        purity, chance = {}, {}
        for i, (feature, age) in enumerate(zip(features, ages, strict=True)):
            others = [j for j in range(len(train_ages)) if not (itself and i == j)]
            others.sort(key=lambda j: np.linalg.norm(feature - train_features[j]))
            nearest = others[:5]
            purity.setdefault(age, []).append(np.mean([train_ages[j] == age for j in nearest]))
            chance.setdefault(age, []).append(np.mean([train_ages[j] == age for j in others]))
        return np.mean([np.mean(v) for v in purity.values()]), np.mean([np.mean(v) for v in chance.values()])

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("count", [3, 40])
    def test_equals_a_loop_over_images(self, seed, count):
        random = np.random.default_rng(seed)
        train, train_ages = random.normal(size=(count, 4)), random.integers(20, 24, count)
        test, test_ages = random.normal(size=(7, 4)), random.integers(20, 25, 7)
        found = figure4.neighbourhood_purity(train, train_ages, train, train_ages, itself=True)
        np.testing.assert_allclose(found, self.by_hand(train, train_ages, train, train_ages, True))
        found = figure4.neighbourhood_purity(test, test_ages, train, train_ages, itself=False)
        np.testing.assert_allclose(found, self.by_hand(test, test_ages, train, train_ages, False))

    def test_separate_classes_are_pure_and_noise_is_near_chance(self):
        random = np.random.default_rng(0)
        ages = np.repeat([20, 30, 40], [300, 200, 100])
        noise = random.normal(size=(600, 4))
        purity, _ = figure4.neighbourhood_purity(noise + 100 * ages[:, None], ages, noise + 100 * ages[:, None], ages, True)
        assert purity == 1
        purity, chance = figure4.neighbourhood_purity(noise, ages, noise, ages, True)
        assert purity == pytest.approx(chance, abs=0.05)
        assert chance == pytest.approx(1 / 3, abs=0.01)

    def test_without_images_there_is_no_number(self):
        empty = np.zeros((0, 4)), np.zeros(0, int)
        assert np.isnan(figure4.neighbourhood_purity(*empty, np.ones((3, 4)), np.ones(3, int), False)).all()
        assert np.isnan(figure4.neighbourhood_purity(np.ones((3, 4)), np.ones(3, int), *empty, False)).all()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 30])
def test_embedding_stands_few_points_and_is_the_same_each_time(count):
    features = np.random.default_rng(0).normal(size=(count, 5)).astype(np.float32)
    points = figure4.embed(features)
    assert points.shape == (count, 2) and np.isfinite(points).all()
    np.testing.assert_array_equal(points, figure4.embed(features))


def test_drawn_holds_at_most_100_images_of_an_age_and_part_and_all_of_a_rare_one():
    ages = np.repeat([20, 30, 40], [250, 60, 20])
    parts = np.where(np.arange(330) < 120, "test", "train")
    method = figure4.Features(np.arange(330), parts, ages, np.zeros((330, 2)))
    rows = figure4.drawn(method, np.array([20, 30]))
    counts = pd.crosstab(ages[rows], parts[rows])
    assert counts.loc[20].to_dict() == {"test": 100, "train": 100}
    assert counts.loc[30].to_dict() == {"test": 0, "train": 60}
    assert len(set(rows)) == len(rows) == 260


def test_files_and_numbers(files, tmp_path, draws_well, monkeypatch):
    monkeypatch.setattr(figure4, "ITERATIONS", 250)
    draws_well(figure4.draw_figure4, task_of(files, tmp_path), tmp_path, width=6.9)
    numbers = pd.read_csv(tmp_path / "purity.csv")
    assert list(numbers.columns) == ["method", "panel", "part", "images", "purity", "chance"]
    assert len(numbers) == 2 * 3 * 2
    assert numbers[["purity", "chance"]].stack().between(0, 1).all()


def test_panels_state_their_numbers(files):
    methods = [figure4.read_features(path) for path in files]
    figure, numbers = figure4.draw(methods, ["PML", "KL"], np.array([20, 22]), np.array([30, 33]))
    assert len(figure.axes) == 6
    for place, axis in enumerate(figure.axes):
        for row, line in zip(numbers.iloc[2 * place : 2 * place + 2].itertuples(), axis.get_xlabel().split("\n"), strict=True):
            shown = f"{row.part} purity {row.purity:.2f} (chance {row.chance:.2f}), n={row.images}"
            assert line == (shown if row.images else f"{row.part}: no images")


def test_methods_of_different_images_are_refused(files, tmp_path):
    other = write_features(tmp_path / "other.npz", 3, np.repeat([20, 30], 10), np.zeros(20, bool))
    with pytest.raises(InputError, match="other.npz: 'image' or 'part' differs"):
        figure4.draw_figure4(task_of([files[0], other], tmp_path))


def test_too_few_ages_to_choose_from_are_refused_unless_the_config_names_them(tmp_path, draws_well):
    ages = np.array([20, 30, 30])
    files = [write_features(tmp_path / f"{seed}.npz", seed, ages, np.zeros(3, bool)) for seed in (1, 2)]
    with pytest.raises(InputError, match="name the ages under figures.figure4.head and tail"):
        figure4.draw_figure4(task_of(files, tmp_path))
    named = {"head": [20, 21, 22, 23, 24, 25], "tail": [30, 31, 32, 33, 34, 35]}
    draws_well(figure4.draw_figure4, task_of(files, tmp_path, **named), tmp_path, width=6.9)


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 cut short"])
def test_a_file_without_features_is_refused_by_name(tmp_path, content):
    path = tmp_path / "broken.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.npz"):
        figure4.read_features(path)
