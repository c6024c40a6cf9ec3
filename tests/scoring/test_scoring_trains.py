"""Generated against recorded trains, where units were not always observed."""

from __future__ import annotations

import numpy as np

from nwbspikegen.scoring.trains import compare_trains

BIN_SIZE = 0.001


def _draw_trains() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    shared = rng.random((4000, 1)) < 0.05
    made, real = ((rng.random((4000, 5)) < 0.02) | shared & (rng.random((4000, 5)) < 0.5) for _ in range(2))
    return made.view(np.uint8), real.view(np.uint8)


def test_a_pause_of_all_units_counts_as_little_as_if_it_were_cut_out() -> None:
    made, real = _draw_trains()
    observed = np.ones(made.shape, dtype=bool)
    # whole windows of 50 ms at the end: no interval between spikes and no window is cut in two
    observed[3000:] = False
    masked = compare_trains(made, real, BIN_SIZE, observed)
    cut = compare_trains(made[:3000], real[:3000], BIN_SIZE)
    np.testing.assert_allclose(masked.value, cut.value, rtol=1e-12)
    assert masked.num_compared.tolist() == cut.num_compared.tolist()


def test_a_unit_that_was_never_observed_takes_no_part() -> None:
    made, real = _draw_trains()
    observed = np.ones(made.shape, dtype=bool)
    observed[:, 4] = False
    masked = compare_trains(made, real, BIN_SIZE, observed).set_index("statistic")
    others = compare_trains(made[:, :4], real[:, :4], BIN_SIZE).set_index("statistic")
    for name in ("mean_rate_hz", "recorded_rate_hz", "pair_correlation", "rate_correlation", "isi_distance"):
        np.testing.assert_allclose(masked.value[name], others.value[name], rtol=1e-12, err_msg=name)
        assert masked.num_compared[name] == others.num_compared[name], name
