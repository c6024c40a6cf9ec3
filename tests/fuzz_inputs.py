"""Reads many damaged inputs, each in turn, in a process whose end, or silence, is an outcome as well.

python fuzz_inputs.py FOLDER: copies the whole inputs of readers from tests/corpus into FOLDER, damages
them in the ways that standard input asks for, a JSON list of pairs of reader and number, and prints a
line of JSON for each.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_changes import describe_change, find_payload

CORPUS = Path(__file__).with_name("corpus")
FAILED = CORPUS / "failed.json"
KINDS = ("bit flipped", "cut", "bytes replaced", "zeroed", "doubled")
BAD = ("wrong", "bug", "memory", "hang", "crash")
OUTCOMES = ("refused", "same", "warned", "value", "name", *BAD)
_TEXTS = (".json", ".yaml", ".csv", ".prb", ".params", ".py", ".tsv")
# address space of the child: what asks for more gets a MemoryError, not the machine's memory
_MOST_BYTES = 16 * 2**30
# resident memory that one input of a few kB may add before it counts as too much
_MOST_GROWTH_BYTES = 2**30
# s until the libraries of a reader are imported
_BEGINS = 300.0


def fuzz_readers(
    wanted: Mapping[str, Sequence[int]], *, seconds: float = 20.0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the name of a reader and what came of an input, for every damaged input.

    Parameters
    ----------
    wanted : mapping from str to sequence of int
        Numbers for keys of `fuzz_readers.READERS`; each is a damage, always the same one.
    seconds : float
        An input that takes longer hangs.
    """
    pairs = [(name, int(number)) for name, numbers in wanted.items() for number in numbers]
    with tempfile.TemporaryDirectory() as folder:
        at = 0
        while at < len(pairs):
            # a process anew after an input that ended it
            for outcome in _watch(folder, pairs[at:], seconds):
                yield pairs[at][0], outcome
                at += 1


def _watch(folder: str, pairs: list[tuple[str, int]], seconds: float) -> Iterator[dict[str, Any]]:
    """Give the outcomes of some inputs, up to one that ends the process or silences it."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, __file__, folder], **pipes) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(pairs).encode())
        child.stdin.close()
        child.stdin = None
        last = ""
        for name, number in pairs:
            line = _read_line(child.stdout.fileno(), seconds if name == last else _BEGINS)
            if line:
                last = name
                yield json.loads(line)
                continue
            child.kill()
            errors = child.communicate()[1].decode(errors="replace")
            if child.returncode == 1:
                raise RuntimeError(errors[-2000:])
            yield {"number": number, "outcome": "hang" if line is None else "crash", "detail": errors[-500:]}
            return


def _read_line(stream: int, seconds: float) -> bytes | None:
    """Return a line; an empty one when the stream ended, None when none came in time."""
    line = b""
    while not line.endswith(b"\n"):
        if not select.select([stream], [], [], seconds)[0]:
            return None
        letter = os.read(stream, 1)
        if not letter:
            return b""
        line += letter
    return line[:-1]


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


def compare(expected: dict[str, Any], found: dict[str, Any]) -> str:
    """Return what differs between two readings, nothing when they are the same."""
    if list(expected) != list(found):
        return f"keys: {', '.join(sorted(map(str, set(expected) ^ set(found)))) or 'order'}"
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


def copy_whole(name: str, folder: Path) -> Path:
    """Copy the whole input of a reader into a folder, and return where it is."""
    (whole,) = (CORPUS / name).iterdir()
    if whole.is_dir():
        return Path(shutil.copytree(whole, folder / whole.name))
    return Path(shutil.copy2(whole, folder / whole.name))


class _Input:
    """The whole input of a reader, which is damaged, read and made whole again."""

    def __init__(self, name: str, folder: str) -> None:
        from fuzz_readers import READERS

        self._reader = READERS[name]
        self._whole = copy_whole(name, Path(tempfile.mkdtemp(dir=folder)))
        is_file = self._whole.is_file()
        files = [self._whole] if is_file else sorted(p for p in self._whole.rglob("*") if p.is_file())
        self._contents = {path: (path.read_bytes(), find_payload(path)) for path in files}
        self._warned = _Warned()
        logger = logging.getLogger("nwbspikegen")
        logger.handlers[:] = [self._warned]
        logger.propagate = False
        self._expected = self._reader.read(self._whole)
        # what is read without damage may warn as well
        self._usual = set(self._warned.messages)

    def read_damaged(self, number: int) -> dict[str, Any]:
        """Return what came of the damage of a number."""
        rng = np.random.default_rng([number, 8])
        path = list(self._contents)[int(rng.integers(len(self._contents)))]
        content, is_value = self._contents[path]
        damaged, kind, byte = damage(content, rng)
        # a new file, since what is known of one is kept by its name and time
        path.unlink()
        path.write_bytes(damaged)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcome, detail = self._read()
        if outcome == "differs":
            end = byte + (1 if kind == "bit flipped" else 64)
            is_hidden = kind not in ("cut", "doubled") and bool(is_value[byte:end].any())
            outcome = "value" if is_hidden or path.suffix in _TEXTS else describe_change(content, path)
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before > _MOST_GROWTH_BYTES // 1024:
            outcome = "memory"
        path.write_bytes(content)
        return {
            "number": number,
            "file": path.name,
            "kind": kind,
            "byte": byte,
            "outcome": outcome,
            "detail": detail[:300],
        }

    def _read(self) -> tuple[str, str]:
        from fuzz_readers import Refused

        from nwbspikegen.core.errors import NWBSpikeGenError

        self._warned.messages.clear()
        try:
            detail = compare(self._expected, self._reader.read(self._whole))
        except (NWBSpikeGenError, Refused) as error:
            return "refused", str(error)
        except BaseException as error:
            return "bug", f"{type(error).__name__}: {error}"
        if not detail:
            return "same", ""
        return ("warned" if set(self._warned.messages) - self._usual else "differs"), detail


def main(folder: str, pairs: list[tuple[str, int]], reports: int) -> None:
    """Damage and read; outcomes are refused, same, warned, value, name, wrong, bug, memory."""
    warnings.simplefilter("ignore")
    last, whole = "", None
    for name, number in pairs:
        if name != last or whole is None:
            last, whole = name, _Input(name, folder)
            resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
        os.write(reports, (json.dumps(whole.read_damaged(number)) + "\n").encode())


if __name__ == "__main__":
    # whatever a library prints does not come between the reports
    _REPORTS = os.dup(1)
    os.dup2(2, 1)
    main(sys.argv[1], json.load(sys.stdin), _REPORTS)
