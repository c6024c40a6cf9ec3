"""Agreement with IPFX, run as a black box: set NWBSPIKEGEN_IPFX to the folder it was installed in.

`pip install --no-deps --target FOLDER ipfx`; its other dependencies are replaced by empty stand-ins, since
only its numerical modules are called.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nwbspikegen.patchseq.features.measure import measure_cell
from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, RAMP, SHORT_SQUARE, Sweep
from nwbspikegen.patchseq.simulation.simulator import simulate_cell
from nwbspikegen.patchseq.spikes.detect import detect_spikes

MODULES = ("data_set_features", "feature_vectors", "feature_extractor", "stimulus_protocol_analysis", "sweep")
CELLS = [("Pvalb", "Mus musculus", 1), ("Sst", "Homo sapiens", 2)]
# mV, or the family's own unit
TOLERANCE = 1e-3


class _StandIn(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def _import_with_stand_ins(name: str) -> Any:
    while True:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.startswith("ipfx"):
                raise
            parts = missing.name.split(".")
            for depth in range(1, len(parts) + 1):
                module = ".".join(parts[:depth])
                if module not in sys.modules:
                    sys.modules[module] = _StandIn(module)
                    sys.modules[module].__path__ = []  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def ipfx() -> Iterator[types.SimpleNamespace]:
    """IPFX's numerical modules."""
    folder = os.environ.get("NWBSPIKEGEN_IPFX")
    path, modules = list(sys.path), dict(sys.modules)
    if folder:
        sys.path.append(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield types.SimpleNamespace(**{name: _import_with_stand_ins(f"ipfx.{name}") for name in MODULES})
    except ModuleNotFoundError:
        pytest.skip("ipfx is not importable: install it with --no-deps --target and set NWBSPIKEGEN_IPFX")
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - set(modules):
            if isinstance(sys.modules[name], _StandIn) or name.startswith("ipfx"):
                del sys.modules[name]


def _choose(sweeps: list[Sweep], protocol: str) -> list[Sweep]:
    return [sweep for sweep in sweeps if sweep.info.protocol == protocol]


def _read_time(sweep: Sweep) -> np.ndarray:
    """Times with the stimulus at 1 s: with 0.4 s, rounding makes IPFX count 49 bins of 20 ms in 1 s."""
    rate = sweep.info.sampling_rate_hz
    return (np.arange(sweep.voltage_mv.size) - round(sweep.info.stimulus_start * rate)) / rate + 1.0


def _read_window(sweep: Sweep) -> tuple[float, float | None]:
    return 1.0, 2.0 if sweep.info.protocol == LONG_SQUARE else None


def _make_set(ipfx: Any, sweeps: list[Sweep]) -> Any:
    return ipfx.sweep.SweepSet(
        [
            ipfx.sweep.Sweep(
                _read_time(sweep),
                sweep.voltage_mv,
                sweep.current_pa,
                "CurrentClamp",
                sweep.info.sampling_rate_hz,
                sweep_number=sweep.info.number,
            )
            for sweep in sweeps
        ]
    )


def _analyze(ipfx: Any, sweeps: list[Sweep], analysis: str, *arguments: float) -> tuple[Any, dict[str, Any]]:
    start, end = _read_window(sweeps[0])
    made = _make_set(ipfx, sweeps)
    passive = {"est_window": (start, start + 0.001), "thresh_frac_floor": 0.1}
    adapted = passive if sweeps[0].info.protocol == SHORT_SQUARE else {}
    extractors = ipfx.data_set_features.extractors_for_sweeps(made, start=start, end=end, **adapted)
    kind = getattr(ipfx.stimulus_protocol_analysis, analysis)
    return made, kind(*extractors, *arguments).analyze(made)


def measure_with_ipfx(ipfx: Any, sweeps: list[Sweep]) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Every family of both presets and the scalars of the long squares, by IPFX."""
    vectors = ipfx.feature_vectors
    start, end = _read_window(_choose(sweeps, LONG_SQUARE)[0])
    long_set, steps = _analyze(ipfx, _choose(sweeps, LONG_SQUARE), "LongSquareAnalysis", -100.0)
    by_amplitude, deflections = vectors.identify_subthreshold_hyperpol_with_amplitudes(steps, long_set)
    rheobase = int(steps["rheobase_sweep"].name)
    firsts = [vectors.first_ap_vectors([long_set.sweeps[rheobase]], [steps["spikes_set"][rheobase]])]
    for protocol, analysis in ((SHORT_SQUARE, "ShortSquareAnalysis"), (RAMP, "RampAnalysis")):
        other_set, others = _analyze(ipfx, _choose(sweeps, protocol), analysis)
        used = others["common_amp_sweeps" if protocol == SHORT_SQUARE else "spiking_sweeps"].index
        chosen = [
            (other_set.sweeps[k], others["spikes_set"][k]) for k in used if len(others["spikes_set"][k])
        ]
        firsts.insert(
            0 if protocol == SHORT_SQUARE else 2, vectors.first_ap_vectors(*zip(*chosen, strict=True))
        )
    shaped = vectors.identify_sweep_for_isi_shape(long_set, steps, end - start)
    train = vectors.identify_suprathreshold_spike_info(
        steps, np.arange(0, 120, 20), shift=10, amp_tolerance=5
    )
    families = {
        "first_ap_v": np.hstack([first[0] for first in firsts]),
        "first_ap_dv": np.hstack([first[1] for first in firsts]),
        "isi_shape": vectors.isi_shape(*shaped, end),
        "step_subthresh": vectors.step_subthreshold(
            by_amplitude, [-90, -70, -50, -30, -10], start, end, amp_tolerance=5
        ),
        "subthresh_norm": vectors.subthresh_norm(by_amplitude, deflections, start, end),
        "inst_freq": vectors.inst_freq_vector(train, start, end),
        "psth": vectors.psth_vector(train, start, end),
    }
    for name in ("upstroke_downstroke_ratio", "peak_v", "fast_trough_v", "threshold_v", "width"):
        families[f"spiking_{name}"] = vectors.spike_feature_vector(name, train, start, end)
    by_step = families["inst_freq"][:150].reshape(3, 50)
    families["inst_freq_norm"] = (by_step / by_step.max(axis=1, keepdims=True)).ravel()
    hero, first = steps["hero_sweep"], steps["spikes_set"][rheobase].iloc[0]
    scalars = {
        "vrest": steps["v_baseline"],
        "ri": steps["input_resistance"],
        "tau": 1000 * steps["tau"],
        "vm_for_sag": steps["vm_for_sag"],
        "sag": steps["sag"],
        "threshold_i_long_square": steps["rheobase_i"],
        "f_i_curve_slope": steps["fi_fit_slope"],
        "adaptation": hero["adapt"],
        "latency": hero["latency"],
        "avg_isi": 1000 * hero["mean_isi"],
        "isi_cv": hero["isi_cv"],
        "width_long_square": first["width"],
        "threshold_v_long_square": first["threshold_v"],
        "trough_v_long_square": first["trough_v"],
        "upstroke_downstroke_ratio_long_square": first["upstroke_downstroke_ratio"],
    }
    return families, scalars


@pytest.mark.parametrize(("cell_class", "species", "seed"), CELLS)
@pytest.mark.filterwarnings("ignore")
def test_families_and_scalars_agree(ipfx: Any, cell_class: str, species: str, seed: int) -> None:
    sweeps = simulate_cell(cell_class, species, seed)
    families, scalars = measure_with_ipfx(ipfx, sweeps)
    ours = measure_cell(sweeps, "gouwens2020")
    padded = measure_cell(sweeps, "schwider2026").families
    assert not ours.reasons
    ours.families["psth"] = padded["psth"][:120]
    assert ours.families.keys() == families.keys()
    for name, vector in families.items():
        np.testing.assert_allclose(ours.families[name], vector, rtol=0, atol=TOLERANCE, err_msg=name)
    for name, value in scalars.items():
        assert ours.scalars[name] == pytest.approx(value, rel=1e-3, abs=1e-3, nan_ok=True), name


@pytest.mark.filterwarnings("ignore")
def test_spikes_agree(ipfx: Any) -> None:
    points = ("threshold", "peak", "upstroke", "downstroke", "trough", "fast_trough")
    for sweep in simulate_cell("Vip", "Mus musculus", 3):
        start, end = _read_window(sweep)
        extractor = ipfx.feature_extractor.SpikeFeatureExtractor(start=start, end=end)
        theirs = extractor.process(_read_time(sweep), sweep.voltage_mv, sweep.current_pa)
        ours = detect_spikes(sweep)
        assert len(ours) == len(theirs)
        if len(theirs):
            for point in points:
                np.testing.assert_array_equal(ours[f"{point}_index"], theirs[f"{point}_index"].astype(float))
            np.testing.assert_allclose(ours["width"], theirs["width"].astype(float), atol=1e-9)
