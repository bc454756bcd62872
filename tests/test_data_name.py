from pml.data_name import DataName


def test_the_name_of_synthetic_data_is_marked_and_no_other():
    assert str(DataName("FG-NET", True)) == "FG-NET (synthetic)" and str(DataName("FG-NET", False)) == "FG-NET"
