"""Who is drawn: FG-NET's ages, albums of a person, and cues of age that no two people share."""

import numpy as np
import pytest

from pml.datasets.synthetic.people import deal_ages, draw_ages, draw_person, fgnet_histogram, look_at


def person(seed):
    return draw_person(np.random.default_rng([1, seed]))


def look(seed, age, day=0):
    return look_at(person(seed), age, np.random.default_rng([2, seed, day]))


def total_variation(ages):
    published = fgnet_histogram() / fgnet_histogram().sum()
    drawn = np.bincount(ages, minlength=100)[:100] / len(ages)
    return 0.5 * np.abs(drawn - published.reindex(range(100), fill_value=0)).sum()


def test_published_histogram_is_that_of_fgnet():
    assert fgnet_histogram().sum() == 1002
    assert fgnet_histogram().index.max() == 69


@pytest.mark.parametrize("images, bound", [(20_000, 0.01), (1002, 0.01), (240, 0.10)])
def test_ages_follow_the_published_histogram(images, bound):
    ages = draw_ages(images, np.random.default_rng(0), fgnet_histogram())
    assert len(ages) == images
    assert total_variation(ages) < bound


@pytest.mark.parametrize("subjects, images", [(82, 1002), (20, 240), (3, 40), (2, 2), (1, 26)])
def test_every_age_is_dealt_to_someone_and_rises(subjects, images):
    dealt = deal_ages(subjects, images, np.random.default_rng(3))
    assert len(dealt) == subjects
    assert sum(map(len, dealt)) == images
    assert all(len(ages) and np.all(np.diff(ages) >= 0) for ages in dealt)
    if images >= 100:
        assert total_variation(np.concatenate(dealt)) < 0.10


def test_albums_are_like_those_of_fgnet():
    dealt = deal_ages(82, 1002, np.random.default_rng(4))
    lengths = [len(ages) for ages in dealt]
    assert min(lengths) >= 6 and max(lengths) <= 18 and len(set(lengths)) > 5
    assert 0 < sum(len(ages) - len(set(ages)) for ages in dealt) + 1 < 30
    # In FG-NET an album spans 28 years on average; the albums' mean ages differ by 9 (standard deviation).
    assert 20 < np.mean([np.ptp(ages) for ages in dealt]) < 36
    assert 6 < np.std([ages.mean() for ages in dealt]) < 12


def test_a_person_is_given_by_the_seed():
    assert person(1).pace == person(1).pace
    assert person(1).traits == person(1).traits
    assert person(1).traits != person(2).traits


def test_traits_stay_while_growth_and_ageing_rise():
    looks = [look(5, age) for age in (2, 10, 25, 45, 65)]
    assert all(later.traits == looks[0].traits and later.male == looks[0].male for later in looks)
    assert np.all(np.diff([np.mean(list(each.growth.values())) for each in looks]) > 0)
    assert np.all(np.diff([np.mean(list(each.ageing.values())) for each in looks]) >= 0)
    assert np.mean(list(looks[-1].ageing.values())) > 0.5


def test_no_cue_alone_tells_the_age():
    """At 40, each cue differs between people by as much as some ten years change it."""
    people = [look(seed, 40) for seed in range(60)]
    older = [look(seed, 50) for seed in range(60)]
    for cue in ("forehead", "folds", "skin", "nose", "bags"):
        now, then = (np.array([each.ageing[cue] for each in looks]) for looks in (people, older))
        assert now.std() > 0.5 * (then.mean() - now.mean())


def test_only_men_have_beards_and_lose_their_hair():
    women = [look(seed, 60) for seed in range(60) if not person(seed).male]
    men = [look(seed, 60) for seed in range(60) if person(seed).male]
    assert not any(each.beard or each.stubble or each.recession for each in women)
    assert any(each.beard for each in men) and any(each.recession > 0.3 for each in men)


def test_children_have_neither_beard_nor_wrinkles():
    for seed in range(40):
        child = look(seed, 8)
        assert child.beard == child.stubble == child.recession == 0
        assert max(child.ageing.values()) == 0
