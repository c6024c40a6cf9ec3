"""Every reader of a file that a stranger may have made: a small whole input, and what reading it gives.

A reading is flattened into a dict of texts and arrays, so that two of them can be compared.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

Reading = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Reader:
    """How to write a whole input into a folder, and how to read what lies there."""

    write: Callable[[Path], Path]
    read: Callable[[Path], Reading]


READERS: dict[str, Reader] = {}


def _register(name: str, write: Callable[[Path], Path]) -> Callable[[Any], Any]:
    def enter(read: Callable[[Path], Reading]) -> Callable[[Path], Reading]:
        READERS[name] = Reader(write, read)
        return read

    return enter


def _write_nwb(folder: Path) -> Path:
    from nwb_sources import write_source

    return write_source(folder / "whole.nwb", seconds=20.0)


@_register("nwb", _write_nwb)
def _read_nwb(path: Path) -> Reading:
    from nwbspikegen import open_units

    units = open_units(path, bin_size=0.01, binary=False)
    columns = {name: units[name].values for name in units.coords if name != "time"}
    return {"spikes": units.spikes.values, "time": units.time.values[[0, -1]], **columns}


def _read_sorting(sorting: Any) -> Reading:
    trains = {str(unit): sorting.get_unit_spike_train_in_seconds(unit) for unit in sorting.unit_ids}
    extent = np.array(sorting.observation_interval or (np.nan, np.nan), dtype=float)
    assert all((np.diff(times) >= 0).all() and np.isfinite(times).all() for times in trains.values())
    return {"extent": extent, **trains}


def _write_asdf(folder: Path) -> Path:
    from test_sources_asdf import write_asdf

    rng = np.random.default_rng(1)
    trains = [np.sort(rng.choice(900, 50, replace=False)) + 1 for _ in range(4)]
    return write_asdf(folder / "whole.mat", trains, size=(4, 1000), dtype=np.int32)


@_register("asdf", _write_asdf)
def _read_asdf(path: Path) -> Reading:
    from nwbspikegen.sources import ASDFSorting, mat_files

    # the same program in a fork: starting Python ten thousand times takes hours
    mat_files.subprocess = SimpleNamespace(run=_fork_mat_child, TimeoutExpired=subprocess.TimeoutExpired)
    return _read_sorting(ASDFSorting(path))


def _fork_mat_child(command: list[str], **_: Any) -> Any:
    import tempfile

    from nwbspikegen.sources import mat_child

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            status = 5
            try:
                os.dup2(out.fileno(), 1)
                sys.stdout = os.fdopen(1, "w", closefd=False)
                sys.stderr = os.fdopen(os.dup(err.fileno()), "w")
                status = mat_child.main(command[-1])
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        err.seek(0)
        return SimpleNamespace(returncode=status, stdout=out.read(), stderr=err.read())


def _write_maxwell_old(folder: Path) -> Path:
    from maxwell_files import write_old_maxone

    return write_old_maxone(folder / "whole.raw.h5", num_frames=NUM_FRAMES)


def _write_maxwell_new(folder: Path) -> Path:
    from maxwell_files import write_new_maxwell

    return write_new_maxwell(folder / "whole.raw.h5", num_frames=NUM_FRAMES)


NUM_FRAMES = 4000


@_register("maxwell_old", _write_maxwell_old)
@_register("maxwell_new", _write_maxwell_new)
def _read_maxwell(path: Path) -> Reading:
    from nwbspikegen.sources import MaxWellSorting

    return _read_sorting(MaxWellSorting(path))


def _write_circus(folder: Path) -> Path:
    from maxwell_files import PROBE, write_circus

    trains = {0: [30, 10, 10], 1: [5, 70], 2: [3999], 10: [70]}
    return write_circus(folder / "circus", trains, merged=trains, probe=PROBE, best=[0, 1, 2, 3] * 3)


@_register("spykingcircus", _write_circus)
def _read_circus(path: Path) -> Reading:
    from nwbspikegen.sources import SpykingCircusSorting

    sorting = SpykingCircusSorting(path)
    sites = None if sorting.electrodes is None else sorting.electrodes.columns
    return {**_read_sorting(sorting), **{f"site {name}": value for name, value in (sites or {}).items()}}


def _write_alf(folder: Path) -> Path:
    from alf_files import write_session

    return write_session(folder / "cache")


@_register("alf", _write_alf)
def _read_alf(path: Path) -> Reading:
    from nwbspikegen.sources import ALFSorting

    sorting = ALFSorting(path)
    columns = {f"column {key}": np.asarray(sorting.get_property(key)) for key in sorting.get_property_keys()}
    return {**_read_sorting(sorting), **columns}


def _write_model(folder: Path) -> Path:
    from nwbspikegen.models import FittedModel, build_model

    record = {"sources": [{"file_name": "a.nwb", "sha256": "ab"}], "split": {"train": [0.0, 1.0]}}
    model = FittedModel(
        build_model("in_context", num_units=4), loss="bernoulli", bin_size=0.001, training=record,
        curves=[{"epoch": 1.0, "bits_per_spike": 0.1, "pr_auc": 0.2}],
    )  # fmt: skip
    model.save(folder / "model")
    return folder / "model"


@_register("model", _write_model)
def _read_model(path: Path) -> Reading:
    from nwbspikegen.models import load_model

    model = load_model(path)
    return {
        "sha256": model.sha256, "loss": model.loss, "bin_size": np.array([model.bin_size]),
        "record": json.dumps([model.training, model.curves]), "chosen_by": model.chosen_by,
    }  # fmt: skip


def _write_baseline(folder: Path) -> Path:
    from nwbspikegen.scoring.baselines.storage import write_weights

    write_weights(folder / "baseline", "glm", weights=np.arange(12.0).reshape(3, 4), bias=np.zeros(3))
    return folder / "baseline"


@_register("baseline", _write_baseline)
def _read_baseline(path: Path) -> Reading:
    from nwbspikegen.scoring.baselines.storage import read_weights

    return dict(read_weights(path, "glm"))


def _write_results(folder: Path) -> Path:
    import pandas as pd

    import nwbspikegen as nsg
    from nwbspikegen.scoring import BASELINES

    units = nsg.select_units(nsg.open_units(_write_nwb(folder), bin_size=0.1), skip=1, take=4)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    predicted = nsg.generate(BASELINES["running_rate"](), parts.test, context=units)
    predicted.attrs["model"] = "mine"
    model = SimpleNamespace(
        name="mine", sha256="ab" * 32, loss="bernoulli", parameters={"depth": 2}, training={"seed": 1}
    )
    audits = pd.DataFrame(
        {"audit": ["splits"], "passed": [True], "value": [0.0], "tolerance": [0.0], "detail": [""]}
    )
    out = folder / "results.nwb"
    nsg.write_results(
        out, source=folder / "whole.nwb", model=model, spike_probability=predicted, audits=audits,
        scores=nsg.score(predicted, parts.test, train=parts.train, resamples=5), seed=3,
    )  # fmt: skip
    (folder / "whole.nwb").unlink()
    return out


@_register("results", _write_results)
def _read_results(path: Path) -> Reading:
    from nwbspikegen import results

    probability = results.read_spike_probability(path)
    found: Reading = {"names": json.dumps(results.list_results(path)), "probability": probability.values}
    found["attrs"] = json.dumps(probability.attrs, sort_keys=True, default=str)
    trains = results.read_generated_units(path)
    found |= {f"unit {unit}": times for unit, times in trains.items()}
    for read in (results.read_scores, results.read_audits, results.read_sources, results.read_models):
        table = read(path)
        found[read.__name__] = table.to_json(double_precision=15) + json.dumps(table.attrs, default=str)
    return found


def _write_icephys(folder: Path) -> Path:
    from patchseq_files import make_sweep, square, write_icephys

    # short sweeps keep the file small, so that damage hits more than samples
    sweeps = [make_sweep(3 + k, square(-50.0 + 30 * k, 500, 1500, 2500)) for k in range(3)]
    return write_icephys(folder / "cell.nwb", sweeps, "recordings")


@_register("icephys", _write_icephys)
def _read_icephys(path: Path) -> Reading:
    from nwbspikegen.patchseq.reading import read_cell

    cell = read_cell(path)
    table = cell.tabulate()
    found: Reading = {"sweeps": table.to_json(double_precision=12), "metadata": json.dumps(cell.metadata)}
    for sweep in cell.load_all():
        found[f"voltage {sweep.info.number}"] = sweep.voltage_mv
        found[f"current {sweep.info.number}"] = sweep.current_pa
    found["rejected"] = cell.rejected.to_json()
    return found


def _write_config(folder: Path) -> Path:
    text = (
        "# options\nduration: 400\nbin-size: 0.001\nskip_units: 3\nsplit: [0.5, 0.25, 0.25]\n"
        "region: 'VISp, CA1'\ndrop-duplicates: true\ndepth: [20.0, 3800]\nseed: 7\npreset: in_vivo\n"
    )
    (folder / "options.yaml").write_text(text)
    return folder / "options.yaml"


@_register("config", _write_config)
def _read_config(path: Path) -> Reading:
    import click

    from nwbspikegen.cli.options import every_command, read_window, seed_option, window_options

    @click.command()
    @window_options
    @seed_option
    @every_command
    def command(seed: int, as_json: bool, **window: Any) -> Reading:
        return {"window": repr(read_window(**window)), "seed": repr(seed)}

    try:
        found: Reading = command.main(["--config", str(path)], standalone_mode=False)
    except click.UsageError as error:
        # click's own refusal is one line and exit status 2 as well
        raise _Refused(error.format_message()) from error
    return found


class _Refused(Exception):
    """What the command line turns into one line."""


def _write_metadata(folder: Path) -> Path:
    text = (
        "NWBFile:\n  session_description: a slice\n  session_start_time: 2021-05-11T00:00:00+09:00\n"
        "  experimenter: [Doe, Jane]\nSubject:\n  subject_id: M1\n  species: Mus musculus\n  sex: U\n"
        "  age: P90D\n"
    )
    (folder / "metadata.yaml").write_text(text)
    return folder / "metadata.yaml"


@_register("metadata", _write_metadata)
def _read_metadata(path: Path) -> Reading:
    from nwbspikegen.metadata import read_metadata, require_metadata

    metadata = read_metadata(path)
    require_metadata(metadata)
    return {"metadata": repr(metadata)}


def _write_allen(folder: Path) -> Path:
    folder = folder / "allen"
    folder.mkdir()
    rng = np.random.default_rng(2)
    names = ["vrest", "ri", "sag", "tau"]
    rows = [[*rng.normal(size=4).round(4).tolist(), f"sub-1_ses-{100 + k}_icephys.nwb"] for k in range(6)]
    lines = [",".join(map(str, row)) for row in rows]
    (folder / "efeature.csv").write_text("\n".join([",".join([*names, "ID"]), *lines]))
    cells = [f"{200 + k},{100 + k},{('Sst', 'Vip', 'Pvalb')[k % 3]} Calb2,d{k // 2}" for k in range(6)]
    head = "cell_specimen_id,ephys_session_id,t_type,donor_id"
    (folder / "20200711_patchseq_metadata_mouse.csv").write_text("\n".join([head, *cells]))
    human = [",".join(map(str, [300 + k, *rng.normal(size=3).round(4)])) for k in range(6)]
    (folder / "LeeDalley_ephys_fx.csv").write_text("\n".join(["specimen_id,sag,tau,vm_for_sag", *human]))
    labels = [f"{300 + k},H{k // 2},acute,{('SST', 'VIP')[k % 2]}" for k in range(6)]
    head = "specimen_id,Donor,condition,Revised_subclass_label"
    (folder / "LeeDalley_manuscript_metadata.csv").write_text("\n".join([head, *labels]))
    return folder


@_register("allen", _write_allen)
def _read_allen(path: Path) -> Reading:
    from nwbspikegen.patchseq.table_allen import read_human_table, read_mouse_table

    found: Reading = {}
    for table in (read_mouse_table(path), read_human_table(path)):
        # the version names the bytes of the file, and is to change with them
        found[table.species] = table.features.to_json(double_precision=12) + table.cells.to_json()
    return found
