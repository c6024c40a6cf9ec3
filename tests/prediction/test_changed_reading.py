"""Audits by copies of one reading: they see what reading everything again sees, and read far less."""

from __future__ import annotations

import numpy as np
import pytest
from populations import small_split

import nwbspikegen as nsg
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.models.in_context.state import InContextState
from nwbspikegen.models.window_state import WindowState
from nwbspikegen.prediction import audit as auditing


@pytest.fixture(autouse=True)
def _short_pieces(monkeypatch):
    monkeypatch.setattr("nwbspikegen.models.base._PAIRS_AT_ONCE", 8 * 400)


def _make(name: str, **settings) -> FittedModel:
    return FittedModel(build_model(name, 8, **settings).eval(), "bernoulli", 0.001)


def _count_bins_read(monkeypatch, kind) -> list[int]:
    read, counts = kind.read, []

    def counting(self, spikes, observed=None, wanted=None):
        counts.append(len(spikes))
        return read(self, spikes, observed, wanted)

    monkeypatch.setattr(kind, "read", counting)
    return counts


def test_audits_read_pieces_and_not_the_whole_again(monkeypatch):
    counts = _count_bins_read(monkeypatch, InContextState)
    audits = nsg.audit(_make("in_context"), small_split())
    assert audits.passed.all()
    # nothing moves at all: copies read the same pieces in the same order
    assert set(audits[audits.audit.str.startswith("causality")].value) == {0.0}
    # 1,000 bins of context, 200 to the next multiple of 400, where a piece begins, and 200 behind it: once
    # with permuted units, once as they were by `generate` and once by what is copied; then, for 3 changes at
    # 8 cuts, the 200 bins of a piece; in all they were 26 times the whole
    whole = 1000 + 200 + 200
    assert sum(counts) <= 3 * whole + 24 * 200


@pytest.mark.parametrize("name", ["in_context", "glm"])
def test_they_say_what_reading_all_again_says(monkeypatch, name):
    model, parts = _make(name), small_split()
    short = nsg.audit(model, parts)
    monkeypatch.setattr(auditing, "reads_in_pieces", lambda model: False)
    whole = nsg.audit(model, parts)
    assert short.audit.tolist() == whole.audit.tolist()
    assert short.passed.tolist() == whole.passed.tolist() == [True] * len(short)


@pytest.mark.parametrize(("name", "kind"), [("in_context", InContextState), ("glm", WindowState)])
def test_a_state_that_looks_ahead_in_its_piece_is_caught(monkeypatch, name, kind):
    read = kind.read

    def normalised(self, spikes, observed=None, wanted=None):
        return read(self, spikes, observed, wanted) / np.float32(1 + spikes.mean())

    monkeypatch.setattr(kind, "read", normalised)
    audits = nsg.audit(_make(name), small_split()).set_index("audit")
    assert not audits.passed["causality_statistics"]


def test_a_state_that_knows_its_own_bin_is_caught(monkeypatch):
    read = InContextState.read

    def peeking(self, spikes, observed=None, wanted=None):
        found = read(self, spikes, observed, wanted)
        return found * np.where(spikes if wanted is None else spikes[wanted], np.float32(0.5), np.float32(1))

    monkeypatch.setattr(InContextState, "read", peeking)
    audits = nsg.audit(_make("in_context"), small_split()).set_index("audit")
    assert audits.passed[["causality_future", "causality_same_bin"]].tolist() == [True, False]


def test_a_predict_of_its_own_is_read_whole():
    model = _make("in_context")
    assert auditing.reads_in_pieces(model)
    predict = model.module.predict
    model.module.predict = lambda spikes, first, bin_size: predict(spikes, first, bin_size)
    assert not auditing.reads_in_pieces(model)
