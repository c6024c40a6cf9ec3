"""A local stand-in for the API of the DANDI archive, with one dandiset that has one asset."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator

_MOMENTS = {"created": "2024-01-01T00:00:00Z", "modified": "2024-01-01T00:00:00Z"}
DIGEST = "ab" * 32


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, format, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.path.endswith("/download/"):
            self.send_response(302)
            self.send_header("Location", self.server.bytes_at + "?signature=temporary")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        answer = self._answer()
        body = json.dumps(answer).encode()
        self.send_response(200 if answer is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self):
        path, _, query = self.path.partition("?")
        if path == "/api/info/":
            return {
                "version": "1",
                "cli-minimal-version": "0.1.0",
                "cli-bad-versions": [],
                "services": {
                    "api": {"url": f"{self.server.url}/api"},
                    "webui": {"url": self.server.url},
                    "jupyterhub": {"url": self.server.url},
                },
            }
        if path == "/api/dandisets/000001/":
            draft = {
                "version": "draft",
                "name": "one",
                "asset_count": 1,
                "size": 1,
                "status": "Valid",
                **_MOMENTS,
            }
            return {
                "identifier": "000001",
                "contact_person": "",
                "embargo_status": "OPEN",
                "draft_version": draft,
                "most_recent_published_version": None,
                **_MOMENTS,
            }
        if path.endswith("/assets/"):
            found = query == "path=sub-1%2Fa.nwb"
            asset = {
                "asset_id": "aaaa",
                "blob": "b",
                "zarr": None,
                "path": "sub-1/a.nwb",
                "size": 1,
                **_MOMENTS,
            }
            return {"count": int(found), "next": None, "previous": None, "results": [asset] * found}
        if path.endswith("/assets/aaaa/"):
            address = f"{self.server.url}/api/assets/aaaa/download/"
            return {"digest": {"dandi:sha2-256": DIGEST}, "contentUrl": [address]}
        return None


@contextlib.contextmanager
def serve_dandi(bytes_at: str) -> Iterator[http.server.ThreadingHTTPServer]:
    """Serve the API at `server.url`; the asset's bytes are at another address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.bytes_at = bytes_at
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
