"""Every reader of a file that a stranger may have made: a small whole input, and what reading it gives.

A reading is flattened into a dict of texts and arrays, so that two of them can be compared.

python fuzz_readers.py READER...: writes whole inputs anew into tests/corpus; numbers that stand in
failed.json mean other damage then.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

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

    with _without_specifications():
        return write_source(folder / "whole.nwb", seconds=20.0)


@contextlib.contextmanager
def _without_specifications() -> Iterator[None]:
    """Let pynwb leave out the schema, three quarters of a small file, that no reader looks at."""
    from pynwb import NWBHDF5IO

    write, export = NWBHDF5IO.write, NWBHDF5IO.export
    with (
        mock.patch.object(NWBHDF5IO, "write", functools.partialmethod(write, cache_spec=False)),
        mock.patch.object(NWBHDF5IO, "export", functools.partialmethod(export, cache_spec=False)),
    ):
        yield


@_register("nwb", _write_nwb)
def _read_nwb(path: Path) -> Reading:
    from nwbspikegen.views.opening import open_units

    units = open_units(path, bin_size=0.01, binary=False)
    columns = {name: units[name].values for name in units.coords if name != "time"}
    return {"spikes": units.spikes.values, "time": units.time.values[[0, -1]], **columns}


def _read_sorting(sorting: Any) -> Reading:
    trains = {str(unit): sorting.get_unit_spike_train_in_seconds(unit) for unit in sorting.unit_ids}
    extent = np.array(sorting.observation_interval or (np.nan, np.nan), dtype=float)
    assert all((np.diff(times) >= 0).all() and np.isfinite(times).all() for times in trains.values())
    return {"extent": extent, **trains}


def _write_asdf(folder: Path) -> Path:
    from asdf_files import write_asdf

    rng = np.random.default_rng(1)
    trains = [np.sort(rng.choice(900, 50, replace=False)) + 1 for _ in range(4)]
    return write_asdf(folder / "whole.mat", trains, size=(4, 1000), dtype=np.int32)


def _write_compressed_asdf(folder: Path) -> Path:
    from asdf_files import write_asdf

    trains = [np.arange(1, 900, 7 + unit) for unit in range(4)]
    path = folder / "compressed.mat"
    return write_asdf(path, trains, size=(4, 1000), dtype=np.int32, do_compression=True)


def _write_asdf_73(folder: Path) -> Path:
    from asdf_files import write_asdf73

    trains = [np.arange(1, 900, 7 + unit) for unit in range(4)]
    return write_asdf73(folder / "matlab73.mat", trains, size=(4, 1000), dtype=np.int32)


@_register("asdf", _write_asdf)
@_register("asdf_73", _write_asdf_73)
@_register("asdf_compressed", _write_compressed_asdf)
def _read_asdf(path: Path) -> Reading:
    from nwbspikegen.formats.asdf import mat_files
    from nwbspikegen.formats.asdf.sorting import ASDFSorting

    # the same program in a fork: starting Python ten thousand times takes hours
    mat_files.subprocess = SimpleNamespace(run=_fork_mat_child, TimeoutExpired=subprocess.TimeoutExpired)
    # by chance a small file looks as if its bins were of another tick
    return _read_sorting(ASDFSorting(path, tick=0.001))


def _fork_mat_child(command: list[str], **_: Any) -> Any:
    from nwbspikegen.formats.asdf import mat_child

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            status = 5
            try:
                os.dup2(out.fileno(), 1)
                sys.stdout = os.fdopen(1, "w", closefd=False)
                sys.stderr = os.fdopen(os.dup(err.fileno()), "w")
                # a limit of its own would count what this process holds already
                mat_child._limit_memory = lambda most: None
                status = mat_child.print_arrays(command[-2], int(command[-1]))
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
    from nwbspikegen.formats.maxwell.sorting import MaxWellSorting

    return _read_sorting(MaxWellSorting(path))


def _write_circus(folder: Path) -> Path:
    from maxwell_files import PROBE, write_circus

    trains = {0: [30, 10, 10], 1: [5, 70], 2: [3999], 10: [70]}
    return write_circus(folder / "circus", trains, merged=trains, probe=PROBE, best=[0, 1, 2, 3] * 3)


@_register("spykingcircus", _write_circus)
def _read_circus(path: Path) -> Reading:
    from nwbspikegen.formats.spykingcircus.sorting import SpykingCircusSorting

    sorting = SpykingCircusSorting(path)
    sites = None if sorting.electrodes is None else sorting.electrodes.columns
    return {**_read_sorting(sorting), **{f"site {name}": value for name, value in (sites or {}).items()}}


def _write_phy(folder: Path) -> Path:
    from sorter_files import write_phy

    return write_phy(folder / "phy")


@_register("phy", _write_phy)
def _read_phy(path: Path) -> Reading:
    from nwbspikegen.formats.sorters.phy import PhySorting

    sorting = PhySorting(path, duration=2.0)
    columns = {f"column {key}": np.asarray(sorting.get_property(key)) for key in sorting.get_property_keys()}
    return {**_read_sorting(sorting), **columns}


def _write_saved(folder: Path) -> Path:
    from spikeinterface.core import NumpySorting

    trains = {f"u{unit}": np.arange(unit, 900, 70 + unit) for unit in range(4)}
    sorting = NumpySorting.from_unit_dict([trains], sampling_frequency=1000.0)
    sorting.set_property("quality", np.array(["good", "mua", "good", "noise"]))
    sorting.annotate(observation_interval=[0.0, 1.0])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The extractor is not serializable")
        sorting.save(folder=folder / "saved", format="numpy_folder")
    return folder / "saved"


@_register("saved", _write_saved)
def _read_saved(path: Path) -> Reading:
    from nwbspikegen.formats.sorters.saved import SavedSorting

    sorting = SavedSorting(path)
    columns = {f"column {key}": np.asarray(sorting.get_property(key)) for key in sorting.get_property_keys()}
    return {**_read_sorting(sorting), **columns}


def _write_alf(folder: Path) -> Path:
    from alf_files import write_session

    write_session(folder / "cache")
    return folder / "cache"


@_register("alf", _write_alf)
def _read_alf(path: Path) -> Reading:
    from nwbspikegen.formats.ibl.sorting import ALFSorting

    sorting = ALFSorting(next(path.glob("*/Subjects/*/*/*")))
    columns = {f"column {key}": np.asarray(sorting.get_property(key)) for key in sorting.get_property_keys()}
    return {**_read_sorting(sorting), **columns}


def _write_model(folder: Path) -> Path:
    from nwbspikegen.models import FittedModel, build_model

    record = {"sources": [{"file_name": "a.nwb", "sha256": "ab"}], "split": {"train": [0.0, 1.0]}}
    model = FittedModel(
        build_model("in_context", num_units=4),
        loss="bernoulli",
        bin_size=0.001,
        training=record,
        curves=[{"epoch": 1.0, "bits_per_spike": 0.1, "pr_auc": 0.2}],
    )
    model.save(folder / "model")
    return folder / "model"


@_register("model", _write_model)
def _read_model(path: Path) -> Reading:
    from nwbspikegen.models import load_model

    model = load_model(path)
    return {
        "sha256": model.sha256,
        "loss": model.loss,
        "bin_size": np.array([model.bin_size]),
        "record": json.dumps([model.training, model.curves]),
    }


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
    scores = nsg.score(predicted, parts.test, train=parts.train, resamples=5)
    with _without_specifications():
        nsg.write_results(
            out,
            source=folder / "whole.nwb",
            model=model,
            spike_probability=predicted,
            audits=audits,
            scores=scores,
            seed=3,
        )
    (folder / "whole.nwb").unlink()
    return out


@_register("results", _write_results)
def _read_results(path: Path) -> Reading:
    from nwbspikegen.prediction.nwb_reading import (
        list_results,
        read_audits,
        read_generated_units,
        read_models,
        read_scores,
        read_sources,
        read_spike_probability,
    )

    probability = read_spike_probability(path)
    found: Reading = {"names": json.dumps(list_results(path)), "probability": probability.values}
    found["attrs"] = json.dumps(probability.attrs, sort_keys=True, default=str)
    trains = read_generated_units(path)
    found |= {f"unit {unit}": times for unit, times in trains.items()}
    for read in (read_scores, read_audits, read_sources, read_models):
        table = read(path)
        found[read.__name__] = table.to_json(double_precision=15) + json.dumps(table.attrs, default=str)
    return found


def _write_icephys(folder: Path) -> Path:
    import h5py
    from patchseq_files import make_sweep, square, write_icephys

    enter = h5py.Group.__setitem__

    def compress(group: Any, name: str, value: Any) -> None:
        # as most files have them; the first stays as it is
        if name == "data" and "00006_AD" not in group.name:
            group.create_dataset(
                name, data=value.astype(np.float32), chunks=(1000,), compression="gzip", shuffle=True
            )
        else:
            enter(group, name, value)

    # short sweeps keep the file small, so that damage hits more than samples
    sweeps = [make_sweep(3 + k, square(-50.0 + 30 * k, 500, 1500, 2500)) for k in range(3)]
    with mock.patch.object(h5py.Group, "__setitem__", compress):
        return write_icephys(folder / "cell.nwb", sweeps, "recordings")


@_register("icephys", _write_icephys)
def _read_icephys(path: Path) -> Reading:
    from nwbspikegen.patchseq.reading.cells import read_cell

    cell = read_cell(path)
    for number, reason in cell.rejected.itertuples(index=False):
        # a sweep that is left out is told with its reason
        logging.getLogger("nwbspikegen").warning("sweep %s: %s", number, reason)
    table = cell.tabulate()
    found: Reading = {"sweeps": table.to_json(double_precision=12), "metadata": json.dumps(cell.metadata)}
    for sweep in cell.load_all():
        found[f"voltage {sweep.info.number}"] = sweep.voltage_mv
        found[f"current {sweep.info.number}"] = sweep.current_pa
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

    from nwbspikegen.cli.options import read_window, window_options
    from nwbspikegen.core.options import every_command, seed_option

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
        raise Refused(error.format_message()) from error
    return found


class Refused(Exception):
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
    from nwbspikegen.core.metadata import read_metadata, require_metadata

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
    from nwbspikegen.patchseq.features.table_allen import read_human_table, read_mouse_table

    found: Reading = {}
    for table in (read_mouse_table(path), read_human_table(path)):
        # the version names the bytes of the file, and is to change with them
        found[table.species] = table.features.to_json(double_precision=12) + table.cells.to_json()
    return found


def _write_study_file(folder: Path) -> Path:
    from planted_study import SESSIONS, planted_sessions, planted_study

    from nwbspikegen.transfer.nwb_writing import write_study

    kept = SESSIONS[:2]
    scores = planted_study().isel(train_session=slice(2), test_session=slice(2), predictor=slice(2))
    with _without_specifications():
        return write_study(
            folder / "study.nwb", scores, sessions=planted_sessions()[:2], layout_positions=_place(kept)
        )


def _place(sessions: list[str]) -> Any:
    import pandas as pd

    values = np.random.default_rng(0).normal(size=(len(sessions), 4))
    positions = pd.DataFrame(values, pd.Index(sessions, name="session"), ["x", "y", "z", "spread"])
    positions.attrs.update(metric="roc_auc_pooled", null="", predictor="in_context", stress=0.25)
    return positions


@_register("study_file", _write_study_file)
def _read_study_file(path: Path) -> Reading:
    from nwbspikegen.transfer.nwb_reading import read_layout, read_sessions, read_transfer_scores

    found = _flatten(read_transfer_scores(path))
    for read in (read_sessions, read_layout):
        table = read(path)
        found[read.__name__] = table.to_json(double_precision=15) + json.dumps(table.attrs, default=str)
    return found


def _flatten(dataset: Any) -> Reading:
    """Return every variable of a Dataset, its dims and its attrs."""
    found: Reading = {"attrs": json.dumps(dataset.attrs, sort_keys=True, default=str)}
    for name, variable in sorted(dataset.variables.items()):
        values = variable.values
        found[f"{name}{variable.dims}"] = values.astype(str) if values.dtype.kind == "O" else values
        found[f"attrs of {name}"] = json.dumps(variable.attrs, sort_keys=True, default=str)
    return found


def _write_attention(folder: Path) -> Path:
    import pandas as pd
    from test_attention_results import _MODEL, _explanation

    from nwbspikegen.explain.nwb import write_attention

    names = ["attention", "importance_by_unit", "importance_by_bin", "coupling", "dice"]
    explanation = _explanation(12)[names].isel(head=slice(1))
    table = pd.DataFrame({"profile": ["offset", "key"], "r": [0.25, 0.5], "significant": [True, False]})
    with _without_specifications():
        source = _write_nwb(folder)
        path = write_attention(folder / "explained.nwb", source, explanation, table, table, model=_MODEL)
    source.unlink()
    return path


@_register("attention", _write_attention)
def _read_attention(path: Path) -> Reading:
    from nwbspikegen.explain.nwb import read_attention

    explanation, *tables = read_attention(path)
    found = _flatten(explanation)
    for number, table in enumerate(tables):
        found[f"table {number}"] = table.to_json(double_precision=15) + json.dumps(table.attrs)
    return found


def _write_patchseq_file(folder: Path) -> Path:
    from test_patchseq_results import FAMILIES, PREDICTIONS, REASONS, SCALARS, describe

    from nwbspikegen.patchseq.nwb.writing import write_patchseq

    families = {name: vector[:40] for name, vector in FAMILIES.items()}
    with _without_specifications():
        source = _write_simulated_cell(folder)
        path = write_patchseq(
            folder / "features.nwb",
            source=source,
            sweeps=describe(),
            families=families,
            reasons=REASONS,
            scalars=SCALARS,
            predictions=PREDICTIONS,
            preset="gouwens2020",
        )
    source.unlink()
    return path


def _write_simulated_cell(folder: Path) -> Path:
    from nwbspikegen.patchseq.simulation.files import write_cell
    from nwbspikegen.patchseq.simulation.simulator import simulate_cell

    sweeps = simulate_cell("Sst", "Mus musculus", 2)[:6]
    write_cell(folder / "cell.nwb", sweeps, "Sst", "Mus musculus", "m", "s")
    return folder / "cell.nwb"


@_register("patchseq_file", _write_patchseq_file)
def _read_patchseq_file(path: Path) -> Reading:
    from nwbspikegen.patchseq.nwb.reading import (
        read_cell_scalars,
        read_family_vectors,
        read_predictions,
        read_sweep_features,
    )

    families, reasons, preset = read_family_vectors(path)
    found: Reading = {f"family {name}": vector for name, vector in families.items()}
    found |= {"reasons": json.dumps(reasons), "preset": preset}
    found["scalars"] = json.dumps(read_cell_scalars(path))
    for read in (read_sweep_features, read_predictions):
        found[read.__name__] = read(path).to_json(double_precision=15)
    return found


def _write_study(folder: Path) -> Path:
    import pandas as pd

    from nwbspikegen.transfer.cell_files import cell_file, column_file, training_file, write_scores
    from nwbspikegen.transfer.plan import StudyPlan
    from nwbspikegen.transfer.sessions import StudySession
    from nwbspikegen.views import WindowOptions

    told = {"lab": "Lab", "institution": "", "species": "Mus musculus", "preparation": "in_vitro"}
    sessions = tuple(
        StudySession(
            name=name,
            path=f"/nowhere/{name}.nwb",
            options=WindowOptions(),
            about={
                "identifier": name,
                "source_sha256": 32 * name,
                "session_id": name,
                "subject_id": name,
                **told,
                "session_start_time": f"2024-01-0{number + 1}T10:00:00+00:00",
                "window": [0.0, 600.0],
            },
        )
        for number, name in enumerate(("ab", "cd"))
    )
    folder = folder / "study"
    folder.mkdir()
    plan = StudyPlan(sessions=sessions, baselines=("mean_rate",), training={"epochs": 2}, resamples=4)
    plan.save(folder)
    rng = np.random.default_rng(0)

    def write(path: Path, predictor: str, segment: str) -> None:
        rows = pd.DataFrame(
            {
                "predictor": predictor,
                "metric": ["bits_per_spike", "roc_auc_pooled"],
                "null": ["mean_rate", ""],
                "value": rng.random(2),
                "ci_low": rng.random(2),
                "ci_high": rng.random(2),
                "num_units": 9,
                "num_spikes": 100,
                "num_silent_units": 0,
                "num_blocks": 40,
                "ci_reliable": True,
                "segment": segment,
            }
        )
        write_scores(path, rows, rng.random((2, 4)), {"seconds": 1.5})

    for cell in plan.cells():
        write(cell_file(folder, plan, cell), "in_context", "test")
    for name in plan.names:
        write(column_file(folder, plan, name), "mean_rate", "test")
        write(training_file(folder, plan, "in_context", (name,)), "in_context", "training")
    return folder


@_register("study", _write_study)
def _read_study(path: Path) -> Reading:
    from nwbspikegen.transfer.study import TransferStudy

    study = TransferStudy(path)
    # draws lie in the archives of the scores, which are read whole
    return _flatten(study.scores) | {"plan": repr(study.plan)}


def _write_features(folder: Path) -> Path:
    from nwbspikegen.patchseq.features.files import write_features
    from nwbspikegen.patchseq.features.measure import collect_cells, measure_cell

    cells = collect_cells({"a": measure_cell([]), "b": measure_cell([])})
    rng = np.random.default_rng(0)
    short = {name: 5 for name in cells.dims if name not in ("cell", "scalar_name")}
    cells = cells.isel({name: slice(size) for name, size in short.items()})
    for name in cells.data_vars:
        if cells[name].dtype.kind == "f":
            cells[name][:] = rng.random(cells[name].shape)
    folder = folder / "features"
    folder.mkdir()
    write_features(folder, cells)
    return folder


@_register("features", _write_features)
def _read_features(path: Path) -> Reading:
    from nwbspikegen.patchseq.features.files import read_description, read_features
    from nwbspikegen.patchseq.features.tables import read_cell_table, read_frame

    found = _flatten(read_features(path)) | {"description": read_description(path).model_dump_json()}
    found["parquet"] = read_frame(path / "cells.parquet").to_json(double_precision=15)
    table = read_cell_table(path / "cells.csv", species="mouse")
    return found | {"table": table.features.to_json(double_precision=15) + table.cells.to_json()}


def _write_cell_model(folder: Path) -> Path:
    from nwbspikegen.patchseq.classify.forest import fit_forest
    from nwbspikegen.patchseq.classify.models_io import CellModel

    rng = np.random.default_rng(0)
    values, classes = rng.normal(size=(40, 3)), np.repeat(["Sst", "Vip"], 20)
    forest = fit_forest(values + 2 * (classes == "Sst")[:, None], classes, num_trees=3)
    model = CellModel(forest, "file:column:0", features=("sag", "tau", "ri"), training={"species": "mouse"})
    model.save(folder / "forest")
    return folder / "forest"


@_register("cell_model", _write_cell_model)
def _read_cell_model(path: Path) -> Reading:
    from nwbspikegen.patchseq.classify.models_io import CellModel

    model = CellModel.load(path)
    values = np.random.default_rng(1).normal(size=(10, 3))
    return {
        "told": repr((model.label_version, model.features, model.training, model.kind)),
        "probability": model.classifier.predict_proba(values),
        "classes": np.asarray(model.classifier.class_names),
    }


def main(names: list[str]) -> None:
    """Write the whole inputs of some readers, or of all."""
    from fuzz_inputs import CORPUS

    for name in names or READERS:
        shutil.rmtree(CORPUS / name, ignore_errors=True)
        (CORPUS / name).mkdir(parents=True)
        with tempfile.TemporaryDirectory() as folder:
            whole = READERS[name].write(Path(folder))
            place = CORPUS / name / whole.name
            shutil.copytree(whole, place) if whole.is_dir() else shutil.copy2(whole, place)


if __name__ == "__main__":
    main(sys.argv[1:])
