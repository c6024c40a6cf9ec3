"""Every name that a table, an option or a figure shows has an entry in the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.explain.ablations import COLUMNS as ABLATION_COLUMNS
from nwbspikegen.models import LOSSES, MODELS
from nwbspikegen.nwb import tables
from nwbspikegen.scoring import make_baseline, spike_statistics
from nwbspikegen.scoring.audits import audit_causality
from nwbspikegen.transfer.nwb_writing import SESSION_COLUMNS

_PAGE = Path(__file__).resolve().parents[1] / "docs" / "glossary.md"
_ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in _PAGE.read_text().partition("## Names replaced")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| term")
]
_TERMS = [term.strip().strip("`") for cells in _ROWS for term in cells[0].split(", ")]
# columns of tables that only a study, a sweep or many cells would make
_TABLES = {
    "groups": "group predictor metric null mean sd num_cells num_dependent",
    "tests": "group predictor against metric null difference num_targets p_value p_holm",
    "independence": "train_session test_session same_session same_subject same_lab overlap_s independent "
    "shared",
    "recommendation": "rank train_session train_preparation kind value ci_low ci_high independent shared "
    "rank_low rank_high probability_best verdict",
    "seeds": "rank train_session kind num_targets mean_value ci_low ci_high transfer_share mean_place "
    "num_best rank_low rank_high",
    "targets": "rank test_session num_rows mean_value ci_low ci_high best_value best_row within "
    "transfer_share rank_low rank_high num_above_NAME",
    "context gains": "train_session test_session context seconds value ci_low ci_high worth_seconds "
    "worth_low worth_high bound gained_seconds measured_up_to transfer_share share_low share_high "
    "independent shared",
    "context curves": "predictor context seconds null value ci_low ci_high num_starts num_spikes "
    "knows_target reference own_gain own_gain_low own_gain_high",
    "sweep": "trial state error num_parameters validation_bits_per_spike test_bits_per_spike best_epoch "
    "num_epochs train_seconds score_seconds resumed sha256",
    "study.csv": "recording status path duration failed_audits parameters_sha256 ci_low ci_high error",
    "patchseq scores": "predictor metric value sd ci_low ci_high num_cells num_donors accuracy "
    "balanced_accuracy macro_f1 majority",
    "patchseq transfer": "over num_labelled seed repeat cell donor condition cell_class predicted_class",
    "audits": "audit passed value tolerance detail splits independence permutation",
}
# what people say and no table prints
_WORDS = [
    "unit",
    "session",
    "bin",
    "window",
    "observed",
    "context",
    "warm",
    "cold",
    "zero-shot",
    "null",
    "baseline",
    "ROC-AUC",
    "PR-AUC",
    "average precision",
    "stress",
    "MDS",
    "attention",
    "importance",
    "AWI",
    "CORAL",
    "sparse PCA",
    "conditional intensity",
    "hazard",
    "free run",
    "coupling",
]


def _options(command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _options(found)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield from (name for name in parameter.opts if name.startswith("--"))


def _missing(names: object) -> list[str]:
    return sorted({str(name) for name in names if name} - set(_TERMS))  # type: ignore[attr-defined]


def test_every_entry_is_one_sentence_and_there_once() -> None:
    assert all(len(cells) == 2 and cells[1].endswith(".") for cells in _ROWS)
    assert [cells for cells in _ROWS if re.search(r"\. [A-Z]", cells[1])] == []
    assert len(set(_TERMS)) == len(_TERMS)


def test_every_option_is_explained() -> None:
    assert _missing(set(_options(cli)) - {"--version", "--help"}) == []


def test_no_option_is_explained_that_is_gone() -> None:
    assert {term for term in _TERMS if term.startswith("--")} <= set(_options(cli))


def test_models_losses_and_words_are_explained() -> None:
    # other tests register models of their own
    ours = [name for name, model in MODELS.items() if model.__module__.startswith("nwbspikegen.")]
    assert _missing([*ours, *LOSSES, *_WORDS]) == []


def test_scores_and_audits_are_explained() -> None:
    simulation = nsg.simulate("in_vivo", num_units=4, duration=20, seed=1)
    units = nsg.open_units(simulation.sorting, bin_size=0.01)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    running = make_baseline("running_rate")
    predicted = nsg.generate(running, parts.test, context=units)
    table = nsg.score(predicted, parts.test, train=parts.train, context=units)
    names = [*table.columns, *table.metric.unique(), *table["null"].unique(), *table.predictor.unique()]
    spikes = units.spikes.values
    audits = audit_causality(running.predict, spikes, len(spikes) // 2, 0.01)
    assert _missing([*names, *(row.audit for row in audits)]) == []
    assert _missing(set(spike_statistics(parts.test).columns)) == []


@pytest.mark.parametrize("columns", [*_TABLES.values(), " ".join([*SESSION_COLUMNS, *ABLATION_COLUMNS])])
def test_columns_are_explained(columns: str) -> None:
    assert _missing(columns.split()) == []


def test_columns_in_nwb_are_explained() -> None:
    assert _missing(tables._COLUMNS) == []
