"""What training elsewhere gives by seconds of a recording's own past, of a study that measured curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nwbspikegen.plot.canvas import colours_of
from nwbspikegen.reports.parts import Mark, Panel, Part, Table
from nwbspikegen.reports.study_matrix import draw_matrix
from nwbspikegen.scoring.context_curves import WARM
from nwbspikegen.scoring.worth import WORTH, say_seconds
from nwbspikegen.transfer.gains import GAIN_COLUMNS, find_headline

_MEANINGS = {
    "context": "How many seconds of the target's own past were read; warm: all of the window before.",
    "seconds": "The same in seconds, on average over starts.",
    "value": "Bits per spike above the same model untrained, which has read as much.",
    "worth_seconds": "Seconds of the target's past that the untrained model needs to do as well.",
    "bound": "Whether that lies within what was measured, or beyond its end.",
    "gained_seconds": "worth_seconds less the seconds that were read.",
    "measured_up_to": "The longest past that was measured (s).",
    "transfer_share": "Share of what training on the target itself gains; empty where that gains nothing.",
    "independent": "Whether the two recordings share neither session, subject nor time.",
}


def draw_contexts(gains: pd.DataFrame, rows: Sequence[str], columns: Sequence[str]) -> list[Part]:
    """Return the gain of the chosen pair by context, what it is worth in seconds, and the table of both.

    Parameters
    ----------
    gains : DataFrame
        As `TransferStudy.context_gains` returns them; without rows there is nothing to draw.
    rows, columns : sequence of str
        Recordings that were trained on, and tested on, as the page's pairs are ordered.
    """
    if not len(gains):
        return []
    labels = list(dict.fromkeys(gains.sort_values("seconds", kind="stable")["context"]))
    headline = find_headline(labels)
    return [
        _draw_worth(gains[gains["context"] == headline], headline, rows, columns),
        _draw_pair(gains, labels, rows, columns),
        # what recordings share has a table of its own
        Table("context_gains", "Gain by context", gains[[*GAIN_COLUMNS[:-1]]], "", _MEANINGS),
    ]


def _draw_worth(gains: pd.DataFrame, context: str, rows: Sequence[str], columns: Sequence[str]) -> Panel:
    gained = _spread(gains, ["gained_seconds"], rows, columns)[0]
    texts = [
        [_tell_worth(gains[(gains["train_session"] == a) & (gains["test_session"] == b)]) for b in columns]
        for a in rows
    ]
    known = np.abs(gained[np.isfinite(gained)])
    top = float(known.max()) if known.size and known.max() > 0 else 1.0
    past = "all of the window" if context == WARM else f"{context} s"
    return draw_matrix(
        rows,
        columns,
        "worth_seconds",
        f"What training is worth with {past} of the recording's own past",
        "Seconds of the target's own past (across) that the untrained model needs to predict as well as the "
        f"model that was trained on the recording of the row and has read {past}; the colour is how many "
        "more they are. >: more than was measured. A star marks what shares session, subject or time with "
        "the test.",
        # what lies beyond all that was measured has the last colour
        np.clip(gained, -top, top),
        texts,
        "seconds gained",
        (-top, top),
        diverges=True,
    )


def _tell_worth(found: pd.DataFrame) -> str:
    if not len(found) or np.isnan(found["worth_seconds"].iloc[0]):
        return ""
    row = found.iloc[0]
    return say_seconds(*row[[WORTH, "bound", "measured_up_to"]]) + ("" if row["independent"] else "*")


def _spread(
    gains: pd.DataFrame, names: Sequence[str], rows: Sequence[str], columns: Sequence[str]
) -> np.ndarray:
    """Return some columns as an array (column, train, test), NaN where a pair is not there."""
    table = gains.groupby(["train_session", "test_session"])[[*names]].first()
    whole = table.reindex(pd.MultiIndex.from_product([rows, columns])).to_numpy(dtype=float)
    return whole.T.reshape(len(names), len(rows), len(columns))


def _draw_pair(
    gains: pd.DataFrame, labels: Sequence[str], rows: Sequence[str], columns: Sequence[str]
) -> Panel:
    """Return the gain over untrained of one pair by seconds of context, with intervals."""
    at = {label: gains[gains["context"] == label] for label in labels}
    names = ["value", "ci_low", "ci_high"]
    # of each context once: (column, context, train, test) to a row for each pair
    spread = np.stack([_spread(at[label], names, rows, columns) for label in labels], axis=1)
    value, low, high = spread.reshape(len(names), len(labels), -1).swapaxes(1, 2)
    ends = np.stack([low, high, np.full_like(low, np.nan)], axis=2).reshape(len(value), -1)
    # as `worth_seconds` takes the curve between its points; warm is of each target another length
    place = np.log1p(np.array([at[label]["seconds"].mean() for label in labels]))
    told = [
        ", ".join(
            f"{label if label == WARM else f'{label} s'} {gain:+.3f}"
            for label, gain in zip(labels, pair, strict=True)
            if np.isfinite(gain)
        )
        for pair in value
    ]
    blue = colours_of(["in_context"])["in_context"]
    return Panel(
        "context_gain",
        "One pair, by seconds of the recording's own past",
        "Bits per spike of the chosen pair above the same model untrained, which has read as much of the "
        "target, with 95 % intervals by bootstrap over starts. What is left of it when the past is long is "
        "what reading cannot tell.",
        [
            Mark("line", np.repeat(place, 3), ends, by_unit=("y",), colour="#444444"),
            Mark("line", place, value, by_unit=("y",), colour=blue),
            Mark("points", place, value, by_unit=("y",), colour=blue),
        ],
        "Seconds of the recording's own past",
        "Bits per spike above untrained",
        x_names={float(x): label for x, label in zip(place, labels, strict=True)},
        lines_y=(0.0,),
        height=320,
        notes=[each or "not measured" for each in told],
    )
