"""What a model shows of itself in a notebook."""

from __future__ import annotations

from nwbspikegen.models import FittedModel, build_model


def make_model(**training: object) -> FittedModel:
    module = build_model("in_context", num_units=4)
    return FittedModel(module, loss="bernoulli", bin_size=0.001, training=training)


def test_the_line_is_short_and_tells_models_apart():
    model = make_model(sources=[{"file_name": f"sub-{each}_ecephys.nwb"} for each in range(40)])
    assert len(repr(model)) < 200
    assert repr(model).startswith(
        "FittedModel(model: in_context, units: 4, bins: 0.001 s, trained on: sub-0_"
    )
    assert "and 37 more" in repr(model)
    assert model.sha256[:12] in repr(model)


def test_a_model_without_a_record_has_a_line():
    assert repr(make_model()).startswith("FittedModel(model: in_context, units: 4, bins: 0.001 s, sha256")


def test_names_of_files_cannot_be_markup():
    shown = make_model(sources=[{"file_name": "<img src=x>.nwb"}], split={"train": [0.0, 10.0]})._repr_html_()
    assert "<img" not in shown
    assert "&lt;img src=x&gt;.nwb" in shown
    assert "0 to 10" in shown
