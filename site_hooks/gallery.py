"""Pages of the gallery: scripts of examples/gallery, run as notebooks, with what they print and draw.

Running takes minutes, so it is asked for: `make docs` sets NWBSPIKEGEN_RUN_GALLERY=1. Without it pages have
the code alone, and say so. Each can be downloaded as a notebook. NWBSPIKEGEN_GALLERY names another
recording, a path or an address, instead of the one that lies beside the scripts.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from nbformat import NotebookNode

SCRIPTS = Path(__file__).resolve().parents[1] / "examples" / "gallery"
RECORDING = "culture.nwb"
# s: a cell that trains takes ten on a machine of its own, and one that hangs ends some time
_PATIENCE = 3600
_NOT_RUN = """!!! note "Not run in this build"
    Figures and numbers are here when the site is made by `make docs`.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page, a notebook and figures for each script, and the recording that they read."""
    import jupytext
    import nbformat

    for script in find_scripts():
        notebook = jupytext.read(script)
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        # figures that are what a cell returns are drawn; in pages the line is left out
        notebook.cells.insert(0, nbformat.v4.new_code_cell("%matplotlib inline"))
        _add(files, config, f"gallery/{script.stem}.ipynb", nbformat.writes(notebook))
        is_run = os.environ.get("NWBSPIKEGEN_RUN_GALLERY") == "1"
        if is_run:
            run_notebook(notebook)
        text, figures = write_markdown(notebook, script.stem)
        _add(files, config, f"gallery/{script.stem}.md", _head(text, script.stem, is_run))
        for name, content in figures.items():
            _add(files, config, f"gallery/{name}", content)
    _add(files, config, f"gallery/{RECORDING}", (SCRIPTS / RECORDING).read_bytes())
    return files


def find_scripts() -> list[Path]:
    """Return the scripts of the gallery: those that begin with a cell."""
    return sorted(path for path in SCRIPTS.glob("*.py") if path.read_text().startswith("# %% [markdown]"))


def run_notebook(notebook: NotebookNode) -> None:
    """Run all cells, in a folder of their own that has the recording."""
    import nbclient

    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(SCRIPTS / RECORDING, folder)
        nbclient.NotebookClient(
            notebook,
            timeout=_PATIENCE,
            resources={"metadata": {"path": folder}},
            # it warns that what goes over the loopback interface is not encrypted
            extra_arguments=["--log-level=ERROR"],
        ).execute()


def write_markdown(notebook: NotebookNode, name: str) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and the figures that it shows."""
    from nbconvert import MarkdownExporter

    del notebook.cells[0]
    for cell in (each for each in notebook.cells if each.cell_type == "code"):
        # logs, and warnings of libraries that look for a notebook's widgets
        cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    text, resources = MarkdownExporter().from_notebook_node(notebook, {"unique_key": name})
    return text, resources["outputs"]


def _head(text: str, name: str, is_run: bool) -> str:
    """Return a page with its downloads below the title."""
    links = f"[Notebook]({name}.ipynb){{ download }} · [its recording]({RECORDING}){{ download }}\n"
    title, _, rest = text.lstrip().partition("\n")
    # links of notebooks lead to notebooks, those of pages to pages
    rest = re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.md)", rest)
    return f"{title}\n\n{links}\n{'' if is_run else _NOT_RUN}\n{rest}"


def _add(files: Files, config: MkDocsConfig, place: str, content: str | bytes) -> None:
    files.append(File.generated(config, place, content=content))
