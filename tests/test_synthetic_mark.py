import pandas as pd

from pml.synthetic_mark import any_marked, marked


def test_the_name_of_synthetic_data_is_marked_and_no_other():
    assert marked("FG-NET", True) == "FG-NET (synthetic)" and marked("FG-NET", False) == "FG-NET"
    assert any_marked(pd.Series(["UTKFace", marked("FG-NET", True)]))
    assert not any_marked(pd.Series(["UTKFace", "FG-NET"]))
