"""Small files that stand for much more than they are, each written in a moment."""

from __future__ import annotations

import contextlib
import http.server
import json
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from alf_files import write_session

# letters of one text, and how many rows name it
_LETTERS, _ROWS = 1_000_000, 2150


def write_parquet(folder: Path) -> Path:
    """One text of a million letters in 2,150 rows of the clusters' metrics."""
    session = write_session(folder)
    path = next(session.rglob("*metrics*.pqt"), session / "alf/probe00/pykilosort/clusters.metrics.pqt")
    table = pd.DataFrame({"cluster_id": np.arange(_ROWS), "label": "x" * _LETTERS})
    table["label"] = table["label"].astype("category")
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(_ROWS, "i4")), pa.array(["x" * _LETTERS]))
    pq.write_table(pa.table({"cluster_id": np.arange(_ROWS), "label": texts}), path, compression="zstd")
    return session


def write_linked_alf(folder: Path) -> Path:
    """Spike times that lie outside the session."""
    session = write_session(folder)
    path = next(session.rglob("spikes.times.npy"))
    path.rename(folder / "outside.npy")
    path.symlink_to(folder / "outside.npy")
    return session


def _open_nwb(path: Path) -> h5py.File:
    file = h5py.File(path, "w", libver="latest")
    file.attrs["nwb_version"] = "2.7.0"
    units = file.create_group("units")
    units.attrs["colnames"] = np.array(["spike_times"], dtype=h5py.string_dtype())
    units["id"] = np.arange(2)
    return file


