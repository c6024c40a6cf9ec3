"""Maps and recommendations: planted positions and planted winners are found, and doubt is said."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from planted_study import PREDICTORS, ROWS, SESSIONS, planted_draws, planted_study
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform

from nwbspikegen.core.errors import InputError
from nwbspikegen.transfer.embedding import lay_out
from nwbspikegen.transfer.embedding_distances import (
    distances_from_bits,
    distances_from_similarity,
    distances_from_worth,
)
from nwbspikegen.transfer.embedding_fitting import align_positions
from nwbspikegen.transfer.recommendation import recommend
from nwbspikegen.transfer.recommendation_ranks import rank_seeds, rank_targets

_MODEL = {"predictor": "in_context"}


def _matrix(values: np.ndarray, metric: str = "roc_auc_pooled", null: str = "") -> xr.Dataset:
    """Return scores of sessions in two orders, as rows and as columns, that one matrix holds."""
    names = [f"session-{number}" for number in range(len(values))]
    coords = {"train_session": names, "test_session": names, **_MODEL, "metric": metric, "null": null}
    table = xr.Dataset({"value": (("train_session", "test_session"), values)}, coords)
    return table.expand_dims(["predictor", "metric", "null"], axis=[2, 3, 4])


def _planted(num_sessions: int = 9) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(4).normal(0.0, 0.3, (num_sessions, 3))
    return points, squareform(pdist(points))


@pytest.mark.parametrize("metric", ["roc_auc_pooled", "bits_per_spike"])
def test_planted_positions_are_recovered(metric: str) -> None:
    points, distances = _planted()
    if metric == "bits_per_spike":
        own = np.random.default_rng(1).uniform(0.5, 3.0, len(points))
        scores = _matrix(own[None, :] - distances, metric, "mean_rate")
    else:
        # what one direction loses the other gains: only the mean of both is a distance
        lean = 0.05 * np.sign(np.arange(len(points))[:, None] - np.arange(len(points)))
        scores = _matrix(1.0 / (1.0 + distances) + lean)
    layout = lay_out(scores, **_MODEL, metric=metric)
    np.testing.assert_allclose(layout.distances, distances, atol=1e-12)
    _, _, error = procrustes(points, layout.positions.to_numpy())
    assert np.sqrt(error) < 0.05
    assert layout.normalised_stress < 0.02
    found = pdist(layout.positions.to_numpy())
    assert layout.stress == pytest.approx(((found - squareform(distances)) ** 2).sum(), rel=1e-6)


def test_random_distances_have_stress_and_say_so() -> None:
    values = np.random.default_rng(0).uniform(0.3, 0.95, (10, 10))
    assert lay_out(_matrix(values), **_MODEL).normalised_stress > 0.1


def test_the_order_of_sessions_does_not_matter() -> None:
    values = np.random.default_rng(0).uniform(0.3, 0.95, (7, 7))
    scores = _matrix(values)
    turned = scores.isel(train_session=[3, 1, 0, 6, 2, 5, 4], test_session=slice(None, None, -1))
    one, other = lay_out(scores, **_MODEL), lay_out(turned, **_MODEL)
    assert list(other.positions.index) == list(one.positions.index)[::-1]
    np.testing.assert_allclose(other.positions.loc[one.positions.index], one.positions, atol=1e-12)
    assert other.stress == pytest.approx(one.stress)
    again = lay_out(scores, **_MODEL, seed=5)
    np.testing.assert_allclose(pdist(again.positions), pdist(one.positions), atol=0.02)


def test_clouds_lie_around_positions_and_grow_with_noise() -> None:
    scores = planted_study()
    scores["value"] = scores["value"].fillna(0.6)
    spreads = []
    for noise in (0.002, 0.01):
        layout = lay_out(scores, planted_draws(scores, spread=noise), **_MODEL)
        assert layout.clouds is not None
        assert layout.clouds.shape == (60, len(SESSIONS), 3)
        off = np.linalg.norm(layout.clouds.mean(axis=0) - layout.positions.to_numpy(), axis=1)
        assert (off < 2 * layout.spread.to_numpy()).all()
        spreads.append(float(layout.spread.mean()))
    assert 0.0 < spreads[0] < spreads[1]
    assert list(layout.table.columns) == ["x", "y", "z", "spread"]
    assert layout.table.attrs["stress"] == layout.stress


def test_draws_that_cannot_be_laid_out_are_left_out() -> None:
    scores = _matrix(1.0 / (1.0 + _planted(5)[1]))
    draws = xr.concat([scores, scores, scores, scores], "draw")
    draws["value"] = draws["value"].copy()
    draws["value"][1, 0, 1] = np.nan
    draws["value"][2, 0, 1] = 1.5
    layout = lay_out(scores, draws, **_MODEL)
    assert layout.clouds is not None
    assert len(layout.clouds) == 2
    np.testing.assert_allclose(layout.clouds[0], layout.positions, atol=1e-3)
    assert lay_out(scores, None, **_MODEL).spread.isna().all()
    assert lay_out(scores, draws.isel(draw=slice(0)), **_MODEL).clouds is None


def test_alignment_moves_rigidly() -> None:
    points, _ = _planted()
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    np.testing.assert_allclose(align_positions(points @ turn + 3.0, points), points, atol=1e-12)
    larger = align_positions(2.0 * points @ turn, points)
    np.testing.assert_allclose(pdist(larger), 2.0 * pdist(points))


def test_distances_follow_their_formulas() -> None:
    similarity = np.array([[0.9, 0.5], [0.7, 0.8]])
    np.testing.assert_allclose(distances_from_similarity(similarity)[0, 1], 1 / 0.6 - 1)
    bits = np.array([[[2.0, 0.5], [1.0, 1.5]], [[1.0, 9.0], [9.0, 1.0]]])
    # of either sign: where the other teaches more, it matters as much which of the two it was
    np.testing.assert_allclose(distances_from_bits(bits)[:, 0, 1], [(1.5 - 0.5 + 2.0 - 1.0) / 2, 8.0])
    # a gain in one direction does not make up for a loss in the other: both would lie on the origin
    np.testing.assert_allclose(distances_from_bits(np.array([[1.0, 0.5], [1.5, 1.0]]))[0, 1], 0.5)
    worth = np.array([[30.0, 2.0], [2.0, 30.0]])
    np.testing.assert_allclose(distances_from_worth(worth)[0, 1], np.log(31 / 3))
    assert not np.diagonal(distances_from_bits(bits), axis1=1, axis2=2).any()


def test_relative_losses_do_not_know_how_much_a_target_can_lose():
    rng = np.random.default_rng(0)
    bits = rng.normal(1.0, 0.2, (5, 5))
    own = np.diag(bits)
    # the same losses of other targets, times 1 to 50
    scaled = own - (own - bits) * np.array([1.0, 2.0, 5.0, 20.0, 50.0])
    found = distances_from_bits(bits, relative=True)
    np.testing.assert_allclose(distances_from_bits(scaled, relative=True), found)
    assert abs(distances_from_bits(scaled) - distances_from_bits(bits)).max() > 1
    # each column's losses are 1 on average, and so are distances
    assert found.sum() == pytest.approx(5 * 4)
    np.testing.assert_array_equal(distances_from_bits(np.stack([bits, scaled]), relative=True)[0], found)
    worth = np.expm1(np.abs(bits))
    np.testing.assert_allclose(
        distances_from_worth(worth, relative=True), distances_from_bits(np.abs(bits), relative=True)
    )
    # a target on which nothing can be lost is near whatever is near by its own models
    assert distances_from_bits(np.array([[1.0, 2.0], [0.5, 2.0]]), relative=True)[0, 1] == 0.5


def test_a_relative_layout_is_of_relative_losses_and_of_no_similarity():
    values = np.array([[1.0, 0.5, 0.8], [0.9, 2.0, 0.6], [0.7, 1.1, 1.0]])
    draws = np.stack([values, values * 1.01])
    names = ["a", "b", "c"]
    coords = {"train_session": names, "test_session": names, "predictor": ["in_context"]}
    coords |= {"metric": ["bits_per_spike"], "null": ["mean_rate"]}
    scores = xr.Dataset({"value": (tuple(coords), values[:, :, None, None, None])}, coords)
    drawn = xr.Dataset({"value": (("draw", *coords), draws[..., None, None, None])}, coords)
    layout = lay_out(scores, drawn, predictor="in_context", metric="bits_per_spike", relative=True)
    np.testing.assert_allclose(layout.distances, distances_from_bits(values, relative=True))
    # of all bits times 1.01 relative losses are the same
    assert layout.spread.max() < 1e-4
    pooled = scores.assign_coords(metric=["roc_auc_pooled"], null=[""])
    with pytest.raises(InputError, match="relative distances of roc_auc_pooled"):
        lay_out(pooled, predictor="in_context", relative=True)


def test_recordings_without_a_difference_lie_on_each_other() -> None:
    layout = lay_out(_matrix(np.ones((3, 3))), **_MODEL)
    assert not layout.positions.to_numpy().any()
    assert layout.stress == layout.normalised_stress == 0.0


@pytest.mark.parametrize(
    ("value", "message"), [(0.0, "above 0"), (1.2, "above 0"), (np.nan, "session-0 to session-1")]
)
def test_what_is_no_similarity_is_refused(value: float, message: str) -> None:
    values = np.full((3, 3), 0.8)
    values[0, 1] = value
    with pytest.raises(InputError, match=message):
        lay_out(_matrix(values), **_MODEL)


def test_what_is_not_there_is_refused() -> None:
    scores = _matrix(np.full((3, 3), 0.8))
    with pytest.raises(InputError, match="no predictor 'other'"):
        lay_out(scores, predictor="other")
    with pytest.raises(InputError, match="two or more"):
        lay_out(scores.isel(train_session=[0]), **_MODEL)
    with pytest.raises(InputError, match="seed"):
        lay_out(scores, **_MODEL, seed=-1)


def test_the_planted_winner_is_recommended() -> None:
    scores = planted_study()
    train = {"predictor": "in_context", "metric": "bits_per_spike", "null": "mean_rate"}
    scores["value"].loc[{"train_session": "slice-3", "test_session": "slice-1", **train}] = 0.5
    table = recommend(scores, planted_draws(scores), "slice-1", **_MODEL)
    best = table.iloc[0]
    assert (best["train_session"], best["rank"], best["verdict"]) == ("slice-3", 1, "clearly best")
    assert best["probability_best"] == 1.0
    assert best["against_best"] == best["against_best_low"] == best["against_best_high"] == 0.0
    # all rows of a target move together, so that differences are far surer than the values
    assert best["against_online_hazard_high"] - best["against_online_hazard_low"] < 0.08
    verdicts = table.set_index("train_session")["verdict"]
    assert verdicts["slice-2"] == "worse than slice-3"
    assert verdicts["mouse-1"] == "no better than running_rate"
    assert table.attrs["note"] == ""
    assert table["probability_best"].sum() == pytest.approx(1.0)


def test_rows_that_share_the_target_are_listed_but_not_ranked() -> None:
    scores = planted_study()
    table = recommend(scores, planted_draws(scores), "mouse-3", **_MODEL)
    dependent = table[~table["independent"]]
    assert sorted(dependent["train_session"]) == ["mouse-2", "mouse-3"]
    assert dependent["rank"].isna().all()
    assert dependent["probability_best"].isna().all()
    assert dependent["verdict"].str.startswith("not independent of the target (").all()
    assert list(table.index[-2:]) == list(dependent.index)
    kinds = table.set_index("train_session")["kind"]
    assert (kinds["slice-1+mouse-1"], kinds["slice-1"]) == ("mixture", "single")


def test_equal_rows_are_not_told_apart() -> None:
    scores = planted_study()
    table = recommend(scores, planted_draws(scores), "slice-2", **_MODEL).set_index("train_session")
    assert table.loc["slice-1", "verdict"] == "not distinguishable from slice-1+mouse-1"
    assert table.loc["slice-1+mouse-1", "verdict"] == "not distinguishable from slice-1"
    assert 0.1 < table.loc["slice-1", "probability_best"] < 0.9


def test_useless_rows_are_called_so() -> None:
    scores = planted_study()
    scores["value"].loc[{"predictor": "in_context"}] = 0.04
    scores = scores.sel(predictor=[name for name in PREDICTORS if name != "online_hazard"])
    table = recommend(scores, planted_draws(scores), "slice-1", **_MODEL)
    assert set(table["verdict"][table["independent"]]) == {"no better than running_rate"}
    assert "against_online_hazard" not in table


def test_training_that_does_not_pay_is_called_so() -> None:
    scores = planted_study()
    scores["value"].loc[{"predictor": "untrained", "test_session": "slice-1"}] = 0.9
    table = recommend(scores, planted_draws(scores), "slice-1", **_MODEL)
    assert table["verdict"].iloc[0] == "no better than untrained"
    assert table["verdict"][table["independent"]].str.startswith("no better than ").all()
    targets = rank_targets(scores, None, **_MODEL).set_index("test_session")
    assert targets.loc["slice-1", "num_above_untrained"] == 0
    assert targets.loc["slice-2", "num_above_untrained"] > 0
    # of several models each is compared with its own
    several = scores.assign_coords(
        predictor=[f"untrained_{_MODEL['predictor']}" if name == "untrained" else name for name in PREDICTORS]
    )
    renamed = recommend(several, planted_draws(several), "slice-1", **_MODEL)
    assert renamed["against_untrained"].tolist() == table["against_untrained"].tolist()


def test_few_independent_rows_and_missing_draws_are_told(caplog: pytest.LogCaptureFixture) -> None:
    scores = planted_study().sel(train_session=["mouse-1", "slice-3", "slice-1"])
    scores["ci_reliable"] = scores["ci_reliable"] & False
    table = recommend(scores, planted_draws(scores), "slice-1", **_MODEL)
    assert table.attrs["num_independent"] == 2
    assert "only 2 independent rows" in table.attrs["note"]
    assert "fewer than 30 blocks" in table.attrs["note"]
    assert "only 2 independent rows" in caplog.text
    alone = recommend(scores.sel(train_session=["slice-3"]), None, "slice-1", **_MODEL)
    assert alone["verdict"].tolist() == ["the only independent row"]
    assert "no bootstrap draws" in alone.attrs["note"]
    none = recommend(scores.sel(train_session=["slice-1"]), None, "slice-1", **_MODEL)
    assert "nothing can be recommended" in none.attrs["note"]
    empty = planted_draws(planted_study()).isel(draw=slice(0))
    unknown = recommend(planted_study(), empty, "slice-1", **_MODEL)
    assert "no bootstrap draws" in unknown.attrs["note"]
    assert unknown["verdict"].iloc[0] == "best, how surely unknown"


def test_a_score_that_was_never_computed_is_not_ranked() -> None:
    table = recommend(planted_study(), None, "slice-3", **_MODEL).set_index("train_session")
    assert table.loc["mouse-3", "verdict"] == "no score"
    assert bool(table.loc["mouse-3", "independent"])


def test_what_cannot_be_ranked_is_refused() -> None:
    scores = planted_study()
    with pytest.raises(InputError, match="target 'nobody'"):
        recommend(scores, None, "nobody", **_MODEL)
    with pytest.raises(InputError, match="calibration_error"):
        recommend(scores, None, "slice-1", **_MODEL, metric="calibration_error")
    with pytest.raises(InputError, match="no predictor"):
        rank_seeds(scores, predictor="nothing")


def test_good_seeds_and_easy_targets_are_ranked() -> None:
    scores = planted_study()
    seeds = rank_seeds(scores, planted_draws(scores), **_MODEL)
    assert seeds["train_session"].iloc[0] == "slice-1+mouse-1"
    assert sorted(seeds["train_session"]) == sorted(ROWS)
    row = seeds.set_index("train_session").loc["mouse-2"]
    served = scores["value"].sel(
        train_session="mouse-2", predictor="in_context", metric="bits_per_spike", null="mean_rate"
    )
    assert row["num_targets"] == 4
    assert row["mean_value"] == pytest.approx(float(served.sel(test_session=SESSIONS[:4]).mean()))
    assert row["ci_low"] < row["mean_value"] < row["ci_high"]
    targets = rank_targets(scores, **_MODEL)
    assert targets["test_session"].tolist()[:3] == ["mouse-2", "mouse-3", "mouse-1"]
    easiest = targets.iloc[0]
    assert easiest["num_rows"] == easiest["num_above_running_rate"] == 5
    assert easiest["within"] > easiest["best_value"] > easiest["mean_value"]
    assert 0.0 < easiest["transfer_share"] < 1.0
    # of the gain over untrained, not of the whole score, most of which training has no part in
    assert easiest["transfer_share"] < easiest["mean_value"] / easiest["within"]
    assert row["rank_low"] <= row["rank"] <= row["rank_high"]


def test_a_target_that_nothing_was_trained_on_is_served() -> None:
    scores = planted_study().sel(test_session=["mouse-2"]).assign_coords(test_session=["visitor"])
    table = recommend(scores, planted_draws(scores), "visitor", **_MODEL)
    assert table["kind"].tolist().count("mixture") == 1
    assert table["kind"].tolist().count("single") == 6


def test_a_row_that_serves_nobody_has_no_rank() -> None:
    scores = planted_study().sel(test_session=["mouse-2"])
    seeds = rank_seeds(scores, **_MODEL).set_index("train_session")
    assert seeds["rank"].isna().tolist().count(True) == 2
    assert seeds.loc["mouse-3", "num_targets"] == 0
