import pandas as pd
import pytest
import yaml

from pml import cli
from tests.forecast.conftest import CONFIG


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "nowhere.yaml: cannot be read"),
        ("a: [", "nowhere.yaml: cannot be read: while parsing"),
        ("text", "nowhere.yaml: holds no settings; start from one of config/"),
        ("suite: x", "config: 'datasets' is a required property"),
    ],
)
def test_a_config_that_is_none_is_one_line_of_error(content, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "nowhere.yaml").write_text(content)
    with pytest.raises(SystemExit) as ended:
        cli.main(["forecast", "--configfile", "nowhere.yaml"])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and f"error: {message}" in error and error.count("\n") == 1


@pytest.mark.slow
def test_a_suite_is_forecast_on_the_terminal_and_as_csv(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(CONFIG))
    cli.main(["forecast", "--configfile", "small.yaml", "--csv", "forecast.csv"])
    said = capsys.readouterr()
    assert "Forecast of the suite small" in said.out and "Time with --cores 1" in said.out and "forecast.csv" in said.err
    rows = pd.read_csv("forecast.csv").set_index(["kind", "name"])["middle"]
    assert 60 < rows["wall", "--cores 1"] < 3_600
    assert not (tmp_path / "results").exists()
