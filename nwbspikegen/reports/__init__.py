"""One HTML page for a recording, a result, a study: a place to look."""

from nwbspikegen.reports.making import report

__all__ = ["report"]
