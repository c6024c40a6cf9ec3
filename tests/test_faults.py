"""Faults from outside: killed, out of disk, read-only, a source that changes, too little memory, Ctrl-C."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
from asdf_files import write_asdf
from click.testing import CliRunner
from nwb_sources import write_source
from populations import small_split

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core import files
from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.prediction.one_step import generate
from nwbspikegen.scoring import BASELINES
from nwbspikegen.simulation import metadata_of
from nwbspikegen.training import module

_RUNNER = Path(__file__).with_name("kill_runner.py")
_POINTS = int(os.environ.get("NWBSPIKEGEN_KILL_POINTS", "3"))


def test_killed_commands_leave_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """By SIGKILL, SIGTERM and SIGINT; more in `benchmarks/kill_points.py`, or NWBSPIKEGEN_KILL_POINTS=60."""
    ran = subprocess.run(
        [sys.executable, str(_RUNNER), str(tmp_path), "--points", str(_POINTS), "--seed", "3"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    points = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(points) == _POINTS
    for point in points:
        assert point["is_expected"], point
        assert point["orphans"] == 0, point
        # what is asked to end cleans up itself
        assert point["signal"] == "KILL" or point["left_over"] == 0, point
        assert point["found"] in ("nothing", "old", "new", "unfinished"), point
        assert not point["strangers"], point
        assert point["repeated"], point
        assert point["left_after_repeat"] == 0, point


def _write(target: Path, *, overwrite: bool = True) -> None:
    with files.write_whole(target, overwrite=overwrite) as temporary:
        temporary.write_text("new")


def test_what_a_dead_process_left_is_removed_and_a_living_one_keeps_its_own(tmp_path: Path) -> None:
    dying = "import os, sys; from nwbspikegen.core.files import write_whole\n"
    dying += "with write_whole(sys.argv[1]) as path: path.write_text('half'); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", dying, str(tmp_path / "a.txt")], check=False)
    assert [path.name.startswith(".nwbspikegen-") for path in tmp_path.iterdir()] == [True]
    with files.write_whole(tmp_path / "b.txt") as living:
        living.write_text("new")
        _write(tmp_path / "a.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt"]
    assert (tmp_path / "b.txt").read_text() == "new"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_is_full_or_read_only_is_said(tmp_path: Path, code: int) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail() -> None:
        with files.write_whole(target, overwrite=True) as temporary:
            temporary.write_text("half")
            try:
                raise OSError(code, os.strerror(code))
            except OSError as error:
                # as HDF5 and pandas do
                raise RuntimeError("could not write") from error

    with pytest.raises(OutputError, match=os.strerror(code)):
        fail()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a bug"), files.write_whole(tmp_path / "a.txt"):
        raise RuntimeError("a bug")


def _limit_files(megabytes: float) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(megabytes * 1e6),) * 2)

    return limit


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("source") / "source.nwb")


def test_hdf5_that_cannot_grow_is_one_clear_line_and_no_output(source: Path, tmp_path: Path) -> None:
    """The system refuses bytes beyond a limit, as a full disk does, while pynwb writes."""
    script = (
        "import sys, nwbspikegen as nsg\n"
        "from nwbspikegen.core.errors import OutputError\n"
        "try: nsg.write_results(sys.argv[2], source=sys.argv[1])\n"
        "except OutputError as error: print(error); sys.exit(2)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(source), str(tmp_path / "out.nwb")],
        capture_output=True,
        text=True,
        preexec_fn=_limit_files(0.05),
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert os.strerror(errno.EFBIG) in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_command_on_a_full_disk_ends_as_on_bad_input(tmp_path: Path) -> None:
    """HDF5 would crash the process at its end, with what it could not write."""
    rng = np.random.default_rng(0)
    trains = [np.unique(rng.integers(1, 60_000, 3000)) for _ in range(50)]
    write_asdf(tmp_path / "a.mat", trains, (50, 60_000), dtype=np.int32)
    metadata = metadata_of(nsg.simulate("in_vivo", num_units=2, duration=1))
    (tmp_path / "m.yaml").write_text(json.dumps(metadata))
    (tmp_path / "out").mkdir()
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "nwbspikegen",
            "convert",
            "asdf",
            str(tmp_path / "a.mat"),
            "--metadata",
            str(tmp_path / "m.yaml"),
            "--out",
            str(tmp_path / "out" / "a.nwb"),
        ],
        capture_output=True,
        text=True,
        preexec_fn=_limit_files(0.02),
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert os.strerror(errno.EFBIG) in ran.stderr.splitlines()[-1]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_read_only_folder_is_said(tmp_path: Path) -> None:
    """As a user who may not write there: the system refuses, and not a test's stand-in."""
    script = (
        "import os, sys\n"
        "from nwbspikegen.core import files\n"
        "from nwbspikegen.core.errors import OutputError\n"
        "folder = os.open(sys.argv[1], os.O_RDONLY)\n"
        "if os.getuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "os.fchdir(folder)\n"
        "try:\n"
        "    with files.write_whole('a.txt') as path: path.write_text('a')\n"
        "except OutputError as error: print(error); sys.exit(2)\n"
    )
    (tmp_path / "closed").mkdir(mode=0o555)
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "closed")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2, ran.stderr
    assert "read-only" in ran.stdout
    assert list((tmp_path / "closed").iterdir()) == []


