"""`in_context`: one small network for all units, told by the population's own past whom it sees.

It never learns which unit it looks at. What it knows of a unit, and of its coupling to others, is
read from the past (`past`), so it takes any number of units of any recording, in any order; what it gets
wrong about this recording is corrected from the past as well, and it is believed as far as it was better than
no network so far (`adaptation`).
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.coupling import Couplings
from nwbspikegen.models.in_context.adaptive_correction import AdaptiveCorrection
from nwbspikegen.models.in_context.adaptive_correction_kernels import standardise_rows
from nwbspikegen.models.in_context.couplings import read_couplings
from nwbspikegen.models.in_context.pair_examples import PairExamples
from nwbspikegen.models.in_context.pair_reading import (
    PairReading,
    Way,
    draw_training_units,
    take_units,
    vary_by_columns,
    write_pairs,
)
from nwbspikegen.models.in_context.pair_sampling import (
    PairColumns,
    choose_evenly,
    choose_pairs,
    fill_columns,
    join_columns,
)
from nwbspikegen.models.in_context.past import NEWEST_PRIOR, NUM_FEATURES, PairSamples, Past, find_prior
from nwbspikegen.models.in_context.past.feature_columns import HAZARD_COLUMN
from nwbspikegen.models.in_context.past.refit_schedule import count_refits_until
from nwbspikegen.models.in_context.state import InContextState, predict_sharing
from nwbspikegen.models.registry import register
from nwbspikegen.views.history import Mask

_LOG = logging.getLogger("nwbspikegen")


@dataclass(frozen=True)
class InContextSettings:
    """Parameters of `in_context`.

    Attributes
    ----------
    width : int
        Hidden width of both layers.
    batch_size : int
        (bin, unit) pairs per step.
    training_samples : int
        Pairs of the training segments, at most: spikes and sampled silent pairs, each of which
        stands for as many as were left out.
    validation_samples : int
        Pairs of the validation segments that choose the checkpoint, at most: all units at random bins, of
        several recordings as many of each.
    training_units : int
        Units of a recording that training and validation read, at most; of more a seeded draw, and another
        for every way in which a recording is read. A prediction reads all units whatever this is.
    skip_seconds : float
        Start of the training segments that is only read, while the past fills, before they are read once
        more with restarts.
    prior : int
        What a recording is begun with, by its number in `past.priors`: a model is right only with that of
        its training.
    """

    # of the first recipe, 16-96-96-1; a free run multiplies through it in every bin
    width: int = 96
    batch_size: int = 8192
    # in memory whole: 59 features in single precision are .5 GB
    training_samples: int = 2_000_000
    validation_samples: int = 2_000_000
    training_units: int = 384
    # features of the first seconds are what priors say, and would teach the network to trust priors
    skip_seconds: float = 5.0
    prior: int = NEWEST_PRIOR


# slow traces hardly leave the rate while they fill (SD .01 for the population at 60 s): divided by that,
# their drift later on would be the largest of all features (slice within, validation .244 to .241)
_SMALLEST_TRACE_SD = 0.25
WEIGHT_BESIDE = 0.25
"""What other populations weigh, of all recordings together.

