"""What a whole probe and a whole plate cost: CPU and memory by number of units, and 24 wells by two commands.

Populations are simulated, so that the best possible prediction is known. Every step runs in a process of its
own, whose peak is that step's. Prints Markdown:

    python benchmarks/scale.py > docs/benchmarks/scale.md
    python benchmarks/scale.py --units 128,384,1000,2000 --seconds 600     # a machine with hours to spare
    python benchmarks/scale.py --parts whole --whole 1000x3600 --threads 2 --out somewhere    # an hour
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import xarray as xr
import yaml
from recordings import RECORDINGS, require_shared
from spikeinterface.core import NumpySorting

import nwbspikegen as nsg
from nwbspikegen.commands.generate import generate_and_score
from nwbspikegen.commands.train import train_recordings
from nwbspikegen.models.in_context.past import coupling
from nwbspikegen.simulation import metadata_of
from nwbspikegen.simulation.intensity import parameter_rng, run_units, spike_rng
from nwbspikegen.simulation.preparations import choose_preparation, draw_units
from nwbspikegen.views import Split, WindowOptions, open_window
from nwbspikegen.views.observed import read_spikes

_UNITS = "128,384,1000"
_SECONDS = 60.0
# units and seconds of whole commands: two durations of each, so that what grows with time is seen
_WHOLE = "64x300,64x1200,1000x60,1000x120"
# of 2 million pairs each at most, whatever the number of units
_EPOCHS = 2
# in stretches (s), each behind the end of the one before: the intensity of an hour of 1,000 units takes 14 GB
_STRETCH, _OVERLAP = 120.0, 20.0
# more than is ever predicted
_SHARE_OF_TRUTH = 0.3
_SCREENED_UNITS = 256
# of a recording of 128 units
_TILED = (128, 1024)
_WELLS = 24
_BROKEN_WELL = 7
_WELL_UNITS = 8
_WELL_SECONDS = 40.0
_FRAMES_PER_SECOND = 10_000
_SUBJECT = {"subject_id": "plate", "species": "Mus musculus", "age": "P1D", "sex": "U"}


def main() -> None:
    """Run all and print."""
    arguments = _read_arguments()
    if arguments.step:
        print(json.dumps(_STEPS[arguments.step](Path(arguments.folder), int(arguments.units))))
        return
    # of the steps, which inherit it
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(arguments.threads)
    print("# A whole probe, a whole plate\n")
    print(
        f"`python benchmarks/scale.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()}, no GPU."
    )
    print(
        f"Simulated in vivo populations of {arguments.seconds:g} s (whole commands: as told there), seed 0,"
    )
    print("1 ms, split 50/25/25;")
    print(f"`in_context`, {_EPOCHS} epochs, threads: {arguments.threads}. Each step in a process of its own;")
    print("peaks hold Python and PyTorch, about 400 MB.\n", flush=True)
    with tempfile.TemporaryDirectory(dir=arguments.out) as name:
        folder = Path(name)
        (folder / "seconds").write_text(str(arguments.seconds))
        for part in arguments.parts.split(","):
            {
                "sizes": lambda: _print_sizes(folder, [int(each) for each in arguments.units.split(",")]),
                "screening": lambda: _print_screening(folder),
                "tiled": lambda: _print_tiled(folder),
                "whole": lambda: _print_whole(folder, arguments.whole.split(",")),
                "plate": lambda: _print_plate(folder),
            }[part]()


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", default=_UNITS)
    parser.add_argument("--seconds", type=float, default=_SECONDS)
    parser.add_argument("--whole", default=_WHOLE)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", help="folder for scratch, several GB for an hour of 1,000 units")
    parser.add_argument("--parts", default="sizes,screening,tiled,whole,plate")
    parser.add_argument("--step", choices=list(_STEPS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args()


def _run_step(step: str, folder: Path, num_units: int) -> dict[str, Any]:
    """Run a step in a process of its own and return what it measured."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--units", str(num_units)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(step, num_units, found, file=sys.stderr, flush=True)
    return found


