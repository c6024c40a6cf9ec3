"""The public names are one list, and each leads somewhere."""

from __future__ import annotations

import pytest

import nwbspikegen as nsg

_NAMES = [
    "FittedModel",
    "Split",
    "Survey",
    "TransferStudy",
    "WindowOptions",
    "audit",
    "context_curve",
    "convert_asdf",
    "convert_format",
    "convert_ibl",
    "convert_maxwell",
    "convert_sorting",
    "convert_spykingcircus",
    "draw_population",
    "free_run",
    "from_pynapple",
    "generate",
    "load_model",
    "mix_models",
    "open_units",
    "pretrain",
    "read_attention",
    "read_audits",
    "read_generated_units",
    "read_models",
    "read_scores",
    "read_spike_probability",
    "read_statistics",
    "read_transfer_scores",
    "realism",
    "report",
    "score",
    "select_units",
    "share_file",
    "simulate",
    "spike_statistics",
    "summarise",
    "split_fractions",
    "split_time",
    "survey",
    "to_pynapple",
    "train",
    "validate_file",
    "validate_folder",
    "write_results",
]


def test_the_list():
    assert sorted(nsg.__all__) == sorted([*_NAMES, "__version__"])
    assert set(_NAMES) <= set(dir(nsg))


@pytest.mark.parametrize("name", _NAMES)
def test_each_is_documented(name):
    assert getattr(nsg, name).__doc__


def test_other_names_are_errors():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = nsg.trian