As much as these takes more from a recording with kin among them than it gives to one without: validation of
npx and ko, with no past and with 5 s, above untrained by .117 and .152, .699 and .361 with a quarter, by .138
and .159, .631 and .328 with all of it, by .061 and .105, .746 and .397 with none.
"""

# what a layer makes of so many pairs stays in a core's cache (1.5 MB): 400,000 at once take 2.5 times as long
_ROWS_AT_ONCE = 4096


@register("in_context")
class InContext(SpikeModel):
    """log odds = hazard given the age + MLP(features of the past) + adaptive correction.

    Averaged with the same without the MLP, as far as each has predicted the recording so far.
    """

    settings_class = InContextSettings
    default_loss = "bernoulli"
    settings_before: ClassVar[Mapping[str, Any]] = {"prior": 1, "training_units": 1_000_000}
    # from its start, and with restarts
    readings_in_training = 2
    is_permutation_equivariant = True
    settings: InContextSettings
    # a recording of another preparation lies far outside the training features: 4 SD keep the network from
    # extrapolating
    clip_sd: ClassVar[float] = 4.0
    """How many standard deviations a feature may be away."""
    center: torch.Tensor
    scale: torch.Tensor

    def __init__(self, settings: InContextSettings, num_units: int) -> None:
        super().__init__(settings, num_units)
        width = settings.width
        self.prior = find_prior(settings.prior)
        self.network = torch.nn.Sequential(
            torch.nn.Linear(NUM_FEATURES, width),
            torch.nn.SiLU(),
            torch.nn.Linear(width, width),
            torch.nn.SiLU(),
            torch.nn.Linear(width, 1),
        )
        # untrained, it predicts the hazard
        torch.nn.init.zeros_(self.network[-1].weight)  # type: ignore[arg-type]
        torch.nn.init.zeros_(self.network[-1].bias)  # type: ignore[arg-type]
        self.register_buffer("center", torch.zeros(NUM_FEATURES))
        self.register_buffer("scale", torch.ones(NUM_FEATURES))

    def forward(
        self, standard: Float[torch.Tensor, "*pair feature"], log_odds: Float[torch.Tensor, "*pair"]
    ) -> Float[torch.Tensor, "*pair"]:
        """Return log odds of a spike from standardised features and the log odds of the hazard."""
        corrected: torch.Tensor = log_odds + self.network(standard).squeeze(-1)
        return corrected

    def training_examples(
        self,
        recordings: Sequence[UInt8[np.ndarray, "_ _"]],
        bin_size: float,
        seed: int,
        observed: Sequence[Mask] | None = None,
        beside: Sequence[Mapping[str, np.ndarray]] = (),
    ) -> PairExamples:
        """Take spikes and sampled silent pairs; every recording gets the same weight per spike.

        `beside` are pairs that `read_pairs` took of other populations: together they weigh `WEIGHT_BESIDE`
        of all recordings.
        """
        rng = np.random.default_rng(seed)
        self._tell_draws(recordings)
        # as many of each recording, so that a long one does not crowd out the others
        most = self.settings.training_samples // len(recordings)
        readings = [
            PairReading(spikes, bin_size, self.prior, mask, self.settings.training_units)
            for spikes, mask in zip(recordings, observed or [None] * len(recordings), strict=True)
        ]
        # half of the pairs lie where it is read from its start, half where reading starts over and over: else
        # nearly all have a long past, and within on npx 2 to 5 s score .10 instead of .19 bits per spike
        chosen = [
            [reading.choose(way, choose_evenly, most // 2, rng) for way in self._ways_of(reading, rng)]
            for reading in readings
        ]
        if beside:
            # a few minutes cut into seconds, half of the pairs spikes: without, 400 populations beside four
            # recordings are worth .144 bits per spike at 5 s instead of .163 (npx, validation)
            for reading, ways in zip(readings, chosen, strict=True):
                ways.append(reading.choose(reading.list_beginnings(rng), choose_pairs, most // 4, rng))
        sizes = [sum(len(way.pairs.place) for way in ways) for ways in chosen]
        num_pairs = sum(sizes)
        joined = PairColumns.reserve(num_pairs + sum(len(part["target"]) for part in beside), NUM_FEATURES)
        parts = [
            joined.rows(stop - size, stop)
            for stop, size in zip(itertools.accumulate(sizes), sizes, strict=True)
        ]
        for reading, ways, part in zip(readings, chosen, parts, strict=True):
            reading.read_into(part, ways)
        rest = joined.rows(num_pairs, len(joined.target))
        fill_columns(rest, beside)
        # each way of reading a recording and each part beside them has the same weight per spike by itself
        rest.weight[:] *= WEIGHT_BESIDE * sum(map(len, chosen)) / max(len(beside), 1)
        self._fit_scaling(itertools.chain((part._asdict() for part in parts), beside))
        return self._make_examples(joined)

    def _tell_draws(self, recordings: Sequence[UInt8[np.ndarray, "_ _"]]) -> None:
        """Log of which recordings units are drawn."""
        for spikes in recordings:
            if spikes.shape[1] > (most := self.settings.training_units):
                _LOG.info("training reads %d of %d units, others in each reading", most, spikes.shape[1])

    def _ways_of(self, reading: PairReading, rng: np.random.Generator) -> list[Way]:
        return reading.list_ways(self.settings.skip_seconds, rng)

    def read_pairs(
        self, spikes: UInt8[np.ndarray, "time unit"], bin_size: float, most: int, seed: int
    ) -> dict[str, np.ndarray]:
        """Take at most `most` pairs of one of many recordings, to be kept and joined with others' later.

        Every second recording is read from its start, the others where reading starts over and over. No pair
        is left out while it fits; of more than fit, spikes take up to half.
        """
        rng = np.random.default_rng(seed)
        reading = PairReading(spikes, bin_size, self.prior, None, self.settings.training_units)
        ways = self._ways_of(reading, rng)
        chosen = reading.choose(ways[rng.integers(len(ways))], choose_pairs, most, rng)
        columns = PairColumns.reserve(len(chosen.pairs.place), NUM_FEATURES)
        reading.read_into(columns, [chosen])
        return columns._asdict()

    def join_pairs(self, parts: Iterable[Mapping[str, np.ndarray]], *, fits: bool = True) -> PairExamples:
        """Return all pairs together; every part has the same weight. The scaling `fits` them, or stays."""
        joined = join_columns(parts)
        if fits:
            self._fit_scaling(parts)
        return self._make_examples(joined)

    def _make_examples(self, pairs: PairColumns) -> PairExamples:
        """Return examples of pairs, whose features are overwritten; weights are 1 on average."""
        inputs = (self._standardise(pairs.features), pairs.log_odds)
        weight = pairs.weight / pairs.weight.mean()
        return PairExamples(inputs, pairs.target, weight, pairs.null, self.settings.batch_size, self.device)

    def _fit_scaling(self, parts: Iterable[Mapping[str, np.ndarray]]) -> None:
        """Fit centre and scale to the features of each recording."""
        moments = [
            (part["features"].mean(axis=0, dtype=np.float64), vary_by_columns(part["features"]))
            for part in parts
        ]
        center = np.mean([mean for mean, _ in moments], axis=0)
        # of the mixture of recordings at equal parts: within them and between their means
        variance = np.mean([spread + (mean - center) ** 2 for mean, spread in moments], axis=0)
        self.center.copy_(torch.from_numpy(center))
        # 1e-3, or a feature that is constant in training would be divided by 0
        spread = np.sqrt(variance) + 1e-3
        spread[:HAZARD_COLUMN] = np.maximum(spread[:HAZARD_COLUMN], _SMALLEST_TRACE_SD)
        self.scale.copy_(torch.from_numpy(spread))

    def validation_examples(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        mean_rate: Float[np.ndarray, " unit"],
        seed: int,
        observed: Mask = None,
        num_recordings: int = 1,
    ) -> PairExamples:
        """Take all units at random bins from `first` on: as many pairs of each recording."""
        rng = np.random.default_rng(seed)
        units = draw_training_units(spikes.shape[1], self.settings.training_units, rng)
        spikes, mean_rate = take_units(spikes, units), take_units(mean_rate, units)
        observed = None if observed is None else take_units(observed, units)
        # bins and not pairs are drawn, since all units of a bin share the cost of reading it
        most = self.settings.validation_samples / num_recordings
        share = min(1.0, most / max(spikes[first:].size, 1))
        requested = np.zeros(len(spikes), dtype=bool)
        requested[first:] = rng.random(len(spikes) - first) < share
        num_pairs = int(requested.sum()) * spikes.shape[1] if observed is None else observed[requested].sum()
        columns, done = PairColumns.reserve(int(num_pairs), NUM_FEATURES), 0
        past, null = Past(spikes.shape[1], bin_size, self.prior), mean_rate.astype(np.float32)
        for samples in past.read(spikes, requested, observed):
            rows = np.flatnonzero(samples.is_requested)
            write_pairs(samples, rows, null, columns.rows(done, done + len(rows)))
            done += len(rows)
        # every pair stands for itself, those that teach the past as well
        columns.weight[:] = 1
        return self._make_examples(columns)

    def _standardise(
        self, features: Float32[np.ndarray, "pair feature"]
    ) -> Float32[np.ndarray, "pair feature"]:
        """Standardise in place, and return the same array."""
        center, scale = self.center.cpu().numpy(), self.scale.cpu().numpy()
        standardise_rows(features, center, scale, np.float32(self.clip_sd))
        return features

    @property
    def components(self) -> tuple[str, ...]:
        """What the other units tell of a unit: coupling filters, pairwise predictors, coincident units."""
        return ("coupling",)

    def count_refits(self, num_bins: int) -> int:
        """Return how often coupling and pairwise tables are solved again while so many bins are read."""
        return count_refits_until(num_bins)

    def begin(self, num_units: int, bin_size: float) -> InContextState:
        """Return the state before the first bin, of any number of units."""
        untrained = AdaptiveCorrection(num_units, is_gated=self.prior.is_correction_gated)
        return InContextState(self, num_units, Past(num_units, bin_size, self.prior), untrained)

    @classmethod
    def predict_together(
        cls,
        models: Sequence[Any],
        bins: Bins,
        first: int,
        bin_size: float,
        wanted: Bool[np.ndarray, " predicted"] | None = None,
    ) -> Iterator[Float32[np.ndarray, "wanted unit"] | InputError]:
        """Give what each model predicts; what all make of the recording's past is made once.

        It does not depend on their weights, and takes most of the time.
        """
        # what models make of it differs where they begin with different priors
        if len({model.prior for model in models}) > 1:
            yield from super().predict_together(models, bins, first, bin_size, wanted)
        else:
            yield from predict_sharing(models, bins, first, bin_size, wanted)

    def read_couplings(self, bins: Bins, bin_size: float) -> Couplings:
        """Return the coupling filters between units, as the past of a recording tells."""
        return read_couplings(bins.spikes, bin_size, bins.observed, self.prior)

    @property
    def is_trained(self) -> bool:
        """Whether its network adds anything; untrained models stand in every table, and need no network."""
        last: Any = self.network[-1]
        return bool(last.weight.any() or last.bias.any())

    def log_odds(
        self, samples: PairSamples
    ) -> tuple[Float32[np.ndarray, " pair"], Float32[np.ndarray, "pair feature"]]:
        """Return the network's log odds and the standardised features of samples, which they overwrite.

        What the adaptive correction goes on from.
        """
        is_trained = self.is_trained
        corrected = samples.log_odds.copy()
        step = _ROWS_AT_ONCE if self.device.type == "cpu" else max(len(corrected), 1)
        for begin in range(0, len(corrected), step):
            rows = slice(begin, begin + step)
            standard = self._standardise(samples.features[rows])
            if is_trained:
                inputs = (
                    torch.from_numpy(standard).to(self.device),
                    torch.from_numpy(samples.log_odds[rows]).to(self.device),
                )
                corrected[rows] = self(*inputs).cpu().numpy()
        return corrected, samples.features
