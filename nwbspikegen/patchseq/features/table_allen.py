"""The two Allen tables of Patch-seq interneurons: Gouwens 2020 (mouse) and Lee and Dalley 2023 (human)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.features.tables import CLASSES, CellTable, name_version, read_frame

_MOUSE_FEATURES, _MOUSE_CELLS = "efeature.csv", "20200711_patchseq_metadata_mouse.csv"
_HUMAN_FEATURES, _HUMAN_CELLS = "LeeDalley_ephys_fx.csv", "LeeDalley_manuscript_metadata.csv"
# the mouse table has no Pax6; of these 82 cells 68 have a LAMP5 type, and so they are counted as that
_HUMAN_CLASSES = {"LAMP5/PAX6/Other": "Lamp5", "PVALB": "Pvalb", "SST": "Sst", "VIP": "Vip"}
# numbers of sweeps: they tell in which order a laboratory worked
_NOT_FEATURES = ("rheobase_sweep_num", "thumbnail_sweep_num")

# human name -> mouse name, where the same thing in the same unit stands under two names
_SAME = {
    "upstroke_downstroke_ratio_ramp": "upstroke_downstroke_ratio_ramp",
    "threshold_i_ramp": "threshold_i_ramp",
    "v_baseline": "vrest",
    "threshold_v_ramp": "threshold_v_ramp",
    "threshold_v_rheo": "threshold_v_long_square",
    "upstroke_downstroke_ratio_rheo": "upstroke_downstroke_ratio_long_square",
    "rheobase_i": "threshold_i_long_square",
    "input_resistance": "ri",
    "vm_for_sag": "vm_for_sag",
    "fi_fit_slope": "f_i_curve_slope",
    "adapt_hero": "adaptation",
    "latency_hero": "latency",
    "upstroke_downstroke_ratio_short_square": "upstroke_downstroke_ratio_short_square",
    "sag": "sag",
    "threshold_v_short_square": "threshold_v_short_square",
}
# in ms in the mouse table, in s in the human one
_MS = {"tau": "tau", "mean_isi_hero": "avg_isi"}
# the human table has them from the threshold, the mouse table absolutely
_FROM_THRESHOLD = {"peak_deltav_rheo": "peak_v", "fast_trough_deltav_rheo": "fast_trough_v"}
SHARED_FEATURES = (*_SAME, *_MS, *_FROM_THRESHOLD)


@contextlib.contextmanager
def _understanding(folder: Path) -> Iterator[None]:
    try:
        yield
    # a column that is missing, or numbers that are none
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(
            f"tables in {folder} that cannot be understood ({reason})",
            "the files as the Allen Institute gives them",
            "fetch them again",
        ) from error


def read_mouse_table(folder: str | os.PathLike[str], *, classes: tuple[str, ...] = CLASSES) -> CellTable:
    """Read the cells of some subclasses from the mouse table, with the names of its own features.

    A cell's subclass is the first word of its transcriptomic type; cells of other subclasses (Sncg,
    Serpinf1) or without a type are left out, never moved into another class. An empty `classes`
    keeps every typed cell.

    Parameters
    ----------
    folder : path
        Where ``efeature.csv`` and ``20200711_patchseq_metadata_mouse.csv`` are.
    """
    folder = Path(folder)
    features, cells = read_frame(folder / _MOUSE_FEATURES), read_frame(folder / _MOUSE_CELLS)
    with _understanding(folder):
        # the key stands in the middle of a file name: sub-<n>_ses-<key>_icephys
        session = pd.to_numeric(features["ID"].str.extract(r"ses-(\d+)_")[0])
        joined = _join(features.assign(ephys_session_id=session), cells, "ephys_session_id")
        names = [one for one in features if one != "ID" and one not in _NOT_FEATURES]
        # "Sst Calb2 Pdlim5" is an Sst cell. Schwider and Ramezani counted 198 Sncg cells as Lamp5, by a
        # typo
        subclass = joined["t_type"].str.split().str[0].fillna("")
        table = CellTable(
            joined[names].astype(float),
            pd.DataFrame(
                {"cell_class": subclass, "donor": joined["donor_id"].astype(str), "condition": "acute"}
            ),
            "mouse",
            name_version(folder / _MOUSE_CELLS, "t_type"),
        )
        return table.select(table.cells.cell_class.isin(classes) if classes else table.cells.cell_class != "")


def read_human_table(folder: str | os.PathLike[str], *, chirp: bool = False) -> CellTable:
    """Read the human table; LAMP5/PAX6/Other is called Lamp5, and the others as in the mouse.

    Parameters
    ----------
    folder : path
        Where ``LeeDalley_ephys_fx.csv`` and ``LeeDalley_manuscript_metadata.csv`` are.
    chirp : bool, default: False
        Keep the nine features of the chirp protocol, which more than half of the cells lack.
    """
    folder = Path(folder)
    features, cells = read_frame(folder / _HUMAN_FEATURES), read_frame(folder / _HUMAN_CELLS)
    with _understanding(folder):
        joined = _join(features, cells, "specimen_id")
        names = [one for one in features if one != "specimen_id" and (chirp or "chirp" not in str(one))]
        labels = joined["Revised_subclass_label"].map(_HUMAN_CLASSES).fillna("")
        return CellTable(
            joined[names].astype(float),
            pd.DataFrame({"cell_class": labels, "donor": joined["Donor"], "condition": joined["condition"]}),
            "human",
            name_version(folder / _HUMAN_CELLS, "Revised_subclass_label"),
        )


def share_features(table: CellTable) -> CellTable:
    """Return the 19 features that mean the same in both tables, under the human names.

    Times that the mouse table gives in ms become seconds; peak and fast trough of its long square
    become distances from the threshold.
    """
    if table.species != "mouse":
        return table.take_features(SHARED_FEATURES)
    own = table.features
    shared = pd.DataFrame(
        {name: own[source] for name, source in _SAME.items()}
        | {name: own[source] / 1000 for name, source in _MS.items()}
        | {
            name: own[f"{source}_long_square"] - own["threshold_v_long_square"]
            for name, source in _FROM_THRESHOLD.items()
        }
    )
    return CellTable(shared, table.cells, table.species, table.label_version)


def name_source_columns(species: str) -> tuple[str, ...]:
    """Return the columns of the table of "mouse" or "human" that the 19 shared features are made of.

    Examples
    --------
    >>> len(name_source_columns("human")), "threshold_v_long_square" in name_source_columns("mouse")
    (19, True)
    """
    if species != "mouse":
        return SHARED_FEATURES
    # threshold_v_long_square, from which peak and trough are measured, is one of _SAME
    absolute = (f"{source}_long_square" for source in _FROM_THRESHOLD.values())
    return (*_SAME.values(), *_MS.values(), *absolute)


def _join(features: pd.DataFrame, cells: pd.DataFrame, key: str) -> pd.DataFrame:
    try:
        # 1:1, since a second version of the human metadata has a row twice
        joined = features.merge(cells, on=key, how="inner", validate="1:1")
    except (KeyError, pd.errors.MergeError) as error:
        raise InputError(
            f"a key {key} that does not join ({error})", "one row for each cell", "use the files named"
        ) from error
    return joined.set_index(joined[key].astype(int).astype(str).rename("cell"))
