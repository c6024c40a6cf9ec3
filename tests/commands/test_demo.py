"""The demonstration writes all it promises, and its best possible prediction is the best."""

from __future__ import annotations

import pandas as pd

from nwbspikegen.archive import validate_file
from nwbspikegen.cli.demo import _write_page
from nwbspikegen.commands import demo as demonstration


def test_everything_is_written_and_nothing_beats_the_truth(tmp_path, monkeypatch):
    monkeypatch.setattr(demonstration, "_NUM_UNITS", 6)
    monkeypatch.setattr(demonstration, "_DURATION", 20.0)
    table = demonstration.demonstrate(tmp_path / "demo")
    files = sorted(path.relative_to(tmp_path / "demo") for path in (tmp_path / "demo").rglob("*.nwb"))
    assert len(files) == 6
    for path in files:
        findings = validate_file(tmp_path / "demo" / path)
        assert not (findings.severity == "error").any(), (path, findings)
    assert (tmp_path / "demo" / "demo.png").stat().st_size > 10_000
    # the command ends with a page
    page = _write_page(tmp_path / "demo")
    assert page is not None
    assert "above the mean rate of each unit" in page.read_text(encoding="utf-8")
    written = pd.read_csv(tmp_path / "demo" / "scores.csv")
    pd.testing.assert_series_equal(written.value, table.value)
    bits = table[table.metric.eq("bits_per_spike") & table["null"].eq("mean_rate")]
    directions = bits.set_index(["trained_on", "tested_on", "predictor"]).value.unstack()
    assert len(directions) == 4
    assert (directions.idxmax(axis=1) == "true_intensity").all()
    assert table.attrs["failed_audits"] == []
    printed = demonstration.format_demonstration(table)
    assert "share of best" in printed
    assert "AP pooled" in printed
