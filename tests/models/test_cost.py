"""What reading will cost: counted from a rate that is measured on the first bins."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import build_model, cost
from nwbspikegen.models.cost import PROBE_BINS, build_probe, estimate_reading_seconds, tell_cost
from nwbspikegen.models.in_context.past.refit_schedule import count_refits_until, next_refit


def test_each_bin_prediction_and_refit_is_counted(monkeypatch):
    """A clock on which 500 read bins take 50 s, 400 predicted 80 s, and 200 with a solution 27 s.

    The first round of these, in which kernels are compiled, takes hours, and does not count.
    """
    ticks = iter([0.0, 900.0, 0.0, 900.0, 0.0, 9000.0, 0.0, 50.0, 0.0, 80.0, 0.0, 27.0])
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(ticks))
    probe = Bins(np.zeros((PROBE_BINS, 3), np.uint8), None)
    seconds = estimate_reading_seconds(
        build_model("in_context", 3), probe, 0.001, num_bins=60_000, num_predicted=1_000
    )
    # .1 s for each bin, .1 s more for a predicted one, 7 s for each of 22 solutions
    assert seconds == pytest.approx(6_000 + 100 + 22 * 7)


def test_solutions_are_counted_as_they_come():
    bins = list(
        itertools.takewhile(
            lambda at: at <= 300_000,
            itertools.accumulate(range(99), lambda at, _: next_refit(at), initial=1000),
        )
    )
    assert count_refits_until(300_000) == len(bins)
    assert build_model("shimono2026", 3).count_refits(300_000) == 0


def test_random_numbers_go_on():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    build_probe("in_context", 3)
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)


def test_what_is_told(caplog):
    with caplog.at_level("INFO", logger="nwbspikegen"):
        tell_cost("predicting", 3_725.0, 2 * 2**30)
    assert caplog.messages == ["predicting: about 1 h 2 min and 2.6 GiB of memory"]
