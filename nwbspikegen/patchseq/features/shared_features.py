"""The 19 features that two published tables share: their units and formulas."""

from __future__ import annotations

_RATIO = "largest dV/dt before the peak over the largest fall after it, of the first spike"
_THRESHOLD = "potential where dV/dt was last at or below 5 % of the mean largest dV/dt of the sweep's spikes"
# name: (unit, formula)
_SHARED = {
    "upstroke_downstroke_ratio_ramp": ("", f"{_RATIO} of each ramp; mean over ramps"),
    "threshold_i_ramp": ("pA", "current of a ramp at the threshold of its first spike; mean over ramps"),
    "v_baseline": ("mV", "mean potential before the long steps; mean over sweeps"),
    "threshold_v_ramp": ("mV", f"{_THRESHOLD}, of the first spike of each ramp; mean over ramps"),
    "threshold_v_rheo": ("mV", f"{_THRESHOLD}, of the first spike of the rheobase sweep"),
    "upstroke_downstroke_ratio_rheo": ("", f"{_RATIO} of the rheobase sweep"),
    "rheobase_i": ("pA", "smallest long step with a spike"),
    "input_resistance": (
        "MOhm",
        "slope of the lowest potential over the step, steps of 0 to -100 pA",
    ),
    "vm_for_sag": ("mV", "lowest potential of the hyperpolarizing step that comes nearest -100 mV"),
    "fi_fit_slope": ("Hz/pA", "slope of spikes per second of step over the step, long steps with spikes"),
    "adapt_hero": ("", "mean of (b - a) / (b + a) over neighbouring intervals a, b of the hero sweep"),
    "latency_hero": ("s", "from the start of the step to the first threshold of the hero sweep"),
    "upstroke_downstroke_ratio_short_square": ("", f"{_RATIO} of short steps; mean over sweeps"),
    "sag": (
        "",
        "(peak - end) / (peak - rest) of the step of vm_for_sag: means of 5 ms and of the last 30 ms",
    ),
    "threshold_v_short_square": ("mV", f"{_THRESHOLD}, of the first spike of short steps; mean over sweeps"),
    "tau": (
        "s",
        "time constant of one exponential, from a tenth of the deflection on; mean over small steps",
    ),
    "mean_isi_hero": ("s", "mean interval between spikes of the hero sweep"),
    "peak_deltav_rheo": ("mV", "peak minus threshold, of the first spike of the rheobase sweep"),
    "fast_trough_deltav_rheo": (
        "mV",
        "potential where the fall after the peak ends minus threshold, first spike of the rheobase sweep",
    ),
}
UNITS = {name: unit for name, (unit, _) in _SHARED.items()}
"""Unit of each shared feature, empty for a ratio."""
FORMULAS = {name: formula for name, (_, formula) in _SHARED.items()}
"""How each is measured. The hero sweep is the smallest step 39 to 61 pA above rheobase."""
