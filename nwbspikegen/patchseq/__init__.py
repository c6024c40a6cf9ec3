"""From patch-clamp recordings to cell classes, and from one species to another.

The names are imported when first used: reading and measuring load neither scikit-learn nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nwbspikegen.core.lazy import import_late

if TYPE_CHECKING:
    from nwbspikegen.patchseq.classify.bilstm import CellBiLSTM as CellBiLSTM
    from nwbspikegen.patchseq.classify.bilstm import continue_bilstm as continue_bilstm
    from nwbspikegen.patchseq.classify.bilstm import fit_bilstm as fit_bilstm
    from nwbspikegen.patchseq.classify.bilstm import fit_joint_bilstm as fit_joint_bilstm
    from nwbspikegen.patchseq.classify.bilstm_network import AttentionBiLSTM as AttentionBiLSTM
    from nwbspikegen.patchseq.classify.components import FamilyComponents as FamilyComponents
    from nwbspikegen.patchseq.classify.folds import folds_by_donor as folds_by_donor
    from nwbspikegen.patchseq.classify.forest import CellForest as CellForest
    from nwbspikegen.patchseq.classify.forest import fit_forest as fit_forest
    from nwbspikegen.patchseq.classify.models_io import CellModel as CellModel
    from nwbspikegen.patchseq.classify.scores import compare_classes as compare_classes
    from nwbspikegen.patchseq.classify.scores import score_classes as score_classes
    from nwbspikegen.patchseq.classify.sparse_pca import SparsePCA as SparsePCA
    from nwbspikegen.patchseq.classify.vote import CellVote as CellVote
    from nwbspikegen.patchseq.classify.vote import fit_vote as fit_vote
    from nwbspikegen.patchseq.features.family_presets import FAMILY_LENGTHS as FAMILY_LENGTHS
    from nwbspikegen.patchseq.features.files import read_features as read_features
    from nwbspikegen.patchseq.features.files import write_features as write_features
    from nwbspikegen.patchseq.features.measure import CellFeatures as CellFeatures
    from nwbspikegen.patchseq.features.measure import collect_cells as collect_cells
    from nwbspikegen.patchseq.features.measure import measure_cell as measure_cell
    from nwbspikegen.patchseq.features.table_allen import read_human_table as read_human_table
    from nwbspikegen.patchseq.features.table_allen import read_mouse_table as read_mouse_table
    from nwbspikegen.patchseq.features.table_allen import share_features as share_features
    from nwbspikegen.patchseq.features.tables import CellTable as CellTable
    from nwbspikegen.patchseq.features.tables import read_cell_table as read_cell_table
    from nwbspikegen.patchseq.nwb.reading import read_cell_scalars as read_cell_scalars
    from nwbspikegen.patchseq.nwb.reading import read_family_vectors as read_family_vectors
    from nwbspikegen.patchseq.nwb.reading import read_left_out_sweeps as read_left_out_sweeps
    from nwbspikegen.patchseq.nwb.reading import read_predictions as read_predictions
    from nwbspikegen.patchseq.nwb.reading import read_sweep_features as read_sweep_features
    from nwbspikegen.patchseq.nwb.writing import write_patchseq as write_patchseq
    from nwbspikegen.patchseq.reading.cells import Cell as Cell
    from nwbspikegen.patchseq.reading.cells import read_cell as read_cell
    from nwbspikegen.patchseq.reading.sweeps import Sweep as Sweep
    from nwbspikegen.patchseq.reading.sweeps import SweepInfo as SweepInfo
    from nwbspikegen.patchseq.simulation.files import simulate_patchseq as simulate_patchseq
    from nwbspikegen.patchseq.simulation.simulator import simulate_cell as simulate_cell
    from nwbspikegen.patchseq.species.alignment import align as align
    from nwbspikegen.patchseq.species.alignment_shares import align_shares as align_shares
    from nwbspikegen.patchseq.species.conditions import predict_conditions as predict_conditions
    from nwbspikegen.patchseq.spikes.detect import detect_spikes as detect_spikes

_MODULE_OF = {
    "AttentionBiLSTM": "classify.bilstm_network",
    "Cell": "reading.cells",
    "CellBiLSTM": "classify.bilstm",
    "CellFeatures": "features.measure",
    "CellForest": "classify.forest",
    "CellModel": "classify.models_io",
    "CellTable": "features.tables",
    "CellVote": "classify.vote",
    "FAMILY_LENGTHS": "features.family_presets",
    "FamilyComponents": "classify.components",
    "SparsePCA": "classify.sparse_pca",
    "Sweep": "reading.sweeps",
    "SweepInfo": "reading.sweeps",
    "align": "species.alignment",
    "align_shares": "species.alignment_shares",
    "collect_cells": "features.measure",
    "compare_classes": "classify.scores",
    "continue_bilstm": "classify.bilstm",
    "detect_spikes": "spikes.detect",
    "fit_bilstm": "classify.bilstm",
    "fit_forest": "classify.forest",
    "fit_joint_bilstm": "classify.bilstm",
    "fit_vote": "classify.vote",
    "folds_by_donor": "classify.folds",
    "measure_cell": "features.measure",
    "predict_conditions": "species.conditions",
    "read_cell": "reading.cells",
    "read_cell_scalars": "nwb.reading",
    "read_cell_table": "features.tables",
    "read_family_vectors": "nwb.reading",
    "read_features": "features.files",
    "read_human_table": "features.table_allen",
    "read_left_out_sweeps": "nwb.reading",
    "read_mouse_table": "features.table_allen",
    "read_predictions": "nwb.reading",
    "read_sweep_features": "nwb.reading",
    "score_classes": "classify.scores",
    "share_features": "features.table_allen",
    "simulate_cell": "simulation.simulator",
    "simulate_patchseq": "simulation.files",
    "write_features": "features.files",
    "write_patchseq": "nwb.writing",
}

__all__ = [*_MODULE_OF]  # noqa: PLE0604, RUF100

__getattr__ = import_late(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
