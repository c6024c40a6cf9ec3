"""Records: what is written is read back, and what is no record is one line that names the field."""

from __future__ import annotations

import math

import pytest
from pydantic import Field, JsonValue, ValidationError

from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.core.records import Record, read_record, write_record


class Part(Record):
    name: str
    rate_hz: float = 1.0


class Study(Record):
    parts: tuple[Part, ...]
    seed: int
    notes: dict[str, JsonValue] = Field(default_factory=dict)


STUDY = Study(
    parts=(Part(name="a", rate_hz=math.nan), Part(name="Ä")), seed=3, notes={"x": [1, 2.5, None, True, "t"]}
)


def refuse(path, text: str | bytes) -> str:
    """Return the error of a file with this text."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_record(path, Study, "a study", "restore it")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("; expected a study; restore it")
    return str(caught.value)


def test_what_is_written_is_read_back(tmp_path):
    write_record(tmp_path / "a.json", STUDY)
    again = read_record(tmp_path / "a.json", Study, "a study", "restore it")
    assert math.isnan(again.parts[0].rate_hz)
    assert again.parts[1] == STUDY.parts[1]
    assert (again.seed, again.notes) == (3, STUDY.notes)
    # infinity in free entries as well
    write_record(tmp_path / "b.json", Study(parts=(), seed=0, notes={"x": [math.inf]}))
    assert read_record(tmp_path / "b.json", Study, "", "").notes == {"x": [math.inf]}


def test_a_field_with_a_default_may_be_absent(tmp_path):
    (tmp_path / "a.json").write_text('{"parts": [{"name": "a"}], "seed": 1}')
    assert read_record(tmp_path / "a.json", Study, "", "") == Study(parts=(Part(name="a"),), seed=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"parts": [{"name": "a"}, {"name": 2}], "seed": 1}', "parts.1.name is wrong"),
        ('{"parts": [], "seed": "1"}', "seed is wrong"),
        ('{"parts": [], "seed": true}', "seed is wrong"),
        ('{"parts": [], "seed": 1.5}', "seed is wrong"),
        ('{"parts": []}', "seed is wrong (field required)"),
        ('{"parts": [], "seed": 1, "sead": 1}', "sead is wrong"),
        ('{"parts": [], "seed": 1, "a\\nb": 1}', r"'a\nb' is wrong"),
        ("[1]", "is no such record"),
        ('{"parts": [', "which is not JSON"),
        ("", "which is not JSON"),
        (b'{"parts": [], "seed": 1, "notes": {"a": "\xff"}}', "which is not JSON"),
        ("[" * 100_000, "which is not JSON"),
    ],
)
def test_damage_is_one_line_that_names_the_field(tmp_path, text, said):
    assert said in refuse(tmp_path / "a.json", text)


def test_long_names_in_a_damaged_file_do_not_fill_the_line(tmp_path):
    assert len(refuse(tmp_path / "a.json", '{"parts": [], "seed": 1, "' + 9999 * "x" + '": 1}')) < 500


def test_nothing_there_is_an_error_and_nothing_is_replaced_unasked(tmp_path):
    with pytest.raises(InputError, match="nothing at"):
        read_record(tmp_path / "a.json", Study, "a study", "restore it")
    write_record(tmp_path / "a.json", STUDY)
    before = (tmp_path / "a.json").read_bytes()
    with pytest.raises(OutputError):
        write_record(tmp_path / "a.json", Study(parts=(), seed=0))
    assert (tmp_path / "a.json").read_bytes() == before
    write_record(tmp_path / "a.json", Study(parts=(), seed=0), overwrite=True)
    assert read_record(tmp_path / "a.json", Study, "", "").seed == 0


def test_a_record_cannot_change():
    with pytest.raises(ValidationError):
        STUDY.seed = 4  # type: ignore[misc]
