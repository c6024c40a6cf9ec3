"""What a model of windows keeps of a recording: the latest bins, and each unit's running rate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, Real, UInt8

from nwbspikegen.core.progress import track
from nwbspikegen.models.attending import WITHOUT_ATTENTION, attention_as
from nwbspikegen.models.state import RecordingState
from nwbspikegen.models.stepping import Stepper
from nwbspikegen.views.history import Mask, prior_bins

# windows of perturbed bins that are predicted at once: 3,125 bins of 128 units each, they are 13 MB
_PERTURBED_AT_ONCE = 8
# bins whose running rates are worked out at once: 10 MB of sums at 128 units, not those of all that is read
_FILLED_AT_ONCE = 10_000


class WindowState(RecordingState):
    """The latest bins of a recording, as many as the model's input is long.

    Bins are predicted half an input at a time, so that each sees between half and all of the input length.
    Where a unit was not observed its input is its running rate so far, which is neither 0 nor 1.
    """

    def __init__(self, model: Any, num_units: int, bin_size: float) -> None:
        super().__init__(model, num_units)
        self._prior_bins = prior_bins(bin_size)
        # the bin before the first is silence, so that the first has an input as well
        self._latest: Real[np.ndarray, "bin unit"] = np.zeros((1, num_units), dtype=np.uint8)
        self._num_bins = 0
        self._num_spikes = np.zeros(num_units, dtype=np.int64)
        self._num_seen = np.zeros(num_units, dtype=np.int64)
        self._left_out: str | None = None

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Mask = None,
        wanted: Bool[np.ndarray, " time"] | None = None,
    ) -> Float32[np.ndarray, "wanted unit"]:
        """Move on by some bins; pieces of half an input begin at the first bin that is wanted."""
        self.require_no_steps()
        wanted = np.ones(len(spikes), dtype=bool) if wanted is None else wanted
        inputs = np.concatenate([self._latest, self._fill(spikes, observed)])
        probability = self._predict(inputs, wanted)
        self._latest = inputs[-self.model.window_bins :].copy()
        self._num_bins += len(spikes)
        self._num_spikes += (spikes if observed is None else spikes * observed).sum(axis=0, dtype=np.int64)
        self._num_seen += len(spikes) if observed is None else observed.sum(axis=0)
        return probability

    def predict_perturbed(
        self,
        recorded: UInt8[np.ndarray, "time unit"],
        perturbed: Sequence[UInt8[np.ndarray, "time unit"]],
        observed: Mask = None,
    ) -> Float32[np.ndarray, "perturbation unit"]:
        """Return the probability of the bin after each perturbed piece, several at once.

        Running rates, where a unit was not observed, are those of what was recorded.
        """
        filled = self._fill(recorded, observed)
        # at a recording's start there is nothing before it
        before = self._latest[1:] if self._num_bins < len(self._latest) else self._latest
        windows = [
            np.concatenate([before, piece if observed is None else np.where(observed, piece, filled)])
            for piece in perturbed
        ]
        out = np.empty((len(perturbed), self.num_units), dtype=np.float32)
        for first in range(0, len(windows), _PERTURBED_AT_ONCE):
            some = windows[first : first + _PERTURBED_AT_ONCE]
            batch = np.stack([window[-self.model.window_bins :] for window in some])
            with self.predicting():
                out[first : first + len(some)] = self.model.next_probability(self._to_tensor(batch))
        return out

    def begin_steps(self) -> Stepper:
        """Return what the model steps with from its latest bins."""
        stepper: Stepper = self.model.begin_steps(self, self._to_tensor(self._latest))
        return stepper

    def leave_out(self, component: str) -> None:
        """Attend otherwise from now on, or to nothing."""
        self._left_out = component

    @contextlib.contextmanager
    def predicting(self) -> Iterator[None]:
        """Let the model predict, as it is for this state, within the block."""
        was_training = self.model.training
        if was_training:
            self.model.eval()
        attention = WITHOUT_ATTENTION.get(self._left_out or "")
        try:
            with torch.no_grad(), attention_as(attention) if attention else contextlib.nullcontext():
                yield
        finally:
            if was_training:
                self.model.train()

    def _predict(
        self, inputs: Real[np.ndarray, "bin unit"], wanted: Bool[np.ndarray, " time"]
    ) -> Float32[np.ndarray, "wanted unit"]:
        """Return probabilities of the wanted bins of a piece, the last that `inputs` tells of."""
        bins = np.flatnonzero(wanted)
        out = np.empty((len(bins), self.num_units), dtype=np.float32)
        if not len(bins):
            return out
        # bin j of the piece is predicted from the inputs up to number j from here
        last_input = len(inputs) - len(wanted) - 1
        # a bin that is asked for alone sees all that a step would
        step = self.model.prediction_step(self.num_units) if len(bins) > 1 else 1
        pieces = _cut_wanted(bins, step)
        with self.predicting():
            for some in track(self._batch(pieces, step, last_input), "predicting", len(pieces)):
                windows = [
                    inputs[self._first_input(start + step, last_input) : last_input + stop]
                    for start, stop in some
                ]
                # all windows of a batch predict as many bins, the last ones: what comes before is context
                num_predicted = some[0][1] - some[0][0]
                log_odds = self.model(self._to_tensor(np.stack(windows)))[:, -num_predicted:]
                probability = torch.sigmoid(log_odds).cpu().numpy()
                for (start, stop), rows in zip(some, probability, strict=True):
                    asked = slice(*np.searchsorted(bins, [start, stop]).tolist())
                    out[asked] = rows[bins[asked] - start]
        return out

    def _batch(
        self, pieces: list[tuple[int, int]], step: int, last_input: int
    ) -> Iterator[list[tuple[int, int]]]:
        """Give pieces in batches; windows of one batch are equally long, and predict as many bins."""
        waiting: list[tuple[int, int]] = []
        shape = (0, 0)
        for start, stop in pieces:
            num_inputs = last_input + stop - self._first_input(start + step, last_input)
            before, shape = shape, (num_inputs, stop - start)
            # padding would be seen by the network: windows of another length wait for a batch of their own
            if waiting and (shape != before or len(waiting) == self.model.windows_at_once):
                yield waiting
                waiting = []
            waiting.append((start, stop))
        yield waiting

    def _first_input(self, stop: int, last_input: int) -> int:
        """Return where the window of a piece begins that ends before bin `stop`.

        A segment may end before its last piece does: what a bin is given must not depend on that.
        """
        return max(0, last_input + stop - int(self.model.window_bins))

    def _fill(self, spikes: UInt8[np.ndarray, "time unit"], observed: Mask) -> Real[np.ndarray, "time unit"]:
        """Return spikes, and where a unit was not observed its running rate so far."""
        if observed is None:
            return spikes
        filled = np.empty(spikes.shape, dtype=np.float32)
        count, num_seen = self._num_spikes, self._num_seen
        for start in range(0, len(spikes), _FILLED_AT_ONCE):
            piece, seen = (each[start : start + _FILLED_AT_ONCE] for each in (spikes, observed))
            counts = count + np.cumsum(piece * seen, axis=0, dtype=np.int64)
            nums_seen = num_seen + np.cumsum(seen, axis=0, dtype=np.int64)
            before, seen_before = np.vstack([count, counts[:-1]]), np.vstack([num_seen, nums_seen[:-1]])
            # of the bins before each, by counts without the bin itself: as
            # `views.history.running_rate` has it
            rate = (before + 0.5) / (seen_before + self._prior_bins)
            filled[start : start + len(piece)] = np.where(seen, piece, rate.astype(np.float32))
            count, num_seen = counts[-1], nums_seen[-1]
        return filled

    def _to_tensor(self, values: Real[np.ndarray, "*window bin unit"]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.model.device, torch.float32)


def _cut_wanted(bins: Int64[np.ndarray, " bin"], step: int) -> list[tuple[int, int]]:
    """Return where pieces start and stop that hold all of some bins, from the first on."""
    last = int(bins[-1]) + 1
    pieces = [(start, min(start + step, last)) for start in range(int(bins[0]), last, step)]
    edges = np.searchsorted(bins, [start for start, _ in pieces] + [last])
    return [piece for piece, num_bins in zip(pieces, np.diff(edges), strict=True) if num_bins]


class WindowStepper(Stepper):
    """The latest bins of every sample, given to the model again at every step."""

    def __init__(
        self, state: WindowState, latest: Float32[torch.Tensor, "bin unit"], num_samples: int
    ) -> None:
        self._state = state
        self._windows = latest.repeat(num_samples, 1, 1)

    def predict_bin(self) -> Float32[np.ndarray, "sample unit"]:
        """Return the probability of a spike in the next bin."""
        with self._state.predicting():
            probability: np.ndarray = self._state.model.next_probability(self._windows)
        return probability

    def take_bin(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Move on by one bin."""
        row = torch.from_numpy(spikes).to(self._windows)[:, None]
        self._windows = torch.cat([self._windows, row], dim=1)[:, -self._state.model.window_bins :]
