"""What lies in files and is worked on in pieces comes out as what is held whole, mask and all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nwb_sources import write_source

import nwbspikegen as nsg
from nwbspikegen.core import large_arrays
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.prediction.beside_untrained import generate_beside_untrained
from nwbspikegen.views.holding import hold

_BIN = 0.01


def _make(source: Path, out: Path) -> None:
    """Predict, score and write the last quarter of a recording with a stretch that was not observed."""
    units = hold(nsg.open_units(source, bin_size=_BIN, exclude=[(33.0, 34.5)]))
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    model = FittedModel(build_model("in_context", units.sizes["unit"]), "bernoulli", _BIN)
    predicted, untrained = generate_beside_untrained(model, parts.test, context=units)
    scores = nsg.score(
        predicted,
        parts.test,
        train=parts.train,
        context=units,
        baselines=("mean_rate", "running_rate", "history_glm"),
        extra_predictions={"untrained": untrained},
        resamples=20,
    )
    nsg.write_results(out, source=source, spike_probability=predicted, scores=scores)


def test_files_and_pieces_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_source(tmp_path / "source.nwb")
    _make(source, tmp_path / "whole.nwb")
    monkeypatch.setattr(large_arrays, "_MOST_HELD", 0)
    monkeypatch.setattr(large_arrays, "_PIECE", 2**13)
    _make(source, tmp_path / "pieces.nwb")
    whole, pieces = tmp_path / "whole.nwb", tmp_path / "pieces.nwb"
    values = nsg.read_spike_probability(whole).values
    # the mask is there, and so are observed bins
    assert 0 < np.isnan(values).sum() < values.size
    np.testing.assert_array_equal(nsg.read_spike_probability(pieces).values, values)
    pd.testing.assert_frame_equal(
        nsg.read_scores(pieces), nsg.read_scores(whole), check_exact=False, rtol=1e-9, atol=0
    )
    trains, expected = nsg.read_generated_units(pieces), nsg.read_generated_units(whole)
    for unit, train in expected.items():
        np.testing.assert_array_equal(trains[unit], train)