@pytest.mark.parametrize("command", ["train", "convert", "generate", "transfer"])
def test_commands_ask_for_a_folder_to_write_in_before_they_work(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    given = {
        "train": [str(source)],
        "transfer": [str(source), str(source)],
        "convert": ["asdf", str(write_asdf(tmp_path / "a.mat"))],
        "generate": [str(tmp_path / "model"), str(source)],
    }
    if command == "generate":
        parts = small_split()
        nsg.train(parts.train, parts.validation, epochs=1, progress=False).save(tmp_path / "model")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    out = tmp_path / ("out" if command in ("train", "transfer") else "out.nwb")
    result = CliRunner().invoke(cli, [command, *given[command], "--out", str(out)])
    assert result.exit_code == 2, result.output
    assert "read-only" in result.stderr.splitlines()[-1]
    assert not out.exists()


def _predict(source: Path, *, change: Callable[[], None] | None = None):
    units = nsg.select_units(nsg.open_units(source, bin_size=0.01), skip=1, take=4)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    predicted = nsg.generate(BASELINES["running_rate"](), parts.test, context=units)
    if change is not None:
        change()
    return predicted


def _change(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["session_description"][()] = "another"


def test_a_source_that_changes_after_it_was_read_is_refused(tmp_path: Path) -> None:
    path = write_source(tmp_path / "source.nwb")
    predicted = _predict(path, change=lambda: _change(path))
    with pytest.raises(InputError, match="changed while it was worked on"):
        nsg.write_results(tmp_path / "out.nwb", source=path, spike_probability=predicted)
    assert [each.name for each in tmp_path.iterdir()] == ["source.nwb"]


def test_a_source_that_changes_while_it_is_written_from_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_source(tmp_path / "source.nwb")
    predicted = _predict(path)
    from nwbspikegen.nwb import derived as source_opening

    original, asked = source_opening.hash_recording, []

    def count(address: Path | str) -> str:
        asked.append(address)
        # another process writes after the file was opened: HDF5 would lock out a second handle here
        return original(address) if len(asked) == 1 else "f" * 64

    monkeypatch.setattr(source_opening, "hash_recording", count)
    with pytest.raises(InputError, match="changed while it was worked on"):
        nsg.write_results(tmp_path / "out.nwb", source=path, spike_probability=predicted)
    assert len(asked) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["source.nwb"]


def _run_out_of_memory(monkeypatch: pytest.MonkeyPatch, times: int, from_epoch: int = 0) -> list[int]:
    """Let the first training steps fail as on a GPU that is too small; return the rows of each batch."""
    original, seen = module.TrainingModule.training_step, []

    def step(self, batch, index):
        seen.append(len(batch.target))
        if len(seen) > 1000 or (self.current_epoch >= from_epoch and step.left):
            step.left -= 1
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return original(self, batch, index)

    step.left = times
    monkeypatch.setattr(module.TrainingModule, "training_step", step)
    return seen


def test_training_goes_on_with_smaller_batches(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    seen = _run_out_of_memory(monkeypatch, 2)
    parts = small_split(duration=16.0)
    with caplog.at_level("WARNING", logger="nwbspikegen"):
        fitted = nsg.train(parts.train, parts.validation, epochs=1, progress=False, batch_size=4096)
    assert fitted.parameters["batch_size"] == 1024
    assert max(seen[2:]) <= 1024
    assert "out of memory: training goes on with a batch size of 1024" in caplog.text


def test_training_resumes_its_epochs_with_smaller_batches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog
) -> None:
    _run_out_of_memory(monkeypatch, 1, from_epoch=1)
    parts = small_split(duration=16.0)
    with caplog.at_level("INFO", logger="nwbspikegen"):
        fitted = nsg.train(
            parts.train, parts.validation, epochs=2, progress=False, batch_size=4096, checkpoints=tmp_path
        )
    assert "resuming the run" in caplog.text
    assert [point["epoch"] for point in fitted.curves] == [1, 2]
    assert fitted.parameters["batch_size"] == 2048


def test_memory_that_is_never_enough_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    _run_out_of_memory(monkeypatch, 100)
    parts = small_split(duration=16.0)
    with pytest.raises(InputError, match="--device cpu"):
        nsg.train(parts.train, parts.validation, epochs=1, progress=False, batch_size=2)


class _Crowded:
    """A model whose first prediction finds no memory."""

    name = "crowded"

    def __init__(self) -> None:
        self.moves: list[str] = []
        self.module = SimpleNamespace(device="cuda:0", to=lambda device: self.moves.append(str(device)))

    def save(self, folder: Path) -> None:
        raise AssertionError("it is not kept")

    @classmethod
    def load(cls, folder: Path) -> _Crowded:
        raise AssertionError("it was not kept")

    def predict(self, spikes: np.ndarray, first: int, bin_size: float) -> np.ndarray:
        if not self.moves:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return np.full((len(spikes) - first, spikes.shape[1]), 0.5, dtype=np.float32)


def test_a_prediction_without_memory_is_made_on_the_cpu(caplog) -> None:
    model = _Crowded()
    with caplog.at_level("WARNING", logger="nwbspikegen"):
        predicted = generate(model, small_split().test)
    assert float(predicted.mean()) == 0.5
    assert model.moves == ["cpu", "cuda:0"]
    assert "out of memory" in caplog.text


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """A shell starts what it runs in the background deaf to SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_in_training_can_be_resumed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog) -> None:
    parts, original = small_split(duration=16.0), module.TrainingModule.training_step
    handler = signal.getsignal(signal.SIGINT)

    def step(self, batch, index):
        if self.current_epoch == 1:
            raise KeyboardInterrupt
        return original(self, batch, index)

    def run() -> nsg.FittedModel:
        return nsg.train(parts.train, parts.validation, epochs=2, progress=False, checkpoints=tmp_path)

    monkeypatch.setattr(module.TrainingModule, "training_step", step)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert signal.getsignal(signal.SIGINT) is handler
    monkeypatch.setattr(module.TrainingModule, "training_step", original)
    with caplog.at_level("INFO", logger="nwbspikegen"):
        fitted = run()
    assert "resuming the run" in caplog.text
    assert [point["epoch"] for point in fitted.curves] == [1, 2]


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_ends_the_command_and_the_same_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    simulation = nsg.simulate("in_vivo", num_units=4, duration=20, seed=1)
    path = nsg.convert_sorting(simulation.sorting, tmp_path / "a.nwb", metadata=metadata_of(simulation))
    given = ["train", str(path), "--out", str(tmp_path / "model"), "--epochs", "2", "--bin-size", "0.01"]
    original = module.TrainingModule.training_step

    def step(self, batch, index):
        if self.current_epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, batch, index)

    monkeypatch.setattr(module.TrainingModule, "training_step", step)
    stopped = CliRunner().invoke(cli, given)
    assert stopped.exit_code == 130
    assert "the same command goes on" in stopped.stderr.splitlines()[-1]
    assert not (tmp_path / "model").exists()
    monkeypatch.setattr(module.TrainingModule, "training_step", original)
    finished = CliRunner().invoke(cli, given)
    assert finished.exit_code == 0, finished.output
    assert "resuming the run" in finished.stderr
    assert [point["epoch"] for point in nsg.load_model(tmp_path / "model").curves] == [1, 2]
    assert sorted(place.name for place in tmp_path.iterdir()) == ["a.nwb", "model"]


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (KeyboardInterrupt(), 130, "interrupted: no output is half-written"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 2, "No space left on device"),
    ],
)
def test_commands_end_with_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException, status: int, says: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    (tmp_path / "a.nwb").touch()
    monkeypatch.setattr("nwbspikegen.archive.validate_file", fail)
    result = CliRunner().invoke(cli, ["validate", str(tmp_path / "a.nwb")])
    assert result.exit_code == status
    assert [says in line for line in result.stderr.splitlines()] == [True]
