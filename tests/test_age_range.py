"""Which ages have no class: those that a method would count to the first or the last one."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from pml.age_range import outside


@given(st.lists(st.floats(0, 120, width=32), min_size=1), st.integers(0, 60), st.integers(61, 120))
def test_an_age_is_outside_if_and_only_if_training_sees_an_age_without_a_class(ages, first, last):
    for whole_ages, seen in ((False, torch.tensor(ages)), (True, torch.tensor(ages).trunc())):
        whole = seen.round().numpy()  # as pml.methods.method.Method.classes
        found = outside(np.array(ages, np.float32), first, last, whole_ages)
        assert found.tolist() == (~np.isin(whole, range(first, last + 1))).tolist()
