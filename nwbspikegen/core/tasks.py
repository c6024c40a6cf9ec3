"""Tasks that wait for one another, run here or on the workers of a dask cluster."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from nwbspikegen.core.addresses import list_access, restore_access
from nwbspikegen.core.allocation import keep_freed_memory
from nwbspikegen.core.budget import is_trusting, trusting
from nwbspikegen.core.clusters import Certificates, connect_scheduler, naming_lost_schedulers, start_cluster
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import hash_file

# a study of two recordings of 200 s and 64 units took 1.7 GB at most (docs/benchmarks/transfer_scale.md), and
# dask ends a worker at 95 % of its share
_BYTES_PER_WORKER = 4 * 2**30
# after errors of a moment, of a shared file system or a full GPU; an error that stays costs three times its
# time
_RETRIES = 2


@dataclass(frozen=True)
class Task:
    """One piece of work; what it makes goes to a file, so that it may be done twice.

    Attributes
    ----------
    key : str
        Its name, one of a kind.
    function : callable
        Importable by its name, since workers import it.
    arguments : tuple
        Small things: names and paths, never data.
    after : tuple of str
        Keys of tasks that must be done before; names that are not among the tasks count as done.
    cost : float
        Larger ones start earlier among those that may start.
    takes_gpu : bool
        Run where a worker has the resource `GPU`, one per unit of it, when any worker has.
    goes_on : bool
        Run also when a task before it has failed, and do what can be done without.
    """

    key: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    after: tuple[str, ...] = ()
    cost: float = 0.0
    takes_gpu: bool = False
    goes_on: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a task ended: with what it returned, or with an error."""

    task: Task
    result: Any = None
    error: BaseException | None = None


