"""Numbers and texts as they lie inside of a page: compressed, and nothing that a browser would read as "
"HTML."""

from __future__ import annotations

import base64
import gzip
import html
import json
import math
from typing import Any

import numpy as np

_KEPT = {"float32", "float64", "uint8", "uint16", "uint32", "int32"}
# bytes of the widest type: the page's script lays views onto the bytes, which must begin at a multiple
_ALIGNMENT = 8
_MARK = "array at"


def pack_values(value: Any) -> dict[str, str]:
    """Return a value of dicts, lists, texts, numbers and arrays as two texts, `index` and `arrays`.

    The index is JSON in which an array is its place in the others' bytes; both are compressed. Numbers
    that are not finite are null in the index, and stay NaN in arrays.

    Examples
    --------
    >>> packed = pack_values({"a": np.array([[1.5, np.nan]]), "b": ["</script>"]})
    >>> unpack_values(packed)["a"]
    array([[1.5, nan]])
    >>> "<" in packed["index"]
    False
    """
    arrays = bytearray()
    index = _plain(value, arrays)
    text = json.dumps(index, separators=(",", ":"), allow_nan=False)
    return {"index": pack_bytes(text.encode()), "arrays": pack_bytes(bytes(arrays))}


def unpack_values(packed: dict[str, str]) -> Any:
    """Return what `pack_values` was given."""
    arrays = gzip.decompress(base64.b64decode(packed["arrays"]))
    return json.loads(
        gzip.decompress(base64.b64decode(packed["index"])), object_hook=lambda each: _revive(each, arrays)
    )


def pack_bytes(content: bytes) -> str:
    """Return bytes compressed, in base64; the same bytes give the same letters."""
    # 6: a map of 128 units takes three times as long at 9, and no less room
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def escape(text: object) -> str:
    """Return a text of a file so that Plotly, which reads some HTML, shows it and does nothing else.

    Examples
    --------
    >>> escape("<b>CA1</b>")
    '&lt;b&gt;CA1&lt;/b&gt;'
    """
    return html.escape(str(text), quote=False)


def _plain(value: Any, arrays: bytearray) -> Any:
    """Return a value as JSON holds it, its arrays appended to `arrays`."""
    if isinstance(value, dict):
        return {str(key): _plain(each, arrays) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, arrays) for each in value]
    if isinstance(value, np.ndarray):
        return _append(value, arrays)
    if isinstance(value, np.generic):
        return _plain(value.item(), arrays)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _append(array: np.ndarray, arrays: bytearray) -> Any:
    if array.dtype.kind not in "fiub":
        return [str(each) for each in array.ravel().tolist()]
    if array.dtype.name not in _KEPT:
        array = array.astype(np.float64)
    arrays.extend(bytes(-len(arrays) % _ALIGNMENT))
    place = {_MARK: len(arrays), "type": array.dtype.name, "shape": list(array.shape)}
    arrays.extend(np.ascontiguousarray(array).tobytes())
    return place


def _revive(value: dict[str, Any], arrays: bytes) -> Any:
    if _MARK not in value:
        return value
    count = math.prod(value["shape"])
    return np.frombuffer(arrays, value["type"], count, value[_MARK]).reshape(value["shape"])
