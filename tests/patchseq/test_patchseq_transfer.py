"""Alignment without labels, shares of classes, and conditions that get the same cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.bilstm import continue_bilstm, fit_bilstm, fit_joint_bilstm
from nwbspikegen.patchseq.classify.bilstm_training import BiLSTMSchedule, FamilyCells
from nwbspikegen.patchseq.classify.folds import draw_labelled
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.species.alignment import align
from nwbspikegen.patchseq.species.alignment_shares import align_shares
from nwbspikegen.patchseq.species.conditions import (
    TRANSFER_CONDITIONS,
    TransferDataset,
    fit_zero_shot,
    predict_conditions,
)

NAMES = np.array(["Lamp5", "Pvalb", "Sst", "Vip"])
_CENTRES = np.random.default_rng(7).normal(size=(4, 8)) * 1.3
METHODS = ("none", "scale", "rank", "quantile", "coral", "transport")


def draw_species(
    counts: tuple[int, ...], seed: int, *, shift: float = 0.0, stretch: float = 1.0
) -> CellTable:
    """Return cells of four classes; a shift moves every class by its own vector and all features together."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(4), counts)
    own = shift * np.random.default_rng(11).normal(size=(4, 8))
    values = _CENTRES[number] + own[number] + rng.normal(size=(len(number), 8))
    values = stretch * values + 3 * shift
    index = pd.Index([f"c{one}" for one in range(len(number))], name="cell")
    cells = pd.DataFrame(
        {"cell_class": NAMES[number], "donor": rng.integers(0, 25, len(number)).astype(str), "condition": ""},
        index=index,
    )
    columns = [f"f{one}" for one in range(8)]
    return CellTable(pd.DataFrame(values, index=index, columns=columns), cells, "any", "drawn")


@pytest.mark.parametrize("method", METHODS)
def test_every_alignment_gives_whole_cells_of_the_same_shape(method):
    mouse, human = (
        draw_species((20, 20, 20, 20), 0).values,
        draw_species((10, 10, 10, 10), 1, shift=1.0).values,
    )
    mouse, human = mouse.copy(), human.copy()
    mouse[3, 2] = human[4, 1] = np.nan
    aligned = align(mouse, human, method=method)
    assert aligned.source.shape == mouse.shape
    assert np.isfinite(aligned.source).all()
    np.testing.assert_allclose(aligned.place(human), aligned.target)


@pytest.mark.parametrize("method", [one for one in METHODS if one != "none"])
def test_alignment_undoes_what_happens_to_every_cell_alike(method):
    mouse = draw_species((60, 60, 60, 60), 0).values
    moved = mouse * np.linspace(0.5, 4, 8) + 10
    aligned = align(mouse, moved, method=method)
    assert np.abs(aligned.source - aligned.target).mean() < {"transport": 0.6, "quantile": 0.05}.get(
        method, 1e-6
    )


def test_ranks_undo_any_rising_curve():
    mouse = draw_species((60, 60, 60, 60), 0).values
    aligned = align(mouse, np.exp(mouse / 2), method="rank")
    np.testing.assert_allclose(aligned.source, aligned.target)


def test_weights_count_as_copies():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(30, 3)), rng.normal(size=(20, 3)) + 1
    copies = rng.integers(1, 4, 30)
    for method in ("none", "scale", "rank", "quantile"):
        weighted = align(source, target, method=method, source_weight=copies.astype(float))
        repeated = align(np.repeat(source, copies, axis=0), target, method=method)
        np.testing.assert_allclose(np.repeat(weighted.source, copies, axis=0), repeated.source, atol=1e-9)


def test_covariance_is_taken_over():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(2000, 3)) @ rng.normal(size=(3, 3))
    target = rng.normal(size=(2000, 3)) @ rng.normal(size=(3, 3))
    far = align(source, target, method="scale")
    near = align(source, target, method="coral")
    gaps = [np.abs(np.cov(one.source.T) - np.cov(one.target.T)).max() for one in (far, near)]
    assert gaps[1] < 0.5 * gaps[0]


def test_shares_are_found_when_a_class_stands_apart():
    mouse = draw_species((200, 200, 200, 200), 0)
    mouse.features.iloc[200:400] += 6
    human = draw_species((50, 300, 50, 50), 1)
    human.features.iloc[50:350] += 6
    space = align_shares(mouse.values, mouse.classes, human.values)
    assert space.parted_class == "Pvalb"
    assert space.shares["Pvalb"] == pytest.approx(300 / 450, abs=0.03)
    assert sum(space.shares.values()) == pytest.approx(1)
    assert space.evidence > 10


def test_estimated_shares_mend_zero_shot():
    """With other class sizes, ranks alone put cells into the wrong class."""
    mouse = draw_species((200, 200, 200, 200), 0)
    mouse.features.iloc[200:400] += 3
    human = draw_species((50, 400, 50, 50), 1)
    human.features.iloc[50:450] += 3
    nothing = human.values[:0], human.classes[:0]
    dataset = TransferDataset(mouse.values, mouse.classes, human.values, *nothing, NAMES)
    hit = {
        estimate: (
            NAMES[fit_zero_shot(dataset, estimate=estimate)(human.values).argmax(axis=1)] == human.classes
        )
        for estimate in (False, True)
    }
    assert hit[True].mean() > hit[False].mean() + 0.1


def test_without_evidence_the_classes_stay_equal():
    rng = np.random.default_rng(0)
    mouse = rng.normal(size=(200, 3))
    space = align_shares(mouse, np.repeat(["Sst", "Vip"], 100), rng.normal(size=(300, 3)))
    assert space.parted_class == ""
    assert space.shares == {"Sst": 0.5, "Vip": 0.5}


