"""Learn how one population's spiking predicts another's, from NWB to NWB, with honest scores.

The public names are imported when first used, so that ``import nwbspikegen`` costs next to nothing
and converting or viewing never loads torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nwbspikegen.core.lazy import import_late

if TYPE_CHECKING:
    from nwbspikegen.archive import share_file as share_file
    from nwbspikegen.archive import validate_file as validate_file
    from nwbspikegen.archive import validate_folder as validate_folder
    from nwbspikegen.commands.convert import convert_asdf as convert_asdf
    from nwbspikegen.commands.convert import convert_format as convert_format
    from nwbspikegen.commands.convert import convert_ibl as convert_ibl
    from nwbspikegen.commands.convert import convert_maxwell as convert_maxwell
    from nwbspikegen.commands.convert import convert_sorting as convert_sorting
    from nwbspikegen.commands.convert import (
        convert_spykingcircus as convert_spykingcircus,
    )
    from nwbspikegen.commands.pynapple_objects import from_pynapple as from_pynapple
    from nwbspikegen.commands.pynapple_objects import to_pynapple as to_pynapple
    from nwbspikegen.explain.nwb import read_attention as read_attention
    from nwbspikegen.likeness import realism as realism
    from nwbspikegen.models import FittedModel as FittedModel
    from nwbspikegen.models import load_model as load_model
    from nwbspikegen.prediction.audit import audit as audit
    from nwbspikegen.prediction.context_curve import context_curve as context_curve
    from nwbspikegen.prediction.free_run import free_run as free_run
    from nwbspikegen.prediction.nwb_reading import read_audits as read_audits
    from nwbspikegen.prediction.nwb_reading import read_generated_units as read_generated_units
    from nwbspikegen.prediction.nwb_reading import read_models as read_models
    from nwbspikegen.prediction.nwb_reading import read_scores as read_scores
    from nwbspikegen.prediction.nwb_reading import read_spike_probability as read_spike_probability
    from nwbspikegen.prediction.nwb_reading import read_statistics as read_statistics
    from nwbspikegen.prediction.nwb_writing import write_results as write_results
    from nwbspikegen.prediction.one_step import generate as generate
    from nwbspikegen.reports import report as report
    from nwbspikegen.scoring import score as score
    from nwbspikegen.scoring import spike_statistics as spike_statistics
    from nwbspikegen.scoring import summarise as summarise
    from nwbspikegen.simulation import draw_population as draw_population
    from nwbspikegen.simulation import simulate as simulate
    from nwbspikegen.training import mix_models as mix_models
    from nwbspikegen.training import pretrain as pretrain
    from nwbspikegen.training import train as train
    from nwbspikegen.transfer import TransferStudy as TransferStudy
    from nwbspikegen.transfer.nwb_reading import read_transfer_scores as read_transfer_scores
    from nwbspikegen.views import Split as Split
    from nwbspikegen.views import Survey as Survey
    from nwbspikegen.views import WindowOptions as WindowOptions
    from nwbspikegen.views import open_units as open_units
    from nwbspikegen.views import select_units as select_units
    from nwbspikegen.views import split_fractions as split_fractions
    from nwbspikegen.views import split_time as split_time
    from nwbspikegen.views import survey as survey

__version__ = "0.1.0"

_MODULE_OF = {
    "FittedModel": "models",
    "Split": "views",
    "Survey": "views",
    "TransferStudy": "transfer",
    "WindowOptions": "views",
    "audit": "prediction.audit",
    "context_curve": "prediction.context_curve",
    "convert_asdf": "commands.convert",
    "convert_format": "commands.convert",
    "convert_ibl": "commands.convert",
    "convert_maxwell": "commands.convert",
    "convert_sorting": "commands.convert",
    "convert_spykingcircus": "commands.convert",
    "draw_population": "simulation",
    "free_run": "prediction.free_run",
    "from_pynapple": "commands.pynapple_objects",
    "generate": "prediction.one_step",
    "load_model": "models",
    "mix_models": "training",
    "open_units": "views",
    "pretrain": "training",
    "read_attention": "explain.nwb",
    "read_audits": "prediction.nwb_reading",
    "read_generated_units": "prediction.nwb_reading",
    "read_models": "prediction.nwb_reading",
    "read_scores": "prediction.nwb_reading",
    "read_spike_probability": "prediction.nwb_reading",
    "read_statistics": "prediction.nwb_reading",
    "read_transfer_scores": "transfer.nwb_reading",
    "realism": "likeness",
    "report": "reports",
    "score": "scoring",
    "select_units": "views",
    "share_file": "archive",
    "simulate": "simulation",
    "spike_statistics": "scoring",
    "split_fractions": "views",
    "split_time": "views",
    "summarise": "scoring",
    "survey": "views",
    "to_pynapple": "commands.pynapple_objects",
    "train": "training",
    "validate_file": "archive",
    "validate_folder": "archive",
    "write_results": "prediction.nwb_writing",
}

__all__ = ["__version__", *_MODULE_OF]  # noqa: PLE0604, RUF100


__getattr__ = import_late(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