def _write_units(path: Path, num_spikes: int, chunk: int, *, packed_chunks: int) -> Path:
    """Two units whose spike times are zeros; every chunk has the same bytes."""
    with _open_nwb(path) as file:
        times = file["units"].create_dataset(
            "spike_times", (num_spikes,), "f8", chunks=(chunk,), compression="gzip"
        )
        content = _deflate_zeros(8 * chunk)
        for at in range(packed_chunks):
            times.id.write_direct_chunk((at * chunk,), content)
        file["units/spike_times_index"] = np.array([num_spikes // 2, num_spikes])
    return path


def write_large_chunk(folder: Path) -> Path:
    """A chunk of 2 GiB, of which only the first bytes are there."""
    with _open_nwb(folder / "a.nwb") as file:
        number = 2**28
        times = file["units"].create_dataset(
            "spike_times", (number,), "f8", chunks=(number,), compression="gzip"
        )
        times.id.write_direct_chunk((0,), _deflate_zeros(2**31))
        file["units/spike_times_index"] = np.array([5, number])
    return folder / "a.nwb"


def write_many_spikes(folder: Path) -> Path:
    """10^8 spikes, gzip."""
    return _write_units(folder / "a.nwb", 10**8, 10**6, packed_chunks=100)


def write_deep_groups(folder: Path) -> Path:
    """20,000 groups, each in the one before."""
    with _open_nwb(folder / "a.nwb") as file:
        group = file.id
        for _ in range(20_000):
            group = h5py.h5g.create(group, b"a")
    return folder / "a.nwb"


def write_many_attributes(folder: Path) -> Path:
    """More attributes than any group has; 60,000 take longer to write than to refuse."""
    with _open_nwb(folder / "a.nwb") as file:
        for at in range(5000):
            file["units"].attrs.create(f"a{at}", at)
    return folder / "a.nwb"


def write_mat(folder: Path) -> Path:
    """A compressed variable of 2 GB of zeros."""
    size = 2 * 10**9
    # the array: its flags, a column of so many doubles, a name of four letters, and its numbers
    head = struct.pack("<2I2I", 6, 8, 6, 0) + struct.pack("<2I2i", 5, 8, size // 8, 1)
    head += struct.pack("<2H4s", 1, 4, b"asdf") + struct.pack("<2I", 9, size)
    matrix = struct.pack("<2I", 14, size + len(head)) + head
    content = _deflate_zeros(size, matrix)
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H2s", 0x0100, b"IM")
    (folder / "a.mat").write_bytes(header + struct.pack("<2I", 15, len(content)) + content)
    return folder / "a.mat"


def _deflate_zeros(num_bytes: int, before: bytes = b"") -> bytes:
    """Return what zlib unpacks to some bytes and zeros behind them: a piece that is packed once."""
    piece = 2**24
    packing = zlib.compressobj(9)
    content = packing.compress(before) + packing.flush(zlib.Z_FULL_FLUSH)
    again = packing.compress(bytes(piece)) + packing.flush(zlib.Z_FULL_FLUSH)
    content += again * (num_bytes // piece)
    content += packing.compress(bytes(num_bytes % piece))
    return content + packing.flush()[:-4] + struct.pack(">I", _adler(num_bytes, before))


def _adler(num_bytes: int, before: bytes) -> int:
    # of zeros the first sum stays, and the second grows by it (RFC 1950)
    start = zlib.adler32(before)
    low, high = start & 0xFFFF, start >> 16
    return ((high + num_bytes * low) % 65521) << 16 | low


def _write_zarr(folder: Path, num_spikes: int, chunk: int, content: bytes | None) -> Path:
    root = folder / "a.nwb.zarr"
    arrays = {"id": ("<i8", 2, 2), "spike_times_index": ("<i8", 2, 2)}
    for place, attributes in (("", {"nwb_version": "2.7.0"}), ("units", {"colnames": ["spike_times"]})):
        (root / place).mkdir(parents=True, exist_ok=True)
        (root / place / ".zgroup").write_text('{"zarr_format": 2}')
        (root / place / ".zattrs").write_text(json.dumps(attributes))
    for name, (dtype, size, part) in {**arrays, "spike_times": ("<f8", num_spikes, chunk)}.items():
        is_times = name == "spike_times"
        about = {"zarr_format": 2, "shape": [size], "chunks": [part], "dtype": dtype, "order": "C"}
        about |= {"fill_value": 0, "filters": None, "compressor": {"id": "zlib"} if is_times else None}
        (root / "units" / name).mkdir()
        (root / "units" / name / ".zarray").write_text(json.dumps(about))
    (root / "units/id/0").write_bytes(np.arange(2, dtype="<i8").tobytes())
    (root / "units/spike_times_index/0").write_bytes(np.array([5, num_spikes], "<i8").tobytes())
    if content is not None:
        (root / "units/spike_times/0").write_bytes(content)
    return root


def write_unwritten_zarr(folder: Path) -> Path:
    """10^12 spikes of which no chunk is there."""
    return _write_zarr(folder, 10**12, 10**6, None)


def write_large_zarr_chunk(folder: Path) -> Path:
    """A chunk that is said to have 2 GiB."""
    return _write_zarr(folder, 2**28, 2**28, b"any")


def write_zarr_bomb(folder: Path) -> Path:
    """A chunk that is said to have ten spikes, and unpacks to 2 GiB."""
    return _write_zarr(folder, 10, 10, _deflate_zeros(2**31))


def write_linked_zarr(folder: Path) -> Path:
    """Spike times that lie outside the folder."""
    root = _write_zarr(folder, 10, 10, None)
    (folder / "outside").write_bytes(zlib.compress(np.arange(10.0).tobytes()))
    (root / "units/spike_times/0").symlink_to(folder / "outside")
    return root


FILES = {
    "parquet": (write_parquet, ["convert", "ibl"], "bytes in the texts of"),
    "alf_link": (write_linked_alf, ["convert", "ibl"], "leads out of"),
    "chunk": (write_large_chunk, ["info"], "chunks of 2147483648 bytes"),
    "spikes": (write_many_spikes, ["info"], "800000000 bytes in /units/spike_times"),
    "groups": (write_deep_groups, ["info"], "groups 101 deep"),
    "attributes": (write_many_attributes, ["info"], "attributes of /units"),
    "mat": (write_mat, ["convert", "asdf"], "unpacks to more than"),
    "zarr_unwritten": (write_unwritten_zarr, ["info"], "chunks are missing"),
    "zarr_chunk": (write_large_zarr_chunk, ["info"], "chunks of 2147483648 bytes"),
    "zarr_bomb": (write_zarr_bomb, ["info"], "unpacks to more than"),
    "zarr_link": (write_linked_zarr, ["info"], "leads out of"),
}
"""By name: what writes it, the command that reads it, and words of its refusal."""


class _Endless(http.server.BaseHTTPRequestHandler):
    """Says that it has a gigabyte, and sends more than it is asked for, or a byte now and then."""

    def log_message(self, format, *args):
        pass

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(2**30))
        self.end_headers()

    def do_GET(self):
        self.send_response(206)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                if self.path.startswith("/endless"):
                    self.wfile.write(bytes(2**20))
                else:
                    self.wfile.write(b"x")
                    time.sleep(0.05)


@contextlib.contextmanager
def serve_endless() -> Iterator[str]:
    """Serve answers that do not end, at `/endless` and, byte by byte, at `/dripping`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Endless) as server:
        server.daemon_threads = True
        # looks that often whether it is to end: half a second, by default, for each test that asks it to
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
