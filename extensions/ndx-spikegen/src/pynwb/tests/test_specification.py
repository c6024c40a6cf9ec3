"""The specification: what the script writes is what is there, and it is what the schema language allows."""

from __future__ import annotations

import runpy
from pathlib import Path

from hdmf.spec import NamespaceCatalog
from ndx_spikegen import LabeledMatrix
from pynwb import get_class, get_manager
from pynwb.spec import NWBDatasetSpec, NWBGroupSpec, NWBNamespace

_ROOT = Path(__file__).resolve().parents[3]
_FILES = ("ndx-spikegen.namespace.yaml", "ndx-spikegen.extensions.yaml")


def test_the_script_writes_what_is_kept(tmp_path: Path) -> None:
    script = runpy.run_path(str(_ROOT / "src" / "spec" / "create_extension_spec.py"))
    script["main"](tmp_path)
    for name in _FILES:
        assert (tmp_path / name).read_text() == (_ROOT / "spec" / name).read_text(), name


def test_the_schema_language_takes_it() -> None:
    """Loading into a fresh catalogue builds every specification object, which checks keys and types."""
    catalog = NamespaceCatalog(NWBGroupSpec, NWBDatasetSpec, NWBNamespace)
    core = get_manager().namespace_catalog
    for name in ("hdmf-common", "core"):
        catalog.add_namespace(name, core.get_namespace(name))
    loaded = catalog.load_namespaces(str(_ROOT / "spec" / _FILES[0]))
    assert set(loaded) == {"ndx-spikegen"}
    spec = catalog.get_spec("ndx-spikegen", "LabeledMatrix")
    assert spec.get_dataset("values").dims == [
        ["row", "column"],
        ["page", "row", "column"],
        ["book", "page", "row", "column"],
    ]
    assert all(dataset.doc and not dataset.required for dataset in spec.datasets if dataset.name != "values")


def test_the_class_is_the_registered_one() -> None:
    assert get_class("LabeledMatrix", "ndx-spikegen") is LabeledMatrix
