"""Pages of real recordings and results: how long they take, how large they are, and whether they open whole.

Every kind of thing that `nwbspikegen report` shows, made by the commands that make it. Each page is written
by a process of its own, then opened from `file://` in the system's Chromium: nothing may be said on its
console, nothing fetched, no panel may be empty, no figure missing on paper, nothing wider than a phone. It
prints Markdown:

    python benchmarks/report_pages.py --cache FOLDER > docs/benchmarks/report_pages.md

What is shown is made once and kept in the cache; pages are written anew. With `--pictures docs/figures` the
beginning of each page is kept as a picture.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from PIL import Image
from recordings import RECORDINGS, SHARED, require_shared

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from browsers import (
    find_empty_panels,
    find_fetched,
    find_missing_pictures,
    measure_width,
    open_report,
    start_browser,
)

from nwbspikegen.patchseq.simulation.files import simulate_patchseq

_SLICE = "slice_210511"
_PHONE = 400
# of the study: what two cores train and score in minutes; a page grows with recordings, not with their units
_STUDY_WINDOW = ("--take-units", "24", "--duration", "240")
_CELLS = 12
# of a picture: what a reader sees of a page in two screens, as wide as the documentation's text
_PICTURE_HEIGHT, _PICTURE_WIDTH, _PICTURE_COLOURS = 1500, 760, 256


def main() -> None:
    """Make what is missing, write and open every page, print a row for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--only", nargs="+", choices=list(_THINGS), default=list(_THINGS), metavar="NAME")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="where pictures of pages are kept")
    asked = parser.parse_args()
    require_shared()
    asked.cache.mkdir(parents=True, exist_ok=True)
    print("# Pages\n")
    print(
        f"`python benchmarks/report_pages.py`, {date.today()}, {os.cpu_count()} cores, {platform.machine()}."
    )
    print("Seconds: of the whole command, `nwbspikegen report`, on the clock and of the processor.\n")
    columns = ("page of", "seconds", "CPU (s)", "MB", "panels", "at fault in the browser")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    with start_browser() as browser:
        for name in asked.only:
            title, make = _THINGS[name]
            page = asked.cache / f"{name}.html"
            seconds, used = _time_page(make(asked.cache), page)
            picture = None if asked.pictures is None else asked.pictures / f"report_{name}.png"
            faults, panels = _look(browser, page, picture)
            megabytes = page.stat().st_size / 1e6
            told = "; ".join(faults) or "nothing"
            cells = (title, f"{seconds:.1f}", f"{used:.1f}", f"{megabytes:.1f}", panels, told)
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


def _time_page(thing: Path, page: Path) -> tuple[float, float]:
    """Write a page, and return how long that took on the clock and of the processor (s)."""
    began, before = time.perf_counter(), os.times()
    _run("report", thing, "--out", page, "--overwrite")
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - began, used


def _look(browser: Any, path: Path, picture: Path | None) -> tuple[list[str], int]:
    """Return what is at fault with a page in the browser and how many panels it has; keep a picture."""
    page = open_report(browser, path.resolve())
    if picture is not None:
        _take_picture(page, picture)
    panels = page.evaluate("window.nwbspikegen.page.panels.length")
    faults = [*page.said, *find_fetched(page)]
    faults += [f"{name} is empty" for name in find_empty_panels(page)]
    faults += [f"{name} is not on paper" for name in find_missing_pictures(page)]
    width = measure_width(page, _PHONE)
    if width > _PHONE:
        faults.append(f"{width} pixels wide in a window of {_PHONE}")
    page.close()
    return faults, panels


def _take_picture(page: Any, path: Path) -> None:
    width = page.viewport_size["width"]
    clip = {"x": 0, "y": 0, "width": width, "height": _PICTURE_HEIGHT}
    with Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip))) as whole:
        size = (_PICTURE_WIDTH, round(whole.height * _PICTURE_WIDTH / whole.width))
        whole.convert("RGB").resize(size, Image.Resampling.LANCZOS).quantize(_PICTURE_COLOURS).save(
            path, optimize=True
        )


def _run(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "nwbspikegen", *map(str, words)], check=True, stdout=sys.stderr)


def _kept(path: Path, *words: object) -> Path:
    """Return what a command writes, as it lies in the cache or made now."""
    if not path.exists():
        _run(*words, "--out", path)
    return path


def _convert_slice(cache: Path) -> Path:
    return RECORDINGS[_SLICE].to_nwb(cache)


def _predict_slice(cache: Path) -> Path:
    return _kept(cache / "predicted.nwb", "generate", "pretrained", _convert_slice(cache))


def _run_freely(cache: Path) -> Path:
    words = ("generate", "pretrained", _convert_slice(cache), "--free-run", 20)
    return _kept(cache / "run.nwb", *words)


def _explain_slice(cache: Path) -> Path:
    return _kept(cache / "explained.nwb", "explain", "pretrained", _convert_slice(cache))


def _study_five(cache: Path) -> Path:
    paths = [recording.to_nwb(cache) for recording in RECORDINGS.values()]
    words = ("transfer", *paths, *_STUDY_WINDOW, "--context", "0,10,warm", "--workers", 1)
    return _kept(cache / "study", *words)


def _sweep_slice(cache: Path) -> Path:
    words = ("sweep", _convert_slice(cache), "--vary", "depth=1,2", "--vary", "input_length=50,100")
    return _kept(cache / "sweep", *words, "--epochs", 1, "--duration", 60, "--take-units", 32, "--workers", 1)


def _learn_human(cache: Path) -> Path:
    return _kept(cache / "human", "patchseq", "train", SHARED / "patchseq_human")


def _simulate_cells(cache: Path) -> list[Path]:
    folder = cache / "cells"
    if not folder.is_dir():
        folder.mkdir()
        simulate_patchseq(folder, _CELLS, "Mus musculus", 0)
    return sorted(folder.rglob("*.nwb"))


def _measure_cells(cache: Path) -> Path:
    return _kept(cache / "features", "patchseq", "features", *_simulate_cells(cache))


def _patch_one(cache: Path) -> Path:
    return _simulate_cells(cache)[0]


_THINGS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "recording": ("the slice, 128 units, 400 s", _convert_slice),
    "prediction": ("its prediction by `pretrained`, 100 s of test", _predict_slice),
    "free_run": ("a free run of it, 20 s", _run_freely),
    "explanation": ("what `pretrained` looks at in it", _explain_slice),
    "study": (
        "the study of the five recordings, 24 units and 240 s of each, three lengths of context",
        _study_five,
    ),
    "sweep": ("a sweep of four trials, 32 units and 60 s of the slice", _sweep_slice),
    "human": ("a model of the human patch-seq table, 704 cells", _learn_human),
    "features": (f"features of {_CELLS} simulated cells", _measure_cells),
    "cell": ("one of these cells, all sweeps", _patch_one),
}


if __name__ == "__main__":
    main()
