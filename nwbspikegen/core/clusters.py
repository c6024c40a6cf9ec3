"""Dask clusters that nobody else can use: workers on this machine, or a scheduler that runs somewhere.

Dask's processes unpickle what they are sent, so whoever reaches one runs code as its user. Processes that
are started here speak TLS, and accept those alone that have the keys of this run.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from nwbspikegen.core.errors import InputError, MissingExtraError, NWBSpikeGenError
from nwbspikegen.core.signals import holding_interruptions
from nwbspikegen.core.threads import THREAD_VARIABLES

_LOG = logging.getLogger("nwbspikegen")
# dask blames a task for every worker that is lost while running it, and gives it up at the fourth: on
# machines that are taken back that is no fault of the task, which may be done again
_LOST_WORKERS = 20
_TLS = "tls://"


class Certificates(NamedTuple):
    """Files, in PEM, that a client of a scheduler at ``tls://`` needs.

    Attributes
    ----------
    ca_file : Path
        Certificate of the authority that signed those of the scheduler, the workers and the client.
    cert_file, key_file : Path
        Certificate and private key of the client.
    """

    ca_file: Path
    cert_file: Path
    key_file: Path


@contextlib.contextmanager
def connect_scheduler(
    scheduler: str, certificates: Certificates | None = None, timeout: float = 20.0
) -> Iterator[Any]:
    """Give a client of a running scheduler; the parameters are those of `core.tasks.open_client`."""
    _require_distributed()
    security = _make_security(scheduler, certificates)
    from distributed import Client

    with _quiet():
        try:
            client = Client(scheduler, timeout=timeout, security=security)  # type: ignore[no-untyped-call, unused-ignore]
        except (OSError, ValueError, TimeoutError, TypeError) as error:
            raise InputError(
                f"no dask scheduler at {scheduler}",
                "the address of a running one, tcp://HOST:PORT, or tls://HOST:PORT with its certificates",
                "start one with `dask scheduler`, or leave --scheduler out",
            ) from error
        with _closing(client):
            yield client


def _make_security(scheduler: str, certificates: Certificates | None) -> Any:
    """Return what a client shows a scheduler; None for one that asks for nothing."""
    import dask
    from distributed.security import Security

    if not scheduler.startswith(_TLS):
        if certificates is not None:
            raise InputError(f"certificates for {scheduler}", "a scheduler at tls://", "correct --scheduler")
        return None
    if certificates is None:
        # of dask's files of settings, or variables such as DASK_DISTRIBUTED__COMM__TLS__CA_FILE
        if not dask.config.get("distributed.comm.tls.ca-file", None):
            raise InputError(
                f"{scheduler} and no certificates",
                "--tls-ca-file, --tls-cert and --tls-key, or dask's distributed.comm.tls settings",
                "give them",
            )
        return Security(require_encryption=True)  # type: ignore[no-untyped-call, unused-ignore]
    for path in certificates:
        if not path.is_file():
            raise InputError(f"no certificate or key at {path}", "a file in PEM", "check the path")
    return Security(  # type: ignore[no-untyped-call, unused-ignore]
        tls_ca_file=os.fspath(certificates.ca_file),
        tls_client_cert=os.fspath(certificates.cert_file),
        tls_client_key=os.fspath(certificates.key_file),
        require_encryption=True,
    )


@contextlib.contextmanager
def start_cluster(workers: int) -> Iterator[Any]:
    """Start worker processes on this machine, give a client of them, and end them afterwards."""
    _require_distributed()
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security

    threads = str(max(1, (os.cpu_count() or 1) // workers))
    threads = os.environ.get("OMP_NUM_THREADS", threads)
    environment = dict.fromkeys(THREAD_VARIABLES, threads)
    settings = {
        # pages that dask serves ask nobody who they are: other users of this machine would read them
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.scheduler.allowed-failures": _LOST_WORKERS,
        # dask sets one thread here by itself, whatever the share of the cores is; and tasks run in a
        # thread, which has a heap of its own that keeps no large arrays, unless there is only one heap
        "distributed.nanny.pre-spawn-environ": {"MALLOC_ARENA_MAX": 1, **environment},
    }
    with dask.config.set(settings), contextlib.ExitStack() as started:
        # a signal meanwhile waits: dask closes no cluster that is half there, and its processes would be left
        # to see the end of this one by themselves
        with holding_interruptions():
            cluster = LocalCluster(  # type: ignore[no-untyped-call, unused-ignore]
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                # no other machine can reach the workers, which run whatever they are sent; no other user of
                # this one has the keys, which are made now and kept in memory
                host="127.0.0.1",
                protocol=_TLS,
                security=Security.temporary(),  # type: ignore[no-untyped-call, unused-ignore]
                # no dashboard; without an address dask takes 8787 all the same, warning where another has it
                scheduler_kwargs={"dashboard": False},
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.ERROR,
                memory_limit="auto",
            )
            started.enter_context(cluster)
            client = started.enter_context(Client(cluster))  # type: ignore[no-untyped-call, unused-ignore]
        _LOG.info("%d workers, %s threads each", workers, threads)
        yield client


@contextlib.contextmanager
def naming_lost_schedulers(client: Any) -> Iterator[None]:
    """Turn what dask raises of a scheduler that is gone into one clear error."""
    from asyncio import CancelledError

    address = client.scheduler.address if client.scheduler else "the cluster"
    try:
        yield
    except NWBSpikeGenError:
        raise
    except (Exception, CancelledError) as error:
        # of futures dask says that they were cancelled, whatever became of the scheduler
        if client.status == "running" and not isinstance(error, CancelledError):
            raise
        raise InputError(
            f"the dask scheduler at {address}, which was lost",
            "one that runs until the work is done",
            "start it, and give the same command again: what is done is kept",
        ) from error


@contextlib.contextmanager
def _closing(client: Any) -> Iterator[None]:
    """Close a client at the end; one whose scheduler is gone has nothing to say any more."""
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            client.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep from stderr what dask logs of connections that break: the error says it in one line."""
    # each has a level of its own in dask's settings
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _require_distributed() -> None:
    for name, what in (("distributed", "dask's scheduler"), ("cryptography", "keys for dask's workers")):
        if find_spec(name) is None:
            raise MissingExtraError(
                f"no {name}",
                f"{what}, for several workers",
                "install with: pip install 'nwbspikegen[scale]'; or use --workers 1",
            )
