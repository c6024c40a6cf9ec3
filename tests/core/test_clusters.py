"""Clusters that only the own process can use, and what is said of those that fail."""

from __future__ import annotations

import datetime
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from nwbspikegen.core.clusters import Certificates
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.tasks import Task, open_client, require_shared, run_tasks

_CHILD = Path(__file__).with_name("cluster_child.py")


@pytest.fixture
def start_scheduler():
    """Give what starts a scheduler in another process; it is ended afterwards."""
    started = []

    def start(*certificates: Path) -> tuple[str, subprocess.Popen]:
        command = [sys.executable, str(_CHILD), *map(str, certificates)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        started.append(process)
        return process.stdout.readline().strip(), process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _write_certificates(folder: Path) -> Certificates:
    """Write a key, and its certificate signed by itself, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    folder.mkdir()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "laboratory")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    certificate = built.sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    return Certificates(folder / "cert.pem", folder / "cert.pem", folder / "key.pem")


def test_nobody_without_the_keys_of_the_run_reaches_local_workers(tmp_path):
    from distributed import Client
    from distributed.security import Security

    with open_client(workers=2) as client:
        address = client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        workers = list(client.scheduler_info(n_workers=-1)["workers"])
        assert [place.partition("://")[0] for place in workers] == ["tls", "tls"]
        # another process on this machine, of whatever user, knows the address at most: without keys, with
        # others, and without TLS, of the scheduler and of a worker
        with pytest.raises(InputError, match="and no certificates"), open_client(address):
            pass
        for place in (address, workers[0]):
            for security, scheme in ((Security.temporary(), "tls"), (None, "tcp")):
                with pytest.raises(OSError, match=r"certificate|Timed out|in <TCP"):
                    Client(place.replace("tls", scheme), security=security, timeout=1.0)
        assert [outcome.result for outcome in run_tasks([Task("a", len, ("abc",))], client)] == [3]


_ENDED_WHILE_STARTING = """
import multiprocessing, os, signal, sys, threading, time
from nwbspikegen.core.clusters import start_cluster
from nwbspikegen.core.signals import ending_on_signals, find_exit_status
def interrupt():
    while not multiprocessing.active_children(): time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGNUM)
if __name__ == '__main__':
    with ending_on_signals():
        threading.Thread(target=interrupt).start()
        try:
            with start_cluster(2): print('started')
        except KeyboardInterrupt:
            print(len(multiprocessing.active_children()))
            sys.exit(find_exit_status())
"""


@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_while_workers_start_leaves_none(number, status, tmp_path):
    script = tmp_path / "ended.py"
    script.write_text(_ENDED_WHILE_STARTING.replace("SIGNUM", number))
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    # no worker, no traceback of dask's
    assert (ran.returncode, ran.stdout, ran.stderr) == (status, "0\n", "")


def test_the_pages_of_a_local_cluster_show_nothing_to_anybody():
    """Dask serves pages on workers, calls and metrics by HTTP, without a key; 8787 is where others look."""
    with open_client(workers=2) as client:
        told = client.scheduler_info(n_workers=-1)
        ports = [each["services"]["dashboard"] for each in (told, *told["workers"].values())]
        assert 8787 not in ports
        for port in ports:
            for route in ("info/main/workers.html", "json/counts.json", "metrics", "health", "status"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/{route}", timeout=10)


def test_a_scheduler_at_tls_is_used_with_its_certificates(tmp_path, start_scheduler):
    own, others = _write_certificates(tmp_path / "own"), _write_certificates(tmp_path / "others")
    address, _ = start_scheduler(*own)
    with open_client(address, certificates=own) as client:
        assert [outcome.result for outcome in run_tasks([Task("a", len, ("abc",))], client)] == [3]
    with (
        pytest.raises(InputError, match="no dask scheduler at tls"),
        open_client(address, certificates=others),
    ):
        pass
    missing = own._replace(key_file=tmp_path / "none.pem")
    with pytest.raises(InputError, match=r"no certificate or key at .*none\.pem"):
        open_client(address, certificates=missing).__enter__()
    with pytest.raises(InputError, match="certificates for tcp"):
        open_client("tcp://127.0.0.1:9", certificates=own).__enter__()


def test_a_scheduler_that_is_lost_is_one_line(start_scheduler, capfd):
    address, process = start_scheduler()
    with open_client(address) as client:
        threading.Timer(0.5, process.kill).start()
        with pytest.raises(InputError, match="which was lost") as caught:
            list(
                run_tasks(
                    [Task("long", time.sleep, (60,)), Task("b", len, ("abc",), after=("long",))], client
                )
            )
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


class _Elsewhere:
    """A client of a worker that sees no file of this machine."""

    def run(self, function, *arguments, on_error):
        return {"tcp://far:1": ""}


def test_a_worker_that_does_not_see_the_folder_is_named(tmp_path):
    (tmp_path / "study.json").write_text("{}")
    with pytest.raises(InputError, match=r"worker tcp://far:1, which does not see .*study\.json"):
        require_shared(_Elsewhere(), tmp_path / "study.json")
    require_shared(None, tmp_path / "study.json")