def count_workers() -> int:
    """Return how many workers this machine holds: one per core, each with 4 GiB; 1 without a scheduler.

    Examples
    --------
    >>> count_workers() >= 1
    True
    """
    if find_spec("distributed") is None:
        return 1
    from dask.system import CPU_COUNT
    from distributed.system import MEMORY_LIMIT

    return max(1, min(int(CPU_COUNT), int(MEMORY_LIMIT // _BYTES_PER_WORKER)))


@contextlib.contextmanager
def open_client(
    scheduler: str | None = None,
    workers: int | None = None,
    *,
    certificates: Certificates | None = None,
    timeout: float = 20.0,
) -> Iterator[Any]:
    """Give a client of a dask cluster, or None when the work is to be done in this process.

    Parameters
    ----------
    scheduler : str, optional
        Address of a running scheduler, such as ``tcp://host:8786`` or ``tls://host:8786``.
    workers : int, optional
        Without a scheduler: how many worker processes to start on this machine, each with one thread
        and its share of the cores for computing. As many as it holds by default. One worker is this
        process: no pool. Others on this machine cannot reach them: keys are made for each run.
    certificates : Certificates, optional
        What a scheduler at ``tls://`` is asked with; dask's own configuration by default.
    timeout : float, default: 20
        How long to wait for a scheduler to answer (s).

    Raises
    ------
    InputError
        Workers and a scheduler, fewer than one worker, or no scheduler at that address.
    MissingExtraError
        Dask's scheduler is not installed.

    Examples
    --------
    >>> with open_client(workers=1) as client:
    ...     print(client)
    None
    """
    if scheduler is not None and workers is not None:
        raise InputError("a scheduler and a number of workers", "one of them", "leave --workers out")
    if workers is not None and workers < 1:
        raise InputError(f"{workers} workers", "1 or more", "correct --workers")
    if scheduler is not None:
        with connect_scheduler(scheduler, certificates, timeout) as client:
            yield client
        return
    if certificates is not None:
        raise InputError("certificates without a scheduler", "both", "give --scheduler tls://HOST:PORT")
    workers = workers or count_workers()
    if workers == 1:
        yield None
        return
    with start_cluster(workers) as client:
        yield client


def run_tasks(tasks: Sequence[Task], client: Any = None) -> Iterator[Outcome]:
    """Run tasks and give each outcome as soon as there is one.

    A task whose worker is lost is started again elsewhere. When a task fails, those after it fail with
    its error unless they go on, and the others run. Without a client, tasks run here, in the order given.

    Examples
    --------
    >>> tasks = [Task("a", int, ("7",)), Task("b", int, ("x",)), Task("c", abs, (-1,), after=("b",))]
    >>> [outcome.result or type(outcome.error).__name__ for outcome in run_tasks(tasks)]
    [7, 'ValueError', 'ValueError']
    """
    if client is None:
        yield from _run_here(tasks)
        return
    with naming_lost_schedulers(client):
        yield from _run_on_cluster(tasks, client)


def _run_here(tasks: Sequence[Task]) -> Iterator[Outcome]:
    keep_freed_memory()
    failed: dict[str, Exception] = {}
    for task in tasks:
        cause = next((failed[key] for key in task.after if key in failed), None)
        if cause is None or task.goes_on:
            try:
                yield Outcome(task, task.function(*task.arguments))
                continue
            except Exception as error:
                cause = error
        failed[task.key] = cause
        yield Outcome(task, error=cause)


def _run_on_cluster(tasks: Sequence[Task], client: Any) -> Iterator[Outcome]:
    from distributed import as_completed

    _require_package(client)
    # an earlier run may have left its keys, or its failures, with the scheduler
    run = uuid.uuid4().hex[:8]
    # all: some versions of dask tell of five workers unless asked
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    has_gpu = any(worker.get("resources", {}).get("GPU", 0) for worker in workers)
    futures: list[Any] = []
    by_future: dict[str, Task] = {}
    keys = {task.key for task in tasks}
    before = {task.key: keys.intersection(task.after) for task in tasks}
    followers: dict[str, list[Task]] = {key: [] for key in keys}
    for task in tasks:
        for key in before[task.key]:
            followers[key].append(task)

    def submit(task: Task) -> Any:
        future = client.submit(
            _call,
            list_access(),
            is_trusting(),
            task.function,
            task.arguments,
            key=f"{task.key}-{run}",
            priority=task.cost,
            retries=_RETRIES,
            pure=False,
            resources={"GPU": 1} if task.takes_gpu and has_gpu else None,
        )
        futures.append(future)
        by_future[future.key] = task
        return future

    given_up: set[str] = set()
    try:
        done = as_completed([submit(task) for task in tasks if not before[task.key]])  # type: ignore[no-untyped-call, unused-ignore]
        for future in done:
            error = future.exception() if future.status != "finished" else None
            ended = [Outcome(by_future[future.key], None if error else future.result(), error)]
            while ended:
                outcome = ended.pop()
                yield outcome
                for task in followers[outcome.task.key]:
                    before[task.key].remove(outcome.task.key)
                    if task.key in given_up:
                        continue
                    if outcome.error is not None and not task.goes_on:
                        given_up.add(task.key)
                        ended.append(Outcome(task, error=outcome.error))
                    elif not before[task.key]:
                        done.add(submit(task))  # type: ignore[no-untyped-call, unused-ignore]
    finally:
        # a scheduler that is gone has forgotten them anyway
        if client.status == "running":
            client.cancel(futures)


def _call(
    access: Mapping[str, str], trusts: bool, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> Any:
    """Run a task on a worker, which opens what its sender can open, and trusts what the sender trusts."""
    keep_freed_memory()
    restore_access(access)
    with trusting(trusts):
        return function(*arguments)


def require_shared(client: Any, path: str | os.PathLike[str]) -> None:
    """Raise `InputError` when a worker of a cluster does not see a file as this machine does.

    Parameters
    ----------
    client : dask.distributed.Client or None
        As `open_client` gives it.
    path : path
        A file in the folder that workers read and write.
    """
    if client is None:
        return
    for worker, found in client.run(_hash_if_there, os.fspath(path), on_error="return").items():
        if found != hash_file(path):
            raise InputError(
                f"worker {worker}, which does not see {path}",
                "a folder on a file system that all workers share, under one path",
                "choose such an --out, or workers on this machine",
            )


def _hash_if_there(path: str) -> str:
    return hash_file(path) if os.path.isfile(path) else ""


def _require_package(client: Any) -> None:
    """Raise `InputError` when the workers of a cluster have another version of this package."""
    from importlib.metadata import version

    ours = version("nwbspikegen")
    found = client.run(version, "nwbspikegen", on_error="return")
    for worker, theirs in found.items():
        if theirs != ours:
            raise InputError(
                f"nwbspikegen {theirs} on worker {worker}",
                f"version {ours}, as here",
                "install the same environment for the workers",
            )
