"""Reads many damaged inputs, each in turn, in a process whose end, or silence, is an outcome as well.

python fuzz_inputs.py READER FOLDER FIRST NUMBER: damages the whole input in FOLDER in NUMBER ways from
the FIRST on, and prints a line of JSON for each.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import select
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("bit flipped", "cut", "bytes replaced", "zeroed", "doubled")
BAD = ("wrong", "bug", "memory", "hang", "crash")
OUTCOMES = ("refused", "same", "warned", "value", *BAD)
# address space of the child: what asks for more gets a MemoryError, not the machine's memory
_MOST_BYTES = 16 * 2**30
# resident memory that one input of a few kB may add before it counts as too much
_MOST_GROWTH_BYTES = 2**30


def fuzz_reader(
    name: str, number: int, *, seconds: float = 60.0, first: int = 0
) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Return how many damaged inputs ended how, and those that no reader may give.

    Parameters
    ----------
    name : str
        A key of `fuzz_readers.READERS`.
    number : int
        How many inputs.
    seconds : float
        An input that takes longer hangs.
    """
    counts: Counter[str] = Counter()
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        for outcome in _watch(name, folder, first, first + number, seconds):
            counts[outcome["outcome"]] += 1
            if outcome["outcome"] in BAD:
                bad.append(outcome)
    return counts, bad


