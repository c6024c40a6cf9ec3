"""The headers of the pages of a Parquet file, which say how much each page unpacks to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# of Thrift's compact protocol: types of fields, and how integers are laid out (thrift-compact-protocol.md)
_TRUE, _FALSE, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, (9, 10), 12
# of a page's header: its unpacked and its packed size, and the headers of data (two versions) in it
_UNPACKED, _PACKED, _DATA, _DATA_2 = 2, 3, 5, 8
# of both: the encoding. 7: each text is told by how much of the one before it begins with
_ENCODING = {_DATA: 2, _DATA_2: 4}
_SHARED_BEGINNINGS = 7
# headers with statistics of two long texts; what is longer is none
_MOST_HEADER = 2**20
_DEEPEST = 8


def require_sound_pages(path: Path, about: Any) -> None:
    """Raise `ValueError` when pages unpack to more than their column says, or share their texts' beginnings.

    A reader makes room for what the header of a page says; of the columns the file itself says it again.

    Parameters
    ----------
    path : Path
        The file.
    about : pyarrow.parquet.FileMetaData
        What it says of its columns.
    """
    with path.open("rb") as stream:
        for group in range(about.num_row_groups):
            for at in range(about.num_columns):
                column = about.row_group(group).column(at)
                begin = column.data_page_offset
                if column.has_dictionary_page and column.dictionary_page_offset:
                    begin = min(begin, column.dictionary_page_offset)
                _require_sound_column(
                    stream, begin, begin + column.total_compressed_size, column.total_uncompressed_size
                )


def _require_sound_column(stream: Any, begin: int, end: int, expected: int) -> None:
    unpacked = 0
    while begin < end:
        stream.seek(begin)
        header, length = _Fields(stream.read(min(_MOST_HEADER, end - begin))).read()
        size, packed = header.get(_UNPACKED, -1), header.get(_PACKED, -1)
        if size < 0 or packed < 0:
            raise ValueError("a page without its sizes")
        unpacked += size
        # the column's number has the headers of its pages as well
        if unpacked > expected:
            raise ValueError("pages larger than their column")
        for kind, place in _ENCODING.items():
            if header.get(kind, {}).get(place) == _SHARED_BEGINNINGS:
                raise ValueError("texts that share their beginnings, which pandas does not write")
        begin += length + packed


class _Fields:
    """A structure in Thrift's compact protocol, as far as numbers in it and in structures in it."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def read(self) -> tuple[dict[int, Any], int]:
        """Return values by the numbers of their fields, and how many bytes they took."""
        try:
            return self._read_struct(0), self._at
        except IndexError:
            raise ValueError("a page with a damaged header") from None

    def _read_struct(self, depth: int) -> dict[int, Any]:
        if depth > _DEEPEST:
            raise ValueError("a page with a damaged header")
        found: dict[int, Any] = {}
        number = 0
        while head := self._read_byte():
            kind, step = head & 0x0F, head >> 4
            number = number + step if step else self._read_integer()
            found[number] = self._read_value(kind, depth)
        return found

    def _read_value(self, kind: int, depth: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in _INTEGERS:
            return self._read_integer()
        if kind == _STRUCT:
            return self._read_struct(depth + 1)
        if kind in _LISTS:
            raise ValueError("a page with lists in its header")
        if kind not in (_BYTE, _DOUBLE, _BINARY):
            raise ValueError("a page with a damaged header")
        length = self._read_unsigned() if kind == _BINARY else 8 if kind == _DOUBLE else 1
        self._at += length
        return None

    def _read_integer(self) -> int:
        number = self._read_unsigned()
        return (number >> 1) ^ -(number & 1)

    def _read_unsigned(self) -> int:
        number = shift = 0
        while True:
            byte = self._read_byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return number
            if shift > 63:
                raise ValueError("a page with a damaged header")

    def _read_byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]