def test_bad_alignments_are_refused():
    cells = np.zeros((4, 2))
    with pytest.raises(InputError, match="alignment magic"):
        align(cells, cells, method="magic")
    with pytest.raises(InputError, match="the same features"):
        align(cells, cells[:, :1])
    with pytest.raises(InputError, match="weights"):
        align(cells, cells, source_weight=np.full(4, -1.0))
    with pytest.raises(InputError, match="of 1 class"):
        align_shares(cells, np.full(4, "Sst"), cells)


def test_no_condition_sees_the_class_of_an_unlabelled_cell():
    """Changing the classes of cells that are not labelled changes no prediction."""
    mouse, human = draw_species((30, 30, 30, 30), 0), draw_species((40, 40, 40, 40), 1, shift=0.5)
    conditions = {name: TRANSFER_CONDITIONS[name] for name in ("target_only", "pooled", "stacked_forest")} | {
        "zero": fit_zero_shot
    }
    datasets: dict[str, list[TransferDataset]] = {name: [] for name in conditions}

    def watch(name):
        def condition(dataset):
            datasets[name].append(dataset)
            return lambda values: np.tile([0.1, 0.2, 0.3, 0.4], (len(values), 1))

        return condition

    predicted = predict_conditions(
        mouse, human, {name: watch(name) for name in conditions}, num_labelled=16, seeds=[0, 1]
    )
    assert (predicted["zero"] == "Vip").all()
    for first, second in zip(datasets["target_only"], datasets["pooled"], strict=True):
        np.testing.assert_array_equal(first.labelled, second.labelled)
        assert len(first.labelled) == 16
        # the labelled cells are of the training side
        known = {tuple(row) for row in first.unlabelled}
        assert all(tuple(row) in known for row in first.labelled)
    assert len(datasets["zero"]) == 10


def test_the_source_helps_when_few_cells_are_labelled():
    mouse, human = (
        draw_species((60, 60, 60, 60), 0),
        draw_species((40, 40, 40, 40), 1, shift=0.5, stretch=2.0),
    )
    conditions = {name: TRANSFER_CONDITIONS[name] for name in ("target_only", "pooled")}
    predicted = predict_conditions(mouse, human, conditions, num_labelled=12, seeds=range(3))
    hit = {name: (runs == human.classes).mean() for name, runs in predicted.items()}
    assert hit["pooled"] > hit["target_only"] + 0.05


def test_stacked_forest_gives_probabilities():
    mouse, human = draw_species((20, 20, 20, 20), 0), draw_species((20, 20, 20, 20), 1, shift=0.5)
    drawn = draw_labelled(human.classes, 16, seed=0)
    dataset = TransferDataset(
        mouse.values, mouse.classes, human.values, human.values[drawn], human.classes[drawn], NAMES
    )
    probability = TRANSFER_CONDITIONS["stacked_forest"](dataset)(human.values)
    np.testing.assert_allclose(probability.sum(axis=1), 1)


def draw_families(num_per_class: int, seed: int, *, shift: float) -> FamilyCells:
    """Return cells with five families of six numbers, in which what varies most says nothing of the class.

    The shift moves all cells of a species together and each of its classes by a vector of its own.
    """
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(21)
    number = np.repeat(np.arange(4), num_per_class)
    centres, mixing = 0.5 * fixed.normal(size=(4, 5, 6)), fixed.normal(size=(4, 5, 6))
    moved = shift * (fixed.normal(size=(4, 5, 6)) + 1)
    shared = np.tensordot(rng.normal(size=(len(number), 4)), mixing, axes=1)
    families = centres[number] + moved[number] + shared + 0.5 * rng.normal(size=(len(number), 5, 6))
    present = rng.random((len(number), 5)) > 0.1
    present[~present.any(axis=1), 0] = True
    return FamilyCells(families, present, NAMES[number], rng.integers(0, 12, len(number)).astype(str))


def test_transfer_beats_target_only_at_five_labelled_cells_per_class():
    mouse, human = draw_families(80, 0, shift=0.0), draw_families(5, 1, shift=0.15)
    scored, schedule = draw_families(100, 2, shift=0.15), BiLSTMSchedule(epochs=12, batch=32)
    hit = {}
    for name, model in {
        "target_only": fit_bilstm(human, schedule=schedule),
        "fine_tune": continue_bilstm(fit_bilstm(mouse, schedule=schedule), human, schedule=schedule),
        "joint": fit_joint_bilstm(mouse, human, schedule=schedule),
    }.items():
        assert model.record["condition"] == name
        probability = model.predict_proba(scored.families, scored.present)
        hit[name] = (model.class_names[probability.argmax(axis=1)] == scored.classes).mean()
    assert hit["fine_tune"] > hit["target_only"] + 0.08
    assert hit["joint"] > hit["target_only"]


def test_species_measured_otherwise_cannot_be_joined():
    mouse, human = draw_families(5, 0, shift=0.0), draw_families(5, 1, shift=0.0)
    narrow = FamilyCells(human.families[:, :, :4], human.present, human.classes, human.donors)
    with pytest.raises(InputError, match="cells of shapes"):
        fit_joint_bilstm(mouse, narrow)
    with pytest.raises(InputError, match="cells of shapes"):
        continue_bilstm(fit_bilstm(mouse, schedule=BiLSTMSchedule(epochs=1)), narrow)
    other = draw_species((5, 5, 5, 5), 0).take_features(["f0"])
    with pytest.raises(InputError, match="different features"):
        predict_conditions(
            other, draw_species((5, 5, 5, 5), 0), TRANSFER_CONDITIONS, num_labelled=8, seeds=[0]
        )
