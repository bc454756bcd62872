import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from baselines.constant_median import ConstantMedian


def predict(ages: list[float], images: int) -> np.ndarray:
    train = pd.DataFrame({"age": ages})
    return ConstantMedian(ConstantMedian.Options()).predict(train, pd.DataFrame({"image": [f"{i}.jpg" for i in range(images)]}))


def test_predicts_the_training_median_for_every_test_image():
    assert predict([3, 70, 20], images=2).tolist() == [20, 20]
    assert predict([10, 21], images=1).tolist() == [15.5]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20), st.integers(0, 100))
def test_no_other_constant_has_a_lower_training_error(ages, other):
    error = np.abs(np.subtract(ages, predict(ages, 1)[0])).sum()
    assert error <= np.abs(np.subtract(ages, other)).sum()
