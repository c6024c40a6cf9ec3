"""A local web server that serves parts of files and counts the bytes it sends."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass

    def do_HEAD(self):
        self._answer(send_body=False)

    def do_GET(self):
        self._answer(send_body=True)

    def _answer(self, *, send_body):
        path = Path(self.translate_path(self.path))
        if self.server.token and f"sig={self.server.token}" not in self.path.partition("?")[2]:
            self.send_error(403)
            return
        if not path.is_file():
            self.send_error(404)
            return
        data, ranges = path.read_bytes(), self.headers.get("Range")
        first, last = 0, len(data) - 1
        if ranges and self.server.serves_ranges:
            begin, _, end = ranges.removeprefix("bytes=").partition("-")
            first, last = int(begin), min(int(end or last), last)
        self.send_response(206 if ranges and self.server.serves_ranges else 200)
        if self.server.serves_ranges:
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        if send_body:
            self.server.bytes_sent += last + 1 - first
            # a client that has read enough hangs up
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data[first : last + 1])


@contextlib.contextmanager
def serve(
    folder: Path, *, serves_ranges: bool = True, token: str = ""
) -> Iterator[http.server.ThreadingHTTPServer]:
    """Serve a folder at `server.url`; `server.bytes_sent` counts; with a token, to who signs with it."""
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.serves_ranges, server.bytes_sent, server.token = serves_ranges, 0, token
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        # looks that often whether it is to end: half a second, by default, for each test that asks it to
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
