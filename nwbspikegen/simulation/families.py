"""The prior of populations: families, each a distribution over parameters, with the reason for each range.

Ranges are rounded and wider than what is reported, because a prior should contain the next recording too.
None is a fit. Of the papers named, titles and abstracts were looked up, and support the kind of value; the
ends of a range are a choice everywhere; where no paper is named all of it is. Changing a number here
changes every model trained on the prior.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from nwbspikegen.core.errors import InputError


@dataclass(frozen=True)
class Range:
    """Where a parameter is drawn from: log-uniform from `low` to `high`, or uniform where `low` is 0."""

    low: float
    high: float
    reason: str

    def draw(self, uniform: float) -> float:
        """Return the value at quantile `uniform`, from 0 to 1."""
        if self.low > 0:
            return float(self.low * (self.high / self.low) ** uniform)
        return self.low + (self.high - self.low) * uniform


@dataclass(frozen=True)
class Family:
    """One kind of population.

    Attributes
    ----------
    name, description, preparation
        `description` ends "imitating ...", `preparation` is the nearer of "in_vitro" and "in_vivo".
    ranges : dict of str to Range
        Where each parameter is drawn from; the same parameters, in the same order, in every family.
    """

    name: str
    description: str
    preparation: str
    own: dict[str, Range] = field(repr=False)

    @property
    def ranges(self) -> dict[str, Range]:
        return COMMON | self.own


_NONE = "not in this family"

# the order is the order of drawing: add new parameters at the end
COMMON = {
    "num_units": Range(16, 256, "from a few good units on a shank to a full array"),
    "median_rate_hz": Range(
        0.5, 5.0, "low and skewed in cortex (Hromadka 2008) and hippocampus (Mizuseki 2013)"
    ),
    "log_rate_sd": Range(0.7, 1.4, "natural log; log-normal rates over 2-3 decades: Buzsaki & Mizuseki 2014"),
    "refractory_ms": Range(1.0, 3.0, "absolute refractory period 1-2 ms; sorters blank some more"),
    "bursty_share": Range(0.1, 0.6, "pyramidal cells that fire bursts, beside cells that do not"),
    "burst_weight": Range(1.0, 3.5, "log rate after a spike; spikes of a burst are some ms apart"),
    "burst_time_ms": Range(3.0, 15.0, "bursts of a few spikes within tens of ms"),
    "pause_weight": Range(0.5, 3.5, "relative refractoriness of the cells that do not burst"),
    "pause_time_ms": Range(5.0, 60.0, "after-hyperpolarisation, medium: ten to some tens of ms"),
    "adaptation_weight": Range(0.02, 0.2, "per spike; spike-frequency adaptation of cortical cells"),
    "adaptation_time_ms": Range(100.0, 500.0, "spike-frequency adaptation, some hundred ms"),
    "coupling_density": Range(
        0.003, 0.05, "few pairs have a short-latency peak or trough; skewed: English 2017"
    ),
    "coupling_reach_um": Range(100.0, 1000.0, "connections of cortex get rarer over some hundred um"),
    "inhibitory_share": Range(0.1, 0.4, "15-25 % of cortical cells; their fast spikes are over-represented"),
    "excitatory_weight": Range(
        0.3, 1.6, "log rate; strong pairs, as in English 2017, double to quintuple the rate"
    ),
    "inhibitory_weight": Range(0.3, 2.0, "log rate; a trough to 3/4 or to 1/7"),
    "excitatory_time_ms": Range(3.0, 15.0, "AMPA current and membrane"),
    "inhibitory_time_ms": Range(5.0, 25.0, "GABA-A current and membrane"),
    "oscillation_hz": Range(1.0, 10.0, "unused where the depth is 0"),
    "oscillation_depth": Range(0.0, 0.0, _NONE),
    "oscillation_cycles": Range(3.0, 30.0, "cycles until the phase is forgotten"),
    "phase_per_mm": Range(0.0, 0.6, "rad; theta travels: Lubenov & Siapas 2009"),
    "state_depth": Range(0.0, 0.0, _NONE),
    "up_s": Range(0.3, 1.0, "unused where the depth is 0"),
    "down_s": Range(0.3, 1.0, "unused where the depth is 0"),
    "state_cv": Range(0.3, 1.0, "from nearly rhythmic to memoryless"),
    "speed_um_per_s": Range(1e4, 1e5, "unused where the depth is 0"),
    "drift_sd": Range(0.05, 0.6, "log rate over a session, from stable to a factor of 2 either way"),
    "drift_time_s": Range(30.0, 600.0, "arousal and drift of tissue against probe: half a minute to ten"),
    "drift_shared": Range(0.0, 0.7, "share of the drift's variance that all units have in common"),
    "noisy_share": Range(0.0, 0.3, "units that a sorter's user would call multi-unit"),
    "contamination": Range(
        0.02, 0.3, "share of a noisy unit's spikes that are others', as Hill 2011 measure it"
    ),
    "duplicate_share": Range(0.0, 0.1, "units that a sorter split or found twice"),
    "duplicate_overlap": Range(0.3, 0.95, "share of the unit's spikes that its duplicate has too"),
    "array_width_um": Range(48.0, 48.0, "Neuropixels 1.0: columns of sites at 11 to 59 um"),
    "array_height_um": Range(1000.0, 3840.0, "Neuropixels 1.0: 384 of its channels span 3.84 mm"),
}

_CHIP = {
    "array_width_um": Range(1000.0, 3850.0, "HD-MEA: up to 3.85 mm"),
    "array_height_um": Range(1000.0, 2100.0, "HD-MEA: up to 2.1 mm"),
}

_ALL = (
    Family("cortex_awake", "asynchronous, irregular firing, imitating awake cortex", "in_vivo", {
        "oscillation_hz": Range(2.0, 12.0, "delta to alpha; weak in awake cortex"),
        "oscillation_depth": Range(0.0, 0.4, "weak: cells follow the population rate more than a rhythm"),
    }),
    Family("cortex_gamma", "firing locked to gamma, imitating active sensory cortex", "in_vivo", {
        "median_rate_hz": Range(2.0, 8.0, "stimulated cortex fires more"),
        "oscillation_hz": Range(30.0, 80.0, "gamma"),
        "oscillation_depth": Range(0.4, 1.2, "log rate; phase-locking values of .2 to .5"),
        "oscillation_cycles": Range(2.0, 10.0, "gamma comes in spells of 100-200 ms"),
        "phase_per_mm": Range(0.0, 0.3, "gamma is local: small lags on one array"),
    }),
    Family("cortex_asleep", "up and down states, imitating sleeping or anaesthetised cortex", "in_vivo", {
        "state_depth": Range(2.0, 4.5, "log rate; down states are nearly silent: Luczak 2007"),
        "up_s": Range(0.3, 1.2, "slow oscillation below 1 Hz: Steriade 1993"),
        "down_s": Range(0.1, 0.8, "short in sleep: Vyazovskiy 2009; longer in anaesthesia"),
        "speed_um_per_s": Range(1e4, 1e5, "some up states travel: Luczak 2007"),
    }),
    Family("hippocampus", "bursting cells locked to theta, imitating the hippocampus", "in_vivo", {
        "median_rate_hz": Range(0.3, 2.0, "pyramidal cells: Mizuseki 2013"),
        "log_rate_sd": Range(0.9, 1.6, "natural log; nearly log-normal: Mizuseki 2013"),
        "bursty_share": Range(0.5, 0.9, "most pyramidal cells fire complex spikes"),
        "burst_weight": Range(2.0, 4.0, "log rate after a spike"),
        "oscillation_hz": Range(5.0, 10.0, "theta, 6-10 Hz in rodents: Itskov 2008"),
        "oscillation_depth": Range(0.5, 1.5, "log rate; most cells are locked"),
        "oscillation_cycles": Range(10.0, 50.0, "theta keeps its phase over seconds"),
    }),
    Family("culture", "bursts of the whole network, imitating a culture on an HD-MEA", "in_vitro", _CHIP | {
        "median_rate_hz": Range(0.2, 2.0, "most spikes lie in bursts, and little between them"),
        "state_depth": Range(3.0, 5.0, "log rate; 20 to 150 times the rate between bursts"),
        "up_s": Range(0.1, 0.8, "burst durations differ widely: Wagenaar 2006"),
        "down_s": Range(2.0, 30.0, "from superbursts to a burst in half a minute: Wagenaar 2006"),
        "state_cv": Range(0.2, 1.0, "regular and irregular bursting are both usual: Wagenaar 2006"),
        "speed_um_per_s": Range(2e4, 2e5, "bursts cross a dish within some tens of ms"),
    }),
    Family("slice", "up states between sparse firing, imitating a slice on an HD-MEA", "in_vitro", _CHIP | {
        "median_rate_hz": Range(0.3, 3.0, "organotypic cortex on an HD-MEA, one to some Hz"),
        "coupling_density": Range(0.01, 0.08, "all cells lie in one plane: more pairs are connected"),
        "state_depth": Range(1.0, 3.0, "log rate"),
        "up_s": Range(0.2, 2.0, "up states of a rhythm below 1 Hz in slices: Sanchez-Vives 2000"),
        "down_s": Range(1.0, 10.0, "0.1 to 0.5 Hz: Sanchez-Vives 2000"),
        "speed_um_per_s": Range(5e3, 5e4, "they propagate: Sanchez-Vives 2000; about 10 mm/s"),
    }),
    Family("retina_waves", "travelling waves, imitating the retina before eye opening", "in_vitro", _CHIP | {
        "median_rate_hz": Range(0.1, 1.0, "mean over waves and long silence"),
        "coupling_density": Range(0.003, 0.02, "ganglion cells of one kind are joined by gap junctions"),
        "coupling_reach_um": Range(50.0, 200.0, "neighbours only"),
        "inhibitory_share": Range(0.0, 0.1, "ganglion cells do not inhibit one another"),
        "state_depth": Range(3.0, 5.0, "log rate; nearly silent between waves: Godfrey & Swindale 2007"),
        "up_s": Range(1.0, 5.0, "a cell's burst in a wave"),
        "down_s": Range(20.0, 90.0, "waves tile the retina in minutes: Godfrey & Swindale 2007"),
        "state_cv": Range(0.3, 0.8, "refractory periods make intervals regular: Godfrey & Swindale 2007"),
        "speed_um_per_s": Range(100.0, 500.0, "slow: it differs between species and stages (Maccione 2014)"),
    }),
    Family("retina_adult", "maintained discharge, imitating a grown retina in the dark", "in_vitro", _CHIP | {
        "median_rate_hz": Range(2.0, 15.0, "maintained discharge of ganglion cells"),
        "log_rate_sd": Range(0.5, 1.0, "natural log"),
        "coupling_reach_um": Range(50.0, 200.0, "neighbours only"),
        "inhibitory_share": Range(0.0, 0.2, "mostly positive coupling"),
        "bursty_share": Range(0.0, 0.4, "some kinds burst"),
    }),
    Family("cerebellum", "fast and regular firing, imitating Purkinje cells", "in_vivo", {
        "num_units": Range(16, 64, "few are recorded at once"),
        "median_rate_hz": Range(20.0, 60.0, "simple spikes; slower in some zones: Xiao 2014"),
        "log_rate_sd": Range(0.2, 0.5, "natural log; a narrow distribution"),
        "bursty_share": Range(0.0, 0.1, "regular cells"),
        "pause_weight": Range(2.0, 4.0, "log rate after a spike: coefficient of variation .3 to .7"),
        "pause_time_ms": Range(5.0, 20.0, "as the intervals"),
        "adaptation_weight": Range(0.005, 0.02, "per spike; little adaptation at such rates"),
        "inhibitory_share": Range(0.5, 1.0, "Purkinje cells inhibit"),
    }),
    Family("slice_active", "sustained, fast firing, imitating a slice in which most cells are excited",
           "in_vitro", _CHIP | {
        "median_rate_hz": Range(3.0, 20.0, "raised potassium or blocked inhibition; units of several cells"),
        "log_rate_sd": Range(0.8, 1.4, "natural log"),
        "coupling_density": Range(0.01, 0.08, "as in a slice"),
        "state_depth": Range(0.3, 1.5, "log rate; the population's rate is never silent"),
        "up_s": Range(0.2, 2.0, "as in a slice"),
        "down_s": Range(0.2, 3.0, "shorter than in a slice"),
        "speed_um_per_s": Range(5e3, 5e4, "as in a slice"),
        "noisy_share": Range(0.2, 0.6, "spikes of neighbours are hard to tell apart at such rates"),
    }),
)  # fmt: skip

FAMILIES = {family.name: family for family in _ALL}


def choose_family(name: str) -> Family:
    """Return the family called `name`, or raise an InputError that lists those there are."""
    if name not in FAMILIES:
        names = " or ".join(repr(known) for known in FAMILIES)
        raise InputError(f"family {name!r}", names, "choose one of these")
    return FAMILIES[name]


def draw_parameters(
    seed: int,
    family: str | None = None,
    num_units: int | None = None,
    fixed: Mapping[str, float] | None = None,
) -> tuple[Family, dict[str, float]]:
    """Draw a family, unless one is given, and its parameters, but for those that are `fixed`.

    Whatever is given takes the place of what was drawn and changes nothing else.
    """
    rng = np.random.default_rng([seed, 10])
    drawn = list(FAMILIES)[rng.integers(len(FAMILIES))]
    chosen = choose_family(drawn if family is None else family)
    # a stream of its own: another family appended to FAMILIES leaves the parameters of the others
    uniform = np.random.default_rng([seed, 11]).random(len(COMMON))
    parameters = {
        name: span.draw(value) for (name, span), value in zip(chosen.ranges.items(), uniform, strict=True)
    }
    for name, value in (fixed or {}).items():
        _check_fixed(name, value)
        parameters[name] = float(value)
    parameters["num_units"] = round(parameters["num_units"]) if num_units is None else num_units
    return chosen, parameters


# of these, 1 is all
_SHARES = ("_share", "_shared", "_density", "overlap", "contamination")
# these divide, or are logarithms: 0 is not among their values
_POSITIVE = ("_ms", "_s", "_hz", "_um", "_cycles", "_cv", "num_units")


def _check_fixed(name: str, value: float) -> None:
    if name not in COMMON:
        raise InputError(f"parameter {name!r}", f"one of {', '.join(COMMON)}", "choose one of these")
    least, most = (np.nextafter(0, 1) if name.endswith(_POSITIVE) else 0.0), np.inf
    if name.endswith(_SHARES):
        most = 1.0
    # written so that NaN and infinity are refused too
    if not least <= value <= most or value == np.inf:
        expected = "0 to 1" if most == 1.0 else "a number above 0" if least else "0 or more"
        raise InputError(f"{name}={value}", expected, "give another value")
