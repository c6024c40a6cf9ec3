"""Tasks here and on a cluster."""

from __future__ import annotations

import os

import pytest

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.tasks import Task, open_client, run_tasks


def _tasks(folder) -> list[Task]:
    return [
        Task("first", os.mkdir, (str(folder / "a"),), cost=2.0),
        Task("second", os.mkdir, (str(folder / "a" / "b"),), after=("first", "done long ago"), cost=1.0),
        Task("broken", os.mkdir, (str(folder / "x" / "y"),)),
        Task("after it", os.mkdir, (str(folder / "c"),), after=("broken",), takes_gpu=True),
        Task("after that", os.mkdir, (str(folder / "d"),), after=("after it", "first")),
        Task("going on", os.mkdir, (str(folder / "e"),), after=("broken", "second"), goes_on=True),
        Task("apart", os.getpid),
    ]


def _check(outcomes, folder) -> None:
    assert sorted(outcomes) == [
        "after it",
        "after that",
        "apart",
        "broken",
        "first",
        "going on",
        "second",
    ]
    assert (folder / "a" / "b").is_dir()
    assert (folder / "e").is_dir()
    assert not (folder / "c").exists()
    assert not (folder / "d").exists()
    for key in ("broken", "after it", "after that"):
        assert isinstance(outcomes[key].error, FileNotFoundError)


def test_here(tmp_path):
    with open_client(workers=1) as client:
        assert client is None
        outcomes = {outcome.task.key: outcome for outcome in run_tasks(_tasks(tmp_path), client)}
    _check(outcomes, tmp_path)
    assert list(outcomes) == [task.key for task in _tasks(tmp_path)]
    assert outcomes["apart"].result == os.getpid()


def test_on_workers(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with open_client(workers=2) as client:
        outcomes = {outcome.task.key: outcome for outcome in run_tasks(_tasks(tmp_path), client)}
        threads = client.run(os.environ.get, "NUMBA_NUM_THREADS")
    _check(outcomes, tmp_path)
    assert outcomes["apart"].result != os.getpid()
    assert set(threads.values()) == {str(max(1, (os.cpu_count() or 1) // 2))}


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"workers": 0}, "0 workers"), ({"workers": 2, "scheduler": "tcp://host:1"}, "one of them")],
)
def test_what_cannot_be_is_refused(asked, message):
    with pytest.raises(InputError, match=message), open_client(**asked):
        pass


def test_no_scheduler():
    with (
        pytest.raises(InputError, match="no dask scheduler"),
        open_client("tcp://127.0.0.1:9", timeout=1.0),
    ):
        pass
