"""A planted token is in nothing that commands write or print."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner
from range_server import serve

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.addresses import list_access
from nwbspikegen.simulation import metadata_of

_TOKEN, _WORD = "planted-token-0123", "planted-word-4567"
_WINDOW = ["--skip-units", "0", "--duration", "8"]


def _search(folder: Path) -> list[str]:
    """Return the files below a folder that hold a secret, in their name or their bytes."""
    secrets = [_TOKEN.encode(), _WORD.encode()]
    return [
        str(path)
        for path in folder.rglob("*")
        if any(secret in (path.read_bytes() if path.is_file() else b"") for secret in secrets)
        or any(secret.decode() in str(path.relative_to(folder)) for secret in secrets)
    ]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_planted_token_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    web, out = tmp_path / "web", tmp_path / "out"
    web.mkdir()
    out.mkdir()
    monkeypatch.chdir(out)
    for number, name in enumerate(("a", "b")):
        made = nsg.simulate("in_vivo", num_units=3, duration=8, seed=number)
        nsg.convert_sorting(made.sorting, web / f"{name}.nwb", metadata=metadata_of(made))
    said = []

    def run(*arguments: object, fails: bool = False) -> None:
        given = [*map(str, arguments), "--log-file", str(out / "log.txt")]
        result = CliRunner().invoke(cli, given)
        assert result.exit_code == (2 if fails else 0), result.output
        said.append(result.output + result.stderr)

    with serve(web, token=_TOKEN) as server:
        start = server.url.replace("http://", f"http://me:{_WORD}@")
        a, b = (f"{start}/{name}.nwb?sig={_TOKEN}#{_WORD}" for name in ("a", "b"))
        run("train", a, "--out", "model", "--epochs", 1, *_WINDOW)
        run("generate", "model", a, "--out", "sub-a_desc-spikegen_ecephys.nwb", "--json")
        run("transfer", a, b, "--out", "study", "--epochs", 1, "--workers", 1, "--nwb", "nwb", *_WINDOW)
        run("validate", "sub-a_desc-spikegen_ecephys.nwb")
        run("share", "sub-a_desc-spikegen_ecephys.nwb", "--dandiset", "000123", "--dry-run")
        # and in what fails: no such file, a server that refuses, an option that takes no address
        run("info", a.replace("a.nwb", "nothing.nwb"), fails=True)
        run("info", f"{start}/a.nwb?sig={_WORD}", fails=True)
        run("train", a, "--out", f"{start}/{_WORD}?sig={_TOKEN}", fails=True)
        run("validate", a, fails=True)
        run("train", a, "--out", "m", "--epochs", b, fails=True)
    assert (out / "study" / "study.json").is_file()
    assert list((out / "nwb").glob("*.nwb"))
    assert _search(out) == []
    assert not any(secret in text for text in [*said, caplog.text] for secret in (_TOKEN, _WORD))
    # they were used: without them the server gives nothing
    assert any(_TOKEN in address for address in list_access().values())
