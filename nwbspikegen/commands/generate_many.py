"""Many recordings, one model: a file each, and `study.csv`, which says how far each has come."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbspikegen.commands.generate import GenerationReport, generate_and_score, require_generation
from nwbspikegen.core.addresses import has_scheme, is_remote, name_of
from nwbspikegen.core.clusters import Certificates
from nwbspikegen.core.errors import InputError, NWBSpikeGenError
from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.core.owners import hold_alone
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.core.progress import show_progress
from nwbspikegen.core.table_files import read_table
from nwbspikegen.core.tasks import Outcome, Task, open_client, require_shared, run_tasks
from nwbspikegen.models import load_model
from nwbspikegen.nwb.recordings import Place
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, ROC_AUC_PER_UNIT
from nwbspikegen.views import WindowOptions

if TYPE_CHECKING:
    import pandas as pd

_LOG = logging.getLogger("nwbspikegen")
MANIFEST = "study.csv"
COLUMNS = (
    *("recording", "status", "path", "num_units", "num_spikes", "duration"),
    *(BITS_PER_SPIKE.name, "ci_low", "ci_high", ROC_AUC_PER_UNIT.name, "failed_audits", "error"),
    "parameters_sha256",
)
DONE, FAILED, WAITING = "done", "failed", "waiting"
_NULL = "mean_rate"


@dataclasses.dataclass(frozen=True)
class ManyGenerated:
    """What `generate_many` made.

    Attributes
    ----------
    folder : Path
        Where the files and the manifest are.
    table : DataFrame
        The manifest, a row for each recording.
    """

    folder: Path
    table: pd.DataFrame

    @property
    def failed(self) -> pd.DataFrame:
        """Rows of the recordings that could not be predicted."""
        return self.table[self.table.status != DONE]


def generate_many(
    model: Place,
    recordings: Sequence[Place],
    out: str | os.PathLike[str],
    *,
    options: WindowOptions,
    segment: str = "test",
    context: str = "warm",
    baselines: Sequence[str] | None = None,
    seed: int = 0,
    metadata: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    certificates: Certificates | None = None,
    overwrite: bool = False,
) -> ManyGenerated:
    """Do what `generate_and_score` does with each of many recordings; one that fails stops no other.

    The manifest ``study.csv`` in `out` is written after each. The same call again goes on: it leaves what
    is done, and tries what failed once more.

    Parameters
    ----------
    model : path or address
        Of a model, or ``pretrained``.
    recordings : sequence of path or address
        NWB files.
    out : path
        Folder for the files and the manifest, made when it is not there.
    options : WindowOptions
        The window, of every recording that the model was not trained on.
    segment, context, baselines, seed, metadata
        As for `generate_and_score`, of all recordings alike.
    scheduler, workers, certificates
        As for `nwbspikegen.core.tasks.open_client`.
    overwrite : bool
        Make every file again, and replace those that are there.

    Raises
    ------
    InputError, OutputError
        What holds for all: the model, the options, the folder, a file that is in the way.
    """
    out = Path(out)
    if out.suffix == ".nwb" or out.is_file():
        raise InputError(f"--out {out} for several recordings", "a folder", "give the name of a folder")
    require_generation(segment, context, seed, baselines)
    how: dict[str, Any] = {"options": options.as_dict(), "segment": segment, "context": context}
    how |= {"baselines": None if baselines is None else [*baselines], "seed": seed}
    # told before the first recording is read
    parameters = _hash_parameters({"model": load_model(model).sha256, **how})
    out.mkdir(parents=True, exist_ok=True)
    with hold_alone(out / MANIFEST):
        table = _begin_table(out, [_absolute(each) for each in recordings], parameters, overwrite=overwrite)
        waiting = table.index[table.status != DONE]
        for row in waiting:
            require_absent(table.path[row], overwrite=overwrite, sources=[table.recording[row]])
        how |= {"metadata": metadata, "overwrite": overwrite}
        tasks = [
            Task(
                str(row),
                generate_row,
                (_absolute(model), table.recording[row], table.path[row], how),
                cost=_weigh(table.recording[row]),
            )
            for row in waiting
        ]
        _write_table(table, out)
        if tasks:
            with open_client(scheduler, workers, certificates=certificates) as client:
                require_shared(client, out / MANIFEST)
                _run_all(tasks, client, table, out)
    return ManyGenerated(out, table)


def generate_row(model: str, recording: str, out: str, how: Mapping[str, Any]) -> dict[str, Any]:
    """Predict one of many recordings; return its row of the manifest. What workers are sent."""
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    told = {**how, "options": WindowOptions.from_dict(how["options"])}
    return _tell_report(generate_and_score(load_model(model), recording, out, **told))


def _tell_report(report: GenerationReport) -> dict[str, Any]:
    predicted = report.spike_probability
    row: dict[str, Any] = {
        "status": DONE,
        "num_units": predicted.sizes["unit"],
        "duration": predicted.sizes["time"] * float(predicted.attrs["bin_size"]),
        "failed_audits": ", ".join(report.audits.audit[~report.audits.passed.astype(bool)]),
        "error": "",
    }
    if report.scores is None:
        return row
    own = report.scores[report.scores.predictor == predicted.attrs["model"]]
    for metric, null in ((BITS_PER_SPIKE.name, _NULL), (ROC_AUC_PER_UNIT.name, "")):
        found = own[(own.metric == metric) & (own["null"] == null)]
        if len(found):
            row[metric] = float(found.value.iloc[0])
            row["num_spikes"] = int(found.num_spikes.iloc[0])
        if len(found) and null:
            row |= {"ci_low": float(found.ci_low.iloc[0]), "ci_high": float(found.ci_high.iloc[0])}
    return row


def _run_all(tasks: Sequence[Task], client: Any, table: pd.DataFrame, out: Path) -> None:
    """Run tasks, and write the manifest after each."""
    with show_progress("recordings", len(tasks), at_once=True) as work:
        for outcome in run_tasks(tasks, client):
            row = int(outcome.task.key)
            told = outcome.result if outcome.error is None else _tell_error(outcome)
            for name, value in told.items():
                table.loc[row, name] = value
            _write_table(table, out)
            work.advance()
            _LOG.info(
                "%d of %d recordings: %s %s", work.done, len(tasks), table.recording[row], told["status"]
            )


def _tell_error(outcome: Outcome) -> dict[str, Any]:
    error = outcome.error
    text = str(error) if isinstance(error, NWBSpikeGenError) else f"{type(error).__name__}: {error}"
    _LOG.warning("%s failed: %s", outcome.task.arguments[1], text)
    return {"status": FAILED, "error": " ".join(text.split())}


def _begin_table(out: Path, recordings: Sequence[str], parameters: str, *, overwrite: bool) -> pd.DataFrame:
    """Return the manifest: of the one that is there, what is done of the same parameters."""
    import pandas as pd

    kept: dict[str, dict[str, Any]] = {}
    if (out / MANIFEST).is_file() and not overwrite:
        before = read_table(out / MANIFEST, "convert")
        if not {"recording", "status", "path", "parameters_sha256"} <= set(before.columns):
            raise InputError(f"{out / MANIFEST}, another table", "one of generate", "choose another --out")
        for row in before.to_dict("records"):
            is_same = row["status"] == DONE and row["parameters_sha256"] == parameters
            if is_same and (out / row["path"]).is_file():
                kept[row["recording"]] = {str(name): value for name, value in row.items()}
    names = name_outputs(recordings, {name: row["path"] for name, row in kept.items()})
    rows = [
        kept.get(recording)
        or {
            "recording": recording,
            "status": WAITING,
            "path": name,
            "parameters_sha256": parameters,
        }
        for recording, name in zip(recordings, names, strict=True)
    ]
    if kept:
        _LOG.info("%d of %d recordings are done already", len(kept), len(recordings))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    # texts beside numbers that are not there yet
    for name in ("failed_audits", "error"):
        table[name] = table[name].astype(object).where(table[name].notna(), "")
    for name in ("num_units", "num_spikes"):
        table[name] = table[name].astype("Int64")
    table["path"] = [str(out / name) for name in table.path]
    return table


def _write_table(table: pd.DataFrame, out: Path) -> None:
    """Write the manifest; files are named from its own folder, so that the whole may be moved."""
    stored = table.assign(path=[Path(os.path.relpath(path, out)).as_posix() for path in table.path])
    with write_whole(out / MANIFEST, overwrite=True) as temporary:
        guard_formulas(stored).to_csv(temporary, index=False)


def name_outputs(recordings: Sequence[str], taken: Mapping[str, str] | None = None) -> list[str]:
    """Return a name for what is made of each recording, within a folder; those that are taken stay.

    Examples
    --------
    >>> name_outputs(["/a/sub-1/sub-1_ecephys.nwb", "/a/p1/well000.nwb", "/a/p2/well000.nwb"])
    ['sub-1/sub-1_desc-spikegen_ecephys.nwb', 'well000_desc-spikegen.nwb', 'p2-well000_desc-spikegen.nwb']
    """
    found: dict[str, str] = dict(taken or {})
    used = set(found.values())
    for recording in recordings:
        if recording in found:
            continue
        parent = Path(recording).parent.name
        stem = re.sub(r"(\.nwb)?(\.zarr)?$", "", name_of(recording))
        # as archives lay files out: a folder for each subject
        folder = f"{parent}/" if parent.startswith("sub-") else ""
        stems = [stem, f"{parent}-{stem}", *(f"{stem}-{number}" for number in range(2, len(recordings) + 2))]
        named = [folder + _describe(each) for each in stems]
        found[recording] = next(name for name in named if name not in used)
        used.add(found[recording])
    return [found[recording] for recording in recordings]


def _describe(stem: str) -> str:
    # DANDI's names have the kind of data last, and what was made of it before
    stem, kind = (stem.removesuffix("_ecephys"), "_ecephys") if stem.endswith("_ecephys") else (stem, "")
    return f"{stem}_desc-spikegen{kind}.nwb"


def _hash_parameters(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _absolute(place: Place) -> str:
    """Return a place that means the same in a worker, which may have another working folder."""
    from nwbspikegen.core.model_places import PRETRAINED

    is_name = place == PRETRAINED or is_remote(place) or has_scheme(place)
    return os.fspath(place) if is_name else os.path.abspath(place)


def _weigh(recording: str) -> float:
    """Return how long a recording may take: its bytes, where they can be counted; long ones start first."""
    return float(os.path.getsize(recording)) if os.path.isfile(recording) else 0.0