def _watch(name: str, folder: str, first: int, stop: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Give the outcome of every input, starting the process anew after one that ended it."""
    at = first
    while at < stop:
        command = [sys.executable, __file__, name, folder, str(at), str(stop - at)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stderr is not None
        # the first line comes when the imports are done
        patience = 300.0
        while at < stop:
            ready, _, _ = select.select([child.stdout], [], [], patience)
            line = child.stdout.readline() if ready else b""
            if not line:
                break
            patience = seconds
            yield json.loads(line)
            at += 1
        child.kill()
        _, errors = child.communicate()
        if at < stop:
            if patience == 300.0 and child.returncode == 1:
                raise RuntimeError(errors.decode(errors="replace")[-2000:])
            outcome = "crash" if ready else "hang"
            yield {"number": at, "outcome": outcome, "detail": errors.decode(errors="replace")[-500:]}
            at += 1


def damage(content: bytes, rng: np.random.Generator) -> tuple[bytes, str, int]:
    """Return damaged bytes, how they were damaged, and where."""
    kind = str(rng.choice(KINDS, p=(0.6, 0.1, 0.1, 0.1, 0.1)))
    # bytes that are not zero are what readers go by
    used = np.flatnonzero(np.frombuffer(content, np.uint8))
    place = int(rng.choice(used)) if rng.random() < 0.5 else int(rng.integers(len(content)))
    length = int(rng.integers(1, 64))
    changed = bytearray(content)
    if kind == "bit flipped":
        changed[place] ^= 1 << int(rng.integers(8))
    elif kind == "cut":
        del changed[place:]
    elif kind == "doubled":
        changed[place:place] = changed[place : place + length]
    else:
        new = bytes(length) if kind == "zeroed" else rng.bytes(length)
        changed[place : place + length] = new[: len(changed) - place]
    return bytes(changed), kind, place


def find_payload(path: Path) -> np.ndarray:
    """Return, for every byte of a file, whether it is the value of a number or part of a text.

    Such bytes have no redundancy: a flip in them is another value, which nothing can tell.
    """
    import h5py

    content = path.read_bytes()
    is_value = np.zeros(len(content), dtype=bool)
    if path.suffix == ".npy":
        is_value[128:] = True
    elif path.suffix in (".json", ".yaml", ".csv", ".prb", ".params", ".mat"):
        is_value[:] = True
    elif h5py.is_hdf5(path):
        with h5py.File(path) as file:
            file.visititems(lambda _, item: _mark_values(item, is_value))
        # texts and attributes lie in heaps and headers: letters and numbers that no layout needs
        for heap in _find_all(content, b"GCOL"):
            is_value[heap : heap + 4096] = True
    return is_value


def _mark_values(item: Any, is_value: np.ndarray) -> None:
    import h5py

    if not isinstance(item, h5py.Dataset) or item.size == 0 or item.shape is None:
        return
    if item.chunks is None:
        start = item.id.get_offset()
        if start is not None:
            is_value[start : start + item.id.get_storage_size()] = True
        return
    for number in range(item.id.get_num_chunks()):
        chunk = item.id.get_chunk_info(number)
        is_value[chunk.byte_offset : chunk.byte_offset + chunk.size] = True


def _find_all(content: bytes, mark: bytes) -> list[int]:
    found, at = [], content.find(mark)
    while at >= 0:
        found.append(at)
        at = content.find(mark, at + 1)
    return found


def compare(expected: dict[str, Any], found: dict[str, Any]) -> str:
    """Return what differs between two readings, nothing when they are the same."""
    if list(expected) != list(found):
        return "keys"
    for key, value in expected.items():
        other = found[key]
        if isinstance(value, np.ndarray):
            if value.shape != np.shape(other):
                return f"shape of {key}"
            if value.dtype.kind != np.asarray(other).dtype.kind:
                return f"type of {key}"
            if not np.array_equal(value, other, equal_nan=value.dtype.kind == "f"):
                return f"values of {key}"
        elif value != other:
            return f"values of {key}"
    return ""


class _Warned(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def main(name: str, folder: str, first: int, number: int) -> None:
    """Damage and read; outcomes are refused, same, warned, value, wrong, bug, memory."""
    from fuzz_readers import READERS, _Refused

    from nwbspikegen.errors import NWBSpikeGenError

    warnings.simplefilter("ignore")
    reader = READERS[name]
    place = Path(tempfile.mkdtemp(dir=folder))
    whole = reader.write(place)
    expected = reader.read(whole)
    files = [whole] if whole.is_file() else sorted(path for path in whole.rglob("*") if path.is_file())
    contents = {path: (path.read_bytes(), find_payload(path)) for path in files}
    warned = _Warned()
    logger = logging.getLogger("nwbspikegen")
    logger.addHandler(warned)
    logger.propagate = False
    # what is read without damage may warn as well
    reader.read(whole)
    usual = set(warned.messages)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    for at in range(first, first + number):
        rng = np.random.default_rng([at, 8])
        path = files[int(rng.integers(len(files)))]
        content, is_value = contents[path]
        damaged, kind, byte = damage(content, rng)
        # a new file, since what is known of one is kept by its name and time
        path.unlink()
        path.write_bytes(damaged)
        warned.messages.clear()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        detail = ""
        try:
            found = reader.read(whole)
            detail = compare(expected, found)
            if not detail:
                outcome = "same"
            elif set(warned.messages) - usual:
                outcome = "warned"
            else:
                end = byte + (1 if kind == "bit flipped" else 64)
                hidden = is_value[byte:end].any() and kind not in ("cut", "doubled")
                is_text = path.suffix in (".json", ".yaml", ".csv", ".prb", ".params")
                outcome = "value" if hidden or is_text else "wrong"
        except (NWBSpikeGenError, _Refused) as error:
            outcome, detail = "refused", str(error)
        except BaseException as error:
            outcome, detail = "bug", f"{type(error).__name__}: {error}"
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before > _MOST_GROWTH_BYTES // 1024:
            outcome = "memory"
        path.write_bytes(content)
        report = {
            "number": at, "file": path.name, "kind": kind, "byte": byte, "outcome": outcome,
            "detail": detail[:300],
        }  # fmt: skip
        os.write(_REPORTS, (json.dumps(report) + "\n").encode())


if __name__ == "__main__":
    # whatever a library prints does not come between the reports
    _REPORTS = os.dup(1)
    os.dup2(2, 1)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
