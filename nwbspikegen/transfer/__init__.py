"""Every recording against every other: the study, its matrix, its embedding, its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nwbspikegen.core.lazy import import_late

if TYPE_CHECKING:
    from nwbspikegen.transfer.embedding import Layout as Layout
    from nwbspikegen.transfer.embedding import lay_out as lay_out
    from nwbspikegen.transfer.nwb_reading import read_context_gains as read_context_gains
    from nwbspikegen.transfer.nwb_reading import read_layout as read_layout
    from nwbspikegen.transfer.nwb_reading import read_sessions as read_sessions
    from nwbspikegen.transfer.nwb_reading import read_transfer_scores as read_transfer_scores
    from nwbspikegen.transfer.nwb_subject import read_subject as read_subject
    from nwbspikegen.transfer.nwb_writing import SESSION_COLUMNS as SESSION_COLUMNS
    from nwbspikegen.transfer.nwb_writing import write_study as write_study
    from nwbspikegen.transfer.nwb_writing import write_transfer as write_transfer
    from nwbspikegen.transfer.recommendation import recommend as recommend
    from nwbspikegen.transfer.study import TransferStudy as TransferStudy

_MODULE_OF = {
    "Layout": "embedding",
    "SESSION_COLUMNS": "nwb_writing",
    "TransferStudy": "study",
    "lay_out": "embedding",
    "read_context_gains": "nwb_reading",
    "read_layout": "nwb_reading",
    "read_sessions": "nwb_reading",
    "read_subject": "nwb_subject",
    "read_transfer_scores": "nwb_reading",
    "recommend": "recommendation",
    "write_study": "nwb_writing",
    "write_transfer": "nwb_writing",
}

__all__ = [*_MODULE_OF]  # noqa: PLE0604, RUF100

__getattr__ = import_late(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
