"""Every recording against every other: the study, its matrix, its layout."""

from nwbspikegen.transfer.embedding import Layout, lay_out
from nwbspikegen.transfer.recommendation import recommend
from nwbspikegen.transfer.study import TransferStudy

__all__ = ["Layout", "TransferStudy", "lay_out", "recommend"]
