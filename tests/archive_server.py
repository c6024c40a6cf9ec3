"""A local archive that speaks the routes by which dandi's client uploads, lists and fetches."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import threading
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dandischema.consts import DANDI_SCHEMA_VERSION
from dandischema.digests.dandietag import PartGenerator

_MOMENTS = {"created": "2024-01-01T00:00:00Z", "modified": "2024-01-01T00:00:00Z"}
KEY = "a-secret-key-of-a-test"
DANDISET = "000123"


class Archive(http.server.ThreadingHTTPServer):
    """What is stored, what was asked, and which faults come next.

    `drops` uploads of a part end in the middle; `refusal` is said of every new asset while it is set.
    `schema` is the version of dandi's schema, `owners` are who may write (the key is me's), and
    `embargoed` hides all from strangers. `hashing` is whether a sha256 is there as soon as an asset is.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.assets: dict[str, dict[str, Any]] = {}
        self.blobs: dict[str, tuple[str, bytes]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.drops = 0
        self.refusal = ""
        self.schema = DANDI_SCHEMA_VERSION
        self.owners = ["me", "another"]
        self.embargoed = False
        self.hashing = True

    @property
    def key_variable(self) -> str:
        """The environment variable in which dandi's client looks for the key of this instance."""
        return f"127.0.0.1:{self.server_address[1]}_API_KEY"

    def count(self, method: str, part: str) -> int:
        """Return how often a route was asked."""
        return sum(asked == method and part in path for asked, path in self.asked)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Archive

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _route(self) -> None:
        self.server.asked.append((self.command, self.path))
        path = urlsplit(self.path).path
        if path.startswith("/store/"):
            self._store(path)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = path.removeprefix("/api").strip("/").split("/")
        given = json.loads(body) if body else {}
        answer = getattr(self, f"_{name[0].replace('-', '_')}", self._unknown)(name[1:], given)
        if answer is not None:
            self._say(*answer)

    do_GET = do_POST = do_PUT = do_DELETE = _route

    def _say(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _unknown(self, name: list[str], given: Any) -> tuple[Any, ...]:
        return 404, {"detail": "Not found."}

    def _refuse_stranger(self) -> tuple[Any, ...] | None:
        given = self.headers.get("Authorization", "")
        # a careless server says the key again: it must not come out on the other side
        return None if given == f"token {KEY}" else (401, {"detail": f"Invalid token: {given}"})

    def _info(self, name: list[str], given: Any) -> tuple[Any, ...]:
        services = {"api": {"url": f"{self.server.url}/api"}, "webui": {"url": self.server.url}}
        return 200, {
            "schema_version": self.server.schema,
            "version": "1",
            "services": services,
            "cli-minimal-version": "0.1.0",
            "cli-bad-versions": [],
        }

    def _auth(self, name: list[str], given: Any) -> tuple[Any, ...]:
        return self._refuse_stranger() or (200, {"token": "valid"})

    def _users(self, name: list[str], given: Any) -> tuple[Any, ...]:
        return self._refuse_stranger() or (200, {"username": "me", "name": "Me", "admin": False})

    def _refuse_hidden(self) -> tuple[Any, ...] | None:
        return self._refuse_stranger() if self.server.embargoed else None

    def _dandisets(self, name: list[str], given: Any) -> tuple[Any, ...]:
        if name[0] != DANDISET:
            return self._unknown(name, given)
        hidden = self._refuse_hidden()
        if hidden:
            return hidden
        if name[1:] == ["users"]:
            return 200, [{"username": owner, "name": owner} for owner in self.server.owners]
        if name[1:] == ["uploads"]:
            return self._refuse_stranger() or (200, self._list_open())
        if len(name) == 1:
            draft = {
                "version": "draft",
                "name": "a test",
                "asset_count": len(self.server.assets),
                "size": 1,
                "status": "Valid",
                **_MOMENTS,
            }
            return 200, {
                "identifier": DANDISET,
                "contact_person": "",
                "embargo_status": "EMBARGOED" if self.server.embargoed else "OPEN",
                "draft_version": draft,
                "most_recent_published_version": None,
                **_MOMENTS,
            }
        if name[1:4] != ["versions", "draft", "assets"]:
            return 200, {"id": f"DANDI:{DANDISET}/draft", "identifier": f"DANDI:{DANDISET}", "name": "a test"}
        return self._assets_of_draft(name[4:], given)

    def _assets_of_draft(self, name: list[str], given: Any) -> tuple[Any, ...]:
        assets = self.server.assets
        if self.command == "GET" and not name:
            query = parse_qs(urlsplit(self.path).query)
            found = [
                _shown(asset, metadata="metadata" in query)
                for asset in assets.values()
                if asset["path"].startswith(query.get("path", [""])[0])
            ]
            return 200, {"count": len(found), "next": None, "previous": None, "results": found}
        if self.command == "GET":
            asset = assets.get(name[0])
            if asset is None:
                return self._unknown(name, given)
            return 200, _shown(asset, metadata=True) if name[1:] == ["info"] else asset["metadata"]
        stranger = self._refuse_stranger()
        if "me" not in self.server.owners:
            return 403, {"detail": "You do not have permission to perform this action."}
        if stranger or self.server.refusal:
            return stranger or (400, {"detail": self.server.refusal})
        if self.command == "DELETE":
            del assets[name[0]]
            return 204, b""
        path = given["metadata"]["path"]
        taken = [key for key, asset in assets.items() if asset["path"] == path and key not in name]
        if taken:
            return 409, {"detail": "An asset with that path already exists"}
        if name:
            del assets[name[0]]
        return 200, _shown(self._make_asset(given))

    def _make_asset(self, given: Any) -> dict[str, Any]:
        identifier, (etag, content) = str(uuid.uuid4()), self.server.blobs[given["blob_id"]]
        metadata = {
            **given["metadata"],
            "identifier": identifier,
            "contentSize": len(content),
            "contentUrl": [f"{self.server.url}/api/assets/{identifier}/download/"],
            "digest": {"dandi:dandi-etag": etag},
        }
        # the archive computes it in the minutes after
        if self.server.hashing:
            metadata["digest"]["dandi:sha2-256"] = hashlib.sha256(content).hexdigest()
        asset = {
            "asset_id": identifier,
            "blob": given["blob_id"],
            "zarr": None,
            "path": metadata["path"],
            "size": len(content),
            "metadata": metadata,
            **_MOMENTS,
        }
        self.server.assets[identifier] = asset
        return asset

    def _assets(self, name: list[str], given: Any) -> tuple[Any, ...]:
        asset = self.server.assets.get(name[0])
        if asset is None:
            return self._unknown(name, given)
        if name[1:] == ["download"]:
            return 200, self.server.blobs[asset["blob"]][1]
        return 200, asset["metadata"]

    def _list_open(self) -> dict[str, Any]:
        found = [
            {"upload_id": key, "etag": upload["etag"], "created": _MOMENTS["created"], "blob": key}
            for key, upload in self.server.uploads.items()
            if not self._find_blob(upload["etag"])
        ]
        return {"count": len(found), "next": None, "previous": None, "results": found}

    def _blobs(self, name: list[str], given: Any) -> tuple[Any, ...]:
        found = self._find_blob(given["value"])
        return (200, {"blob_id": found}) if found else self._unknown(name, given)

    def _find_blob(self, etag: str) -> str:
        return next((key for key, (stored, _) in self.server.blobs.items() if stored == etag), "")

    def _uploads(self, name: list[str], given: Any) -> tuple[Any, ...]:
        stranger = self._refuse_stranger()
        if stranger:
            return stranger
        if name == ["initialize"]:
            return self._initialize(given)
        upload = self.server.uploads[name[0]]
        if name[1] == "complete":
            order = [part["part_number"] for part in given["parts"]]
            upload["content"] = b"".join(upload["parts"][number] for number in sorted(order))
            return 200, {"complete_url": f"{self.server.url}/store/{name[0]}/complete", "body": "<Complete/>"}
        blob = str(uuid.uuid4())
        self.server.blobs[blob] = upload["etag"], upload["content"]
        return 200, {"blob_id": blob, "etag": upload["etag"], "size": len(upload["content"])}

    def _initialize(self, given: Any) -> tuple[Any, ...]:
        etag, size = given["digest"]["value"], given["contentSize"]
        blob = self._find_blob(etag)
        if blob:
            return 409, "Blob already exists.", {"Location": blob}
        identifier = str(uuid.uuid4())
        self.server.uploads[identifier] = {"etag": etag, "parts": {}}
        parts = [
            {
                "part_number": part.number,
                "size": part.size,
                "upload_url": f"{self.server.url}/store/{identifier}/{part.number}",
            }
            for part in PartGenerator.for_file_size(size)
        ]
        return 200, {"upload_id": identifier, "parts": parts}

    def _store(self, path: str) -> None:
        """Play the storage behind the archive: signed addresses, which need no key."""
        _, _, identifier, last = path.split("/")
        upload = self.server.uploads[identifier]
        size = int(self.headers["Content-Length"])
        if last == "complete":
            self.rfile.read(size)
            md5s = b"".join(hashlib.md5(upload["parts"][n]).digest() for n in sorted(upload["parts"]))
            etag = f"{hashlib.md5(md5s).hexdigest()}-{len(upload['parts'])}"
            self._say(200, f'<Result><ETag>"{etag}"</ETag></Result>'.encode())
            return
        if self.server.drops:
            self.server.drops -= 1
            self.rfile.read(size // 2)
            self.close_connection = True
            return
        content = upload["parts"][int(last)] = self.rfile.read(size)
        self._say(200, b"", {"ETag": f'"{hashlib.md5(content).hexdigest()}"'})


def _shown(asset: dict[str, Any], *, metadata: bool = False) -> dict[str, Any]:
    return {key: value for key, value in asset.items() if metadata or key != "metadata"}


@contextlib.contextmanager
def serve_archive() -> Iterator[Archive]:
    """Serve an archive with one empty dandiset at `archive.url`."""
    with Archive() as archive:
        # looks that often whether it is to end: half a second, by default, for each test that asks it to
        threading.Thread(target=archive.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield archive
        finally:
            archive.shutdown()
