"""Simulated cells: four classes in two species, each cell a draw around its class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.simulation import kernels as kernels

# at 0.01 ms the peaks of the four typical cells lie 0.1 to 0.5 mV below those at 0.0025 ms and the first
# spike comes 0.02 to 0.06 ms later; at 0.02 ms it is twice as much, and a train of 84 has a spike more
DT_MS = 0.01
# beyond all that cells reach (-75 to 40 mV in long squares). A table five times coarser moves the first
# spike by up to 0.08 ms, one twice as fine by 0.02
FIRST_MV, STEP_MV, LAST_MV = -160.0, 0.1, 120.0


@dataclass(frozen=True)
class CellParameters:
    """Parameters of one cell.

    Sodium, potassium and their kinetics follow Wang and Buzsaki (1996, J Neurosci 16:6402), scaled
    with the capacitance; the other conductances have gates of the usual Boltzmann form.

    Parameters
    ----------
    capacitance_pf : float
        Membrane capacitance.
    leak_ns, sodium_ns, potassium_ns : float
        Leak and spike-generating conductances.
    delay_ns : float
        Slowly inactivating potassium (Kv1-like), which delays the first spike.
    adaptation_ns : float
        M-like potassium, which slows the firing.
    sag_ns, rebound_ns : float
        Hyperpolarization-activated (Ih) and T-type calcium conductance.
    rest_mv : float
        Reversal potential of the leak.
    speed : float
        Factor on the rates of sodium inactivation and potassium: fast makes narrow spikes.
    shift_mv : float
        Shift of the voltages at which sodium and potassium open.
    noise_pa : float
        Standard deviation of the background current (Ornstein-Uhlenbeck, 5 ms).
    """

    capacitance_pf: float
    leak_ns: float
    sodium_ns: float
    potassium_ns: float
    delay_ns: float
    adaptation_ns: float
    sag_ns: float
    rebound_ns: float
    rest_mv: float
    speed: float
    shift_mv: float
    noise_pa: float


# set by hand, so that Lamp5 fires late (delay), Pvalb fast and narrow (speed) at a low resistance, Sst
# sags, and Vip has the highest resistance and adapts most; not fitted to any recording
CLASSES = {
    "Lamp5": CellParameters(72.0, 6.0, 2450.0, 560.0, 22.0, 1.5, 0.2, 0.0, -69.0, 3.4, 15.0, 1.5),
    "Pvalb": CellParameters(78.0, 9.5, 4600.0, 1500.0, 16.0, 0.2, 0.2, 0.0, -71.0, 7.5, 13.0, 2.0),
    "Sst": CellParameters(75.0, 3.0, 2600.0, 700.0, 0.5, 5.0, 1.4, 0.4, -68.0, 4.6, 12.0, 1.2),
    "Vip": CellParameters(42.0, 2.4, 1350.0, 330.0, 1.0, 8.0, 0.4, 0.9, -68.0, 3.6, 14.0, 1.0),
}
# factors (additions for millivolts) that turn a cell of the first species into one of the second
SPECIES_SHIFTS: dict[str, dict[str, float]] = {
    "Mus musculus": {},
    # larger, slower cells with more sag; the sizes are free, and known, which is what a test of transfer
    # needs
    "Homo sapiens": {
        "capacitance_pf": 1.25,
        "leak_ns": 1.1,
        "sodium_ns": 1.2,
        "potassium_ns": 1.1,
        "delay_ns": 1.5,
        "adaptation_ns": 1.4,
        "sag_ns": 1.6,
        "speed": 0.78,
        "rest_mv": -2.0,
        "shift_mv": -2.5,
    },
}
# cells of a class differ by this much: logarithms for factors, millivolts otherwise
_SPREAD = 0.14
_SPREAD_MV = 1.5
_ADDED = ("rest_mv", "shift_mv")


def draw_cell(cell_class: str, species: str, rng: np.random.Generator) -> CellParameters:
    """Draw a cell of a class and species.

    Raises
    ------
    InputError
        For a class or a species that is not simulated.

    Examples
    --------
    >>> cell = draw_cell("Sst", "Mus musculus", np.random.default_rng(1))
    >>> 40 < cell.capacitance_pf < 120
    True
    """
    if cell_class not in CLASSES or species not in SPECIES_SHIFTS:
        raise InputError(
            f"cell class {cell_class!r} of {species!r}",
            f"one of {', '.join(CLASSES)} of {' or '.join(SPECIES_SHIFTS)}",
            "choose one of them",
        )
    drawn = {}
    for name, typical in vars(CLASSES[cell_class]).items():
        shift = SPECIES_SHIFTS[species].get(name)
        if name in _ADDED:
            drawn[name] = typical + (shift or 0.0) + _SPREAD_MV * rng.standard_normal()
        else:
            # log-normal: a conductance never falls below 0
            drawn[name] = typical * (shift or 1.0) * float(np.exp(_SPREAD * rng.standard_normal()))
    return CellParameters(**drawn)


def list_parameters(cell: CellParameters) -> Float64[np.ndarray, " field"]:
    """Return a cell as the kernel takes it."""
    fields = np.empty(kernels.NUM_FIELDS)
    fields[kernels.CAPACITANCE] = cell.capacitance_pf
    fields[kernels.LEAK], fields[kernels.E_LEAK] = cell.leak_ns, cell.rest_mv
    # 55 and -90 mV are those of Wang and Buzsaki; a mixed cation current and calcium for the other two
    fields[kernels.SODIUM], fields[kernels.E_SODIUM] = cell.sodium_ns, 55.0
    fields[kernels.POTASSIUM], fields[kernels.E_POTASSIUM] = cell.potassium_ns, -90.0
    fields[kernels.DELAY], fields[kernels.ADAPTATION] = cell.delay_ns, cell.adaptation_ns
    fields[kernels.SAG], fields[kernels.E_SAG] = cell.sag_ns, -35.0
    fields[kernels.REBOUND], fields[kernels.E_CALCIUM] = cell.rebound_ns, 120.0
    return fields


def tabulate_gates(cell: CellParameters) -> Float64[np.ndarray, "voltage column"]:
    """Return, by voltage, where each gate tends and how much of its distance is left after a step."""
    v = np.arange(FIRST_MV, LAST_MV + STEP_MV, STEP_MV)
    spike = v - cell.shift_mv
    table = np.zeros((len(v), kernels.NUM_COLUMNS))
    # rates of Wang and Buzsaki (1996); their temperature factor of 5 is `speed` here
    opening, closing = _linoid(spike, -35.0, 0.1, 10.0), 4.0 * np.exp(-(spike + 60.0) / 18.0)
    table[:, kernels.M_INF] = opening / (opening + closing)
    inactivation = 0.07 * np.exp(-(spike + 58.0) / 20.0), _boltzmann(spike, -28.0, 10.0)
    potassium = _linoid(spike, -34.0, 0.01, 10.0), 0.125 * np.exp(-(spike + 44.0) / 80.0)
    for gate, (opening, closing) in ((kernels.H, inactivation), (kernels.N, potassium)):
        table[:, gate] = opening / (opening + closing)
        table[:, kernels.LEFT + gate] = np.exp(-DT_MS * cell.speed * (opening + closing))
    # half (mV), slope (mV, negative where depolarization closes) and time constant, the same at all
    # voltages
    for gate, half, slope, tau_ms in (
        (kernels.D, -50.0, 6.0, 2.0),
        (kernels.B, -68.0, -7.0, 200.0),
        (kernels.W, -35.0, 7.0, 90.0),
        (kernels.R, -82.0, -8.0, 60.0),
        (kernels.U, -80.0, -4.5, 30.0),
        (kernels.T, -57.0, 6.2, 0.5),
    ):
        table[:, gate] = _boltzmann(v, half, slope)
        table[:, kernels.LEFT + gate] = np.exp(-DT_MS / tau_ms)
    return table


def _boltzmann(v: np.ndarray, half: float, slope: float) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-(v - half) / slope))


def _linoid(v: np.ndarray, half: float, rate: float, slope: float) -> np.ndarray:
    x = (v - half) / slope
    # x / (1 - exp(-x)) without a division by nought
    return rate * slope * np.where(np.abs(x) < 1e-9, 1.0, x / -np.expm1(-np.where(np.abs(x) < 1e-9, 1.0, x)))
