"""Tables of scalars, folds by donor, and the real tables where they are at hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.folds import draw_labelled, folds_by_donor, hold_out_condition
from nwbspikegen.patchseq.classify.vote import build_vote
from nwbspikegen.patchseq.features.table_allen import (
    SHARED_FEATURES,
    read_human_table,
    read_mouse_table,
    share_features,
)
from nwbspikegen.patchseq.features.tables import CLASSES, read_cell_table


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cell": [11, 12, 13],
            "donor": ["a", "a", "b"],
            "cell_class": ["Sst", "Vip", None],
            "sag": [0.1, np.nan, 0.3],
            "tau": [1, 2, 3],
            "note": ["x", "y", "z"],
        }
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_csv_and_parquet_read_alike(frame, tmp_path, suffix):
    path = tmp_path / f"cells{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    table = read_cell_table(path, species="mouse")
    assert list(table.features) == ["sag", "tau"]
    assert table.features.index.tolist() == ["11", "12", "13"]
    assert table.classes.tolist() == ["Sst", "Vip", ""]
    assert np.isnan(table.values[1, 0])
    assert table.cells.condition.tolist() == ["", "", ""]


def test_the_label_version_changes_with_the_file(frame, tmp_path):
    versions = []
    for name in ("Sst", "Pvalb"):
        frame.loc[0, "cell_class"] = name
        frame.to_csv(tmp_path / "cells.csv", index=False)
        versions.append(read_cell_table(tmp_path / "cells.csv", species="mouse").label_version)
    assert versions[0] != versions[1]
    assert versions[0].startswith("cells.csv:cell_class:")


def test_tables_that_cannot_be_used_are_refused(frame, tmp_path):
    frame.assign(cell=1).to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(InputError, match="no column cell of different names"):
        read_cell_table(tmp_path / "twice.csv", species="mouse")
    (tmp_path / "bad.parquet").write_text("not parquet")
    with pytest.raises(InputError, match="cannot be read"):
        read_cell_table(tmp_path / "bad.parquet", species="mouse")
    with pytest.raises(InputError, match="nothing at"):
        read_cell_table(tmp_path / "absent.csv", species="mouse")
    frame.to_csv(tmp_path / "good.csv", index=False)
    with pytest.raises(InputError, match="no feature ri"):
        read_cell_table(tmp_path / "good.csv", species="mouse").take_features(["ri"])


@given(st.integers(0, 1000))
def test_no_donor_is_on_both_sides(seed):
    rng = np.random.default_rng(seed)
    donors, classes = rng.integers(0, 20, 120).astype(str), rng.choice(list(CLASSES), 120)
    tested = []
    for train, test in folds_by_donor(classes, donors, seed=seed):
        assert not set(donors[train]) & set(donors[test])
        tested.extend(test.tolist())
    assert sorted(tested) == list(range(120))


def test_too_few_donors_are_refused():
    with pytest.raises(InputError, match="3 donors for 5 folds"):
        list(folds_by_donor(np.array(["Sst"] * 9), np.repeat(np.arange(3), 3).astype(str)))


def test_held_out_conditions_share_no_donor():
    conditions = np.array(["culture"] * 6 + ["acute"] * 4)
    donors = np.array(list("aabbcc") + list("ccdd"))
    train, test = hold_out_condition(conditions, donors, "culture", "acute")
    assert train.tolist() == [0, 1, 2, 3]
    assert test.tolist() == [6, 7, 8, 9]
    with pytest.raises(InputError, match="acute"):
        hold_out_condition(conditions, donors, "culture", "slice")


@given(st.integers(8, 150), st.integers(0, 100))
def test_drawn_cells_are_as_many_as_asked_and_hold_every_class(num_cells, seed):
    classes = np.repeat(np.array(CLASSES), [100, 60, 25, 15])
    drawn = draw_labelled(classes, num_cells, seed=seed)
    assert len(set(drawn.tolist())) == num_cells
    counts = pd.Series(classes[drawn]).value_counts()
    assert len(counts) == 4
    assert counts.min() >= 2
    assert np.array_equal(drawn, draw_labelled(classes, num_cells, seed=seed))


def test_more_cells_than_there_are_cannot_be_drawn():
    with pytest.raises(InputError, match="9 of 8 cells"):
        draw_labelled(np.array(["Sst", "Vip"] * 4), 9, seed=0)


def test_the_vote_learns():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(240, 5)) + 2.0 * np.repeat(np.eye(4, 5), 60, axis=0)
    values[rng.random(values.shape) < 0.05] = np.nan
    classes = np.repeat(np.array(CLASSES), 60)
    vote = build_vote(0).fit(values[::2], classes[::2])
    assert (vote.predict(values[1::2]) == classes[1::2]).mean() > 0.7


def test_mouse_table(shared_data):
    table = read_mouse_table(shared_data / "patchseq_mouse")
    counts = table.cells.cell_class.value_counts()
    # Sncg stays out: counted into Lamp5 it would make 675 or more
    assert counts.to_dict() == {"Sst": 1824, "Pvalb": 888, "Vip": 797, "Lamp5": 477}
    everything = read_mouse_table(shared_data / "patchseq_mouse", classes=())
    assert everything.cells.cell_class.value_counts()["Sncg"] == 235
    shared = share_features(table)
    assert shared.values.shape == (3986, 19)
    # s, not ms
    assert 0.005 < np.nanmedian(shared.features["tau"]) < 0.05
    assert np.nanmedian(shared.features["peak_deltav_rheo"]) > 30


def test_human_table(shared_data):
    table = read_human_table(shared_data / "patchseq_human")
    assert table.values.shape == (704, 84)
    assert table.cells.cell_class.value_counts().to_dict() == {
        "Pvalb": 370,
        "Sst": 156,
        "Vip": 111,
        "Lamp5": 67,
    }
    assert table.cells.condition.value_counts().to_dict() == {"culture": 457, "acute": 247}
    assert table.cells.donor.nunique() == 109
    assert read_human_table(shared_data / "patchseq_human", chirp=True).values.shape == (704, 93)
    assert tuple(share_features(table).features) == SHARED_FEATURES
    assert len(SHARED_FEATURES) == 19


def test_shared_features_mean_the_same(shared_data):
    """Medians of the two species are of one order for every shared feature."""
    mouse = share_features(read_mouse_table(shared_data / "patchseq_mouse")).features.median()
    human = share_features(read_human_table(shared_data / "patchseq_human")).features.median()
    ratio = (mouse / human).loc[[one for one in SHARED_FEATURES if one != "adapt_hero"]]
    assert ratio.between(0.2, 5).all(), ratio