def _measure(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    began, began_wall = time.process_time(), time.monotonic()
    told = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = {"cpu": time.process_time() - began, "wall": time.monotonic() - began_wall}
    return {**spent, "peak_mb": peak, **told}


def _open(folder: Path, num_units: int) -> tuple[xr.Dataset, Split]:
    return open_window(folder / f"{num_units}.nwb", _options(folder), report=False)


def _options(folder: Path) -> WindowOptions:
    return WindowOptions(duration=float((folder / "seconds").read_text()))


def _make(folder: Path, num_units: int) -> dict[str, Any]:
    """Simulate; what is kept of the truth is that of the end, which is scored."""
    seconds = _options(folder).duration
    # of the same units, for all but the spikes
    simulation = nsg.simulate("in_vivo", num_units=num_units, duration=1.0, seed=0)
    bin_size, told, sorting = simulation.bin_size, metadata_of(simulation), simulation.sorting
    num_bins = round(seconds / bin_size)
    told["NWBFile"]["session_id"] = f"simulated-{num_units}units-{seconds:g}s"
    num_kept = round(_SHARE_OF_TRUTH * num_bins)
    truth = np.lib.format.open_memmap(
        folder / f"{num_units}-truth.npy", "w+", np.float32, (num_kept, num_units)
    )
    bins, units = [], []
    for start, spikes, intensity in _simulate_stretches(num_units, num_bins, bin_size):
        first = max(start, num_bins - num_kept)
        if start + len(spikes) > first:
            place = first - (num_bins - num_kept)
            truth[place : place + len(spikes) - (first - start)] = intensity[first - start :]
        at, unit = np.nonzero(spikes)
        bins.append(at + start)
        units.append(unit)
    found = NumpySorting.from_samples_and_labels(
        # bin centres, as those of a simulation
        [2 * np.concatenate(bins) + 1],
        [np.concatenate(units)],
        2.0 / bin_size,
        unit_ids=np.arange(num_units),
    )
    for name in ("rel_x", "rel_y"):
        found.set_property(name, sorting.get_property(name))
    found.annotate(observation_interval=(0.0, seconds), preparation="in_vivo")
    nsg.convert_sorting(found, folder / f"{num_units}.nwb", metadata=told, overwrite=True)
    return {"rate_hz": sum(map(len, bins)) / num_units / seconds}


def _simulate_stretches(
    num_units: int, num_bins: int, bin_size: float
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Give the first bin, the spikes and the intensity of stretch after stretch of one population."""
    constants = choose_preparation("in_vivo")
    population, rng = draw_units(constants, num_units, parameter_rng(0)), spike_rng(0)
    past = np.zeros((0, num_units), dtype=np.uint8)
    all_units = np.ones(num_units, dtype=bool)
    for start in range(0, num_bins, round(_STRETCH / bin_size)):
        number = min(round(_STRETCH / bin_size), num_bins - start)
        spikes = np.concatenate([past, np.zeros((number, num_units), dtype=np.uint8)])
        intensity = np.empty(spikes.shape, dtype=np.float32)
        first = len(past)
        run_units(constants, population, spikes, intensity, bin_size, rng, hidden=all_units, first=first)
        yield start, spikes[first:], intensity[first:]
        past = spikes[-round(_OVERLAP / bin_size) :]


def _make_tiled(folder: Path, num_units: int) -> dict[str, Any]:
    """Write units of a real recording again and again, each copy of all of them turned round in time."""
    recording = RECORDINGS["ibl_nyu40_20210414"]
    units = nsg.open_units(recording.to_nwb(folder / "real"))
    spikes = read_spikes(units.isel(time=slice(round(recording.duration / units.attrs["bin_size"]))))
    trains, num_bins = {}, len(spikes)
    for unit in range(num_units):
        copy, own = divmod(unit, spikes.shape[1])
        # so that no two copies of a unit fire together
        turned = (np.flatnonzero(spikes[:, own]) + copy * num_bins * spikes.shape[1] // num_units) % num_bins
        trains[unit] = np.sort(2 * turned + 1)
    found = NumpySorting.from_unit_dict(trains, 2.0 / units.attrs["bin_size"])
    found.annotate(observation_interval=(0.0, recording.duration), preparation="in_vivo")
    told = {
        "NWBFile": {
            "session_description": "a real recording, tiled",
            "session_start_time": "2021-04-14T00:00:00+00:00",
            "session_id": f"tiled-{num_units}",
        },
        "Subject": {**_SUBJECT, "subject_id": "tiled", "age": "P90D"},
    }
    nsg.convert_sorting(found, folder / f"{num_units}.nwb", metadata=told, overwrite=True)
    return {"rate_hz": float(spikes.mean() / units.attrs["bin_size"])}


def _train(folder: Path, num_units: int) -> dict[str, Any]:
    def work() -> dict[str, Any]:
        recordings = [folder / f"{num_units}.nwb"]
        out, options = folder / f"model-{num_units}", _options(folder)
        train_recordings(recordings, out, options=options, epochs=_EPOCHS, device="cpu", overwrite=True)
        return {}

    return _measure(work)


def _generate(folder: Path, num_units: int) -> dict[str, Any]:
    def work() -> dict[str, Any]:
        units, parts = _open(folder, num_units)
        own = folder / f"model-{num_units}"
        model = nsg.load_model(own if own.is_dir() else "pretrained")
        predicted = nsg.generate(model, parts.test, context=units)
        np.save(folder / f"{num_units}-predicted.npy", predicted.values)
        return {}

    return _measure(work)


def _generate_unscreened(folder: Path, num_units: int) -> dict[str, Any]:
    """Predict with all sources of every unit, as all recordings were read before."""
    coupling.MOST_COUPLED = num_units
    return _generate(folder, num_units)


def _score(folder: Path, num_units: int) -> dict[str, Any]:
    _, parts = _open(folder, num_units)
    predicted = _read_prediction(folder, num_units, "predicted", parts)
    others = {}
    # of what was recorded there is none
    if (folder / f"{num_units}-truth.npy").is_file():
        others["truth"] = _read_prediction(folder, num_units, "truth", parts)

    def work() -> dict[str, Any]:
        table = nsg.score(predicted, parts.test, train=parts.train, baselines=(), extra_predictions=others)
        return _find_bits(table)

    return _measure(work)


def _read_prediction(folder: Path, num_units: int, name: str, parts: Split) -> xr.DataArray:
    """Return what was stored of the segment that is predicted."""
    values = np.load(folder / f"{num_units}-{name}.npy", mmap_mode="r")[-parts.test.sizes["time"] :]
    told = {**parts.test.attrs, "model": name}
    return xr.DataArray(values, parts.test.coords, ("time", "unit"), attrs=told)


def _find_bits(table: pd.DataFrame) -> dict[str, float]:
    rows = table[(table.metric == "bits_per_spike") & (table["null"] == "mean_rate")]
    bits = rows.set_index("predictor").value
    return {"bits": float(bits.iloc[0]), "best": float(bits.get("truth", np.nan))}


# first words of what the program says when a stage begins
_STAGES = ("predicting", "scoring", "auditing")


class _Stages(logging.Handler):
    """Tells the peak of memory and the CPU time between two messages of the program.

    The kernel's mark is set back at each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reached: dict[str, int] = {}
        self.spent: dict[str, float] = {}
        self._step, self._began = "opening", time.process_time()

    def emit(self, record: logging.LogRecord) -> None:
        """Begin another step."""
        word = record.getMessage().split(" ", maxsplit=1)[0]
        self.finish(word if word in _STAGES else self._step)

    def finish(self, following: str) -> None:
        """Note what the step that ends has reached (MB)."""
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
        now = time.process_time()
        self.reached[self._step] = max(peak, self.reached.get(self._step, 0))
        self.spent[self._step] = self.spent.get(self._step, 0.0) + now - self._began
        self._step, self._began = following, now
        Path("/proc/self/clear_refs").write_text("5")


def _generate_whole(folder: Path, num_units: int) -> dict[str, Any]:
    """Do all that `generate` does by default: predict, score beside the baselines, audit, write."""
    stages = _Stages()
    program = logging.getLogger("nwbspikegen")
    program.setLevel(logging.INFO)
    program.addHandler(stages)

    def work() -> dict[str, Any]:
        model, out = nsg.load_model("pretrained"), folder / f"{num_units}-whole.nwb"
        _, parts = _open(folder, num_units)
        others = {"truth": _read_prediction(folder, num_units, "truth", parts)}
        recording = folder / f"{num_units}.nwb"
        report = generate_and_score(
            model, recording, out, options=_options(folder), extra_predictions=others, overwrite=True
        )
        stages.finish("")
        return {"peaks": stages.reached, "spent": stages.spent, **_find_bits(report.scores)}

    return _measure(work)


_STEPS = {
    "make": _make,
    "make-tiled": _make_tiled,
    "generate-whole": _generate_whole,
    "train": _train,
    "generate": _generate,
    "generate-unscreened": _generate_unscreened,
    "score": _score,
}


def _print_sizes(folder: Path, sizes: list[int]) -> None:
    seconds = float((folder / "seconds").read_text())
    print("## By number of units\n")
    print("CPU seconds per second of recording, and peak memory. `generate` is the prediction of the last")
    print("quarter behind all of the window; `score` is the table of it and of the true intensity.\n")
    steps = " | ".join(f"`{step}` | peak (MB)" for step in ("train", "generate", "score"))
    print(f"| units | {steps} | bits per spike | best | share |")
    print("|" + "---|" * 10)
    costs: dict[str, list[float]] = {"train": [], "generate": [], "score": []}
    for num_units in sizes:
        _run_step("make", folder, num_units)
        cells, found = [str(num_units)], {}
        for step, cost in costs.items():
            found = _run_step(step, folder, num_units)
            cost.append(found["cpu"] / seconds)
            cells += [f"{cost[-1]:.3f}", f"{found['peak_mb']:.0f}"]
        cells += [f"{found['bits']:.3f}", f"{found['best']:.3f}", f"{found['bits'] / found['best']:.3f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
    if len(sizes) > 1:
        print("\nGrowth of the cost with the number of units, as a power: the slope of a line through the")
        print("logarithms.\n")
        for step, cost in costs.items():
            print(f"- `{step}`: {np.polyfit(np.log(sizes), np.log(cost), 1)[0]:.2f}")


def _print_tiled(folder: Path) -> None:
    require_shared()
    seconds = RECORDINGS["ibl_nyu40_20210414"].duration
    own = folder / "tiled"
    own.mkdir()
    (own / "seconds").write_text(str(seconds))
    print("\n## Neuropixels, tiled\n")
    print(
        f"{seconds:g} s of the shared Neuropixels recording; its units again and again, each copy of all of"
    )
    print("them turned round in time by another part of the window.\n")
    print("| units | `train`, CPU s per s | peak (MB) | `generate` | peak (MB) | bits per spike |")
    print("|---|---|---|---|---|---|")
    for num_units in _TILED:
        _run_step("make-tiled", own, num_units)
        found = {step: _run_step(step, own, num_units) for step in ("train", "generate", "score")}
        cells = [
            f"{found[step][name] / scale:.{digits}f}"
            for step in ("train", "generate")
            for name, scale, digits in (("cpu", seconds, 3), ("peak_mb", 1, 0))
        ]
        print(f"| {num_units} | {' | '.join(cells)} | {found['score']['bits']:.4f} |", flush=True)


def _print_whole(folder: Path, sizes: list[str]) -> None:
    print("\n## Whole commands by duration\n")
    print("`generate pretrained` with the default baselines, the truth beside them, audits and writing, and")
    print("`train`. CPU time and peaks (MB) of `generate` are also told by stage.\n")
    print("| units | s | command | CPU (s) | wall (s) | peaks (MB) | bits per spike, best |")
    print("|" + "---|" * 7, flush=True)
    for size in sizes:
        num_units, seconds = (int(number) for number in size.split("x"))
        own = folder / size
        own.mkdir()
        (own / "seconds").write_text(str(seconds))
        _run_step("make", own, num_units)
        for step, command in (("train", "train"), ("generate-whole", "generate")):
            found = _run_step(step, own, num_units)
            # the kernel's mark was set back between stages
            peaks = _list_stages(found.get("peaks", {"": found["peak_mb"]}))
            spent = f"{found['cpu']:.0f}"
            if "spent" in found:
                spent += f" ({_list_stages(found['spent'])})"
            bits = f"{found['bits']:.3f}, {found['best']:.3f}" if "bits" in found else ""
            cells = f"`{command}` | {spent} | {found['wall']:.0f} | {peaks} | {bits}"
            # a row at a time: a run that is cut short has told what it found
            print(f"| {num_units} | {seconds} | {cells} |", flush=True)


def _list_stages(values: Mapping[str, float]) -> str:
    return ", ".join(f"{value:.0f} {stage}".strip() for stage, value in values.items())


def _print_screening(folder: Path) -> None:
    _run_step("make", folder, _SCREENED_UNITS)
    print(f"\n## Screening, {_SCREENED_UNITS} units\n")
    print(f"Above {coupling.MOST_COUPLED} units, coupling to each is read from the {coupling.NUM_SOURCES}")
    print("others that tell most of it. `pretrained` predicts with and without that.\n")
    print("| | CPU s per s | bits per spike | share of the best |\n|---|---|---|---|")
    for title, step in (("screened", "generate"), ("all sources", "generate-unscreened")):
        cost = _run_step(step, folder, _SCREENED_UNITS)["cpu"] / float((folder / "seconds").read_text())
        found = _run_step("score", folder, _SCREENED_UNITS)
        share = found["bits"] / found["best"]
        print(f"| {title} | {cost:.3f} | {found['bits']:.4f} | {share:.3f} |", flush=True)


def _print_plate(folder: Path) -> None:
    print(f"\n## A plate of {_WELLS} wells\n")
    _write_plate(folder / "plate.raw.h5")
    told = {"NWBFile": {"session_description": "a made plate", "session_id": "d1"}, "Subject": _SUBJECT}
    (folder / "metadata.yaml").write_text(yaml.safe_dump(told))
    print(
        f"Made in the layout of a MaxTwo file: {_WELL_UNITS} simulated units and {_WELL_SECONDS:g} s in each"
    )
    print(f"well; the table of spikes of well {_BROKEN_WELL} is damaged. Then one NWB file is cut short.\n")
    print("| command | exit | seconds | files | what it says of the one that failed |\n|---|---|---|---|---|")
    shown = "convert maxwell plate.raw.h5 --all-wells --metadata metadata.yaml --out wells/plate.nwb"
    (folder / "wells").mkdir()
    _print_command(folder, shown, "wells/*.nwb")
    damaged = folder / "wells" / "plate_well003.nwb"
    damaged.write_bytes(damaged.read_bytes()[:4000])
    shown = "generate pretrained wells --workers 2 --baselines none --out predicted"
    _print_command(folder, shown, "predicted/*.nwb")
    table = pd.read_csv(folder / "predicted" / "study.csv")
    median = table.bits_per_spike.median()
    counted = ", ".join(f"{number} {status}" for status, number in table.status.value_counts().items())
    print(f"\n`study.csv` has {len(table)} rows, {counted}; median {median:.3f} bits per spike.")


def _print_command(folder: Path, shown: str, pattern: str) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "nwbspikegen", *shown.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds, files = time.monotonic() - began, len(list(folder.glob(pattern)))
    said = " ".join(done.stderr.split()).rpartition("found ")[2][:110].replace("|", "/")
    print(f"| `{shown}` | {done.returncode} | {seconds:.0f} | {files} | {said}... |", flush=True)
    print(done.stderr[-2000:], file=sys.stderr, flush=True)


def _write_plate(path: Path) -> None:
    """Write wells as MaxWell's software stores them: links to numbered stores of mapping and spikes."""
    mapping = np.dtype([("channel", "<i4"), ("electrode", "<i4"), ("x", "<f8"), ("y", "<f8")])
    spikes = np.dtype([("frameno", "<i8"), ("channel", "<i4"), ("amplitude", "<f4")])
    num_frames = round(_WELL_SECONDS * _FRAMES_PER_SECOND)
    with h5py.File(path, "w") as file:
        file["version"] = np.array([b"20190530"])
        file["wellplate/version"] = np.array([b"MaxTwo 24-Well Plate"])
        for well in range(_WELLS):
            group = file.create_group(f"data_store/data{well:04}")
            group["well_id"], group["recording_id"] = np.array([well]), np.array([0])
            group["start_time"], group["stop_time"] = (
                np.array([1_634_676_905_250]),
                np.array([1_634_676_945_250]),
            )
            group["settings/sampling"] = np.array([float(_FRAMES_PER_SECOND)])
            places = [(unit, 220 * unit, 17.5 * unit, 0.0) for unit in range(_WELL_UNITS)]
            group["settings/mapping"] = np.array(places, mapping)
            group["settings/gain"], group["settings/lsb"] = np.array([512.0]), np.array([6.3e-6])
            group["settings/hpf"], group["settings/spike_threshold"] = np.array([300.0]), np.array([5.0])
            routed = group.create_group("groups/routed")
            numbers = np.arange(num_frames, dtype=np.uint64)
            routed.create_dataset("frame_nos", data=numbers, compression="gzip", shuffle=True)
            routed["channels"] = np.arange(_WELL_UNITS, dtype=np.uint16)
            simulation = nsg.simulate("in_vitro", num_units=_WELL_UNITS, duration=_WELL_SECONDS, seed=well)
            bins, units = np.nonzero(simulation.spikes)
            # the middle of a bin of 10 frames
            rows = list(zip(bins * 10 + 5, units, np.full(len(bins), -20.0), strict=True))
            group["spikes"] = np.arange(3) if well == _BROKEN_WELL else np.array(rows, spikes)
            file[f"wells/well{well:03}/rec0000"] = group
            file[f"recordings/rec0000/well{well:03}"] = group


if __name__ == "__main__":
    main()
