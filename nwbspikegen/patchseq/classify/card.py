"""The card of a classifier of cells: what it learned from, what it is worth, how it is used."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from nwbspikegen.core.cards import describe_license, make_card, make_rows, to_plain

# `CellModelDescription` of any kind of classifier, which Python's generics cannot say of a pydantic model
_Described = Any
_READS = {"forest": "random forest", "vote": "vote of four classifiers", "bilstm": "BiLSTM with attention"}


def describe_cell_model(model: _Described, name: str) -> str:
    """Return the card of a classifier as Markdown.

    Parameters
    ----------
    model : CellModelDescription
        What `model.json` says.
    name : str
        Of its folder.
    """
    written = f" Written by nwbspikegen {model.package_version}." if model.package_version else ""
    read = f"{len(model.features)} scalars" if model.features else "families of features"
    introduction = (
        f"Predicts the class of a cell from its patch-clamp recording: a {_READS[model.kind]} that reads "
        f"{read}. Labels: {to_plain(model.label_version)}.{written}"
    )
    parts = [introduction, _describe_cells(model), _describe_cell_scores(model), _describe_use(name)]
    parts.append(describe_license(model.license))
    return make_card(f"{model.kind}: classes of cells", model.license, "patch-seq", parts)


def _describe_cells(model: _Described) -> str:
    training = model.training
    parts = [
        "## Trained on",
        f"Species, or what the table was called: {to_plain(training.get('species'))}. "
        f"Donors: {to_plain(training.get('num_donors'))}.",
    ]
    cells = training.get("cells")
    if isinstance(cells, Mapping):
        rows = [{"class": name, "cells": number} for name, number in cells.items()]
        parts.append(make_rows(["class", "cells"], rows))
    sources = training.get("sources")
    if isinstance(sources, list) and sources:
        files = [each["file"] for each in sources if isinstance(each, Mapping) and "file" in each]
        # a card is shared: it tells a source's name, not whose folder it lay in
        parts.append(make_rows(["source"], [{"source": PurePath(str(file)).name} for file in files]))
    if model.data_fingerprint:
        parts.append(f"Fingerprint of the data: `{model.data_fingerprint}`.")
    return "\n\n".join(parts)


def _describe_cell_scores(model: _Described) -> str:
    scores = model.training.get("scores")
    if not isinstance(scores, Mapping) or not scores:
        return "## Scores\n\nNot known when this was written."
    rows = []
    for key, value in scores.items():
        predictor, _, metric = key.partition("/")
        rows.append({"predictor": predictor, "metric": metric, "value": value})
    return (
        "## Scores\n\nCross-validated by donor, beside `majority`, which calls every cell by the most "
        f"frequent class. The model itself was then fitted on all cells.\n\n{make_rows(list(rows[0]), rows)}"
    )


def _describe_use(name: str) -> str:
    return f"""## Use

Where this folder is elsewhere, give its address instead of its name, such as `hf://ORG/NAME`.

```console
$ pip install 'nwbspikegen[train,patchseq]'
$ nwbspikegen patchseq predict {shlex.quote(name)} CELLS --out predictions
```

```python
from nwbspikegen.patchseq.classify.models_io import CellModel

model = CellModel.load({name!r})
```

`CELLS` are recordings in NWB, features that `nwbspikegen patchseq features` wrote, or a table of them."""
