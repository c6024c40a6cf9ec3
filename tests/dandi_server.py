"""A local stand-in for the API of the DANDI archive, with one dandiset, open or not, that has one asset."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator

_MOMENTS = {"created": "2024-01-01T00:00:00Z", "modified": "2024-01-01T00:00:00Z"}
DIGEST = "ab" * 32
ASSET = "0123abcd-0123-4567-89ab-0123456789ab"


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, format, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if self.server.key and self.path != "/api/info/" and not self.path.startswith("/server-info"):
            given = self.headers.get("Authorization", "")
            if given != f"token {self.server.key}":
                # a careless server says the key again
                self._say(401, {"detail": f"Invalid token: {given}"})
                return
        if self.path.endswith("/download/"):
            self.send_response(302)
            self.send_header("Location", f"{self.server.bytes_at}?sig={self.server.signature}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        answer = self._answer()
        self._say(200 if answer is not None else 404, answer)

    def _say(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
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
        if path == "/api/auth/token":
            return {"token": "valid"}
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
            found = not query or query == "path=sub-1%2Fa.nwb"
            results = [self._describe()] * found
            return {"count": int(found), "next": None, "previous": None, "results": results}
        if path.endswith(f"/assets/{ASSET}/info/"):
            return {**self._describe(), "metadata": self._metadata()}
        if path.endswith(f"/assets/{ASSET}/"):
            return self._metadata()
        return None

    def _describe(self):
        return {
            "asset_id": ASSET,
            "blob": "b",
            "zarr": None,
            "path": "sub-1/a.nwb",
            "size": 1,
            **_MOMENTS,
        }

    def _metadata(self):
        address = f"{self.server.url}/api/assets/{ASSET}/download/"
        return {"digest": {"dandi:sha2-256": DIGEST}, "contentUrl": [address]}


@contextlib.contextmanager
def serve_dandi(
    bytes_at: str, *, key: str = "", signature: str = "temporary"
) -> Iterator[http.server.ThreadingHTTPServer]:
    """Serve the API at `server.url`; the asset's bytes are at another address.

    With a key, the dandiset is under embargo: who has it gets an address with the signature.
    """
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.bytes_at, server.key, server.signature = bytes_at, key, signature
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        # looks that often whether it is to end: half a second, by default, for each test that asks it to
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
