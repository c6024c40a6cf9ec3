"""Lightning as it is: its options, several processes, other precisions, and a user's own trainer."""

from __future__ import annotations

import lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from populations import small_population, small_split

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import build_model
from nwbspikegen.training import SpikeData, TrainingModule
from nwbspikegen.training.devices import find_device
from nwbspikegen.training.module import EpochLoader

_TINY = {"model": "shimono2026", "num_heads": 2, "feedforward": 8, "num_bins": 200, "loss": "bernoulli"}


class _Numbered:
    """Examples whose batches are numbers, in an order that the generator gives."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def epoch(self, rng):
        yield from range(self.length) if rng is None else rng.permutation(self.length).tolist()


@pytest.mark.parametrize(("length", "num_ranks"), [(12, 3), (13, 3), (7, 2), (5, 5)])
def test_processes_share_an_epoch_without_overlap(length, num_ranks):
    shares = []
    for rank in range(num_ranks):
        loader = EpochLoader(_Numbered(length), seed=4)
        loader.share(rank, num_ranks)
        loader.epoch = 2
        shares.append(list(loader))
        assert len(loader) == len(shares[-1]) == length // num_ranks
    whole = EpochLoader(_Numbered(length), seed=4)
    whole.epoch = 2
    order = list(whole)
    # step by step, what one process would have read in a row
    together = [number for step in zip(*shares, strict=True) for number in step]
    assert together == order[: length // num_ranks * num_ranks]
    with pytest.raises(InputError, match=f"{length} batches for {length + 1} devices"):
        whole.share(0, length + 1)


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning", "ignore:.*does not have many workers")
def test_two_processes_train_one_model_and_score_it_on_everything():
    parts = small_split()
    model = nsg.train(
        parts.train,
        parts.validation,
        model="shimono2026",
        loss="bernoulli",
        num_heads=2,
        feedforward=8,
        num_bins=200,
        epochs=2,
        device="cpu",
        progress=False,
        trainer={"devices": 2},
    )
    assert model.training["trainer"] == {"devices": 2}
    assert [point["epoch"] for point in model.curves] == [1, 2]
    best = max(model.curves, key=lambda point: point["bits_per_spike"])
    found = _validate(TrainingModule(model.module, "bernoulli"), SpikeData(parts.train, parts.validation))
    for name in ("validation_loss", "bits_per_spike", "pr_auc", "accuracy_on_silence"):
        # in single precision: a score near 0 is the difference of two sums
        assert found[name] == pytest.approx(best[name], rel=1e-5, abs=1e-6)
    alone = nsg.train(parts.train, parts.validation, epochs=2, device="cpu", progress=False, **_TINY)
    # half as many steps, each over twice as much
    assert model.sha256 != alone.sha256
    assert model.curves[0]["validation_loss"] < 1.02 * alone.curves[0]["validation_loss"]


def _validate(module: TrainingModule, data: SpikeData) -> dict[str, float]:
    trainer = _own_trainer()
    return trainer.validate(module, data, verbose=False)[0]


def _own_trainer(**options: object) -> lightning.Trainer:
    return lightning.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"enable_checkpointing": False, **options},
    )


@pytest.mark.parametrize("chosen", [{}, _TINY])
def test_16_bits_reach_nearly_what_32_do(chosen):
    parts = small_split()
    bits = []
    for precision in ("32-true", "bf16-mixed"):
        model = nsg.train(
            parts.train,
            parts.validation,
            epochs=2,
            device="cpu",
            progress=False,
            trainer={"precision": precision},
            **chosen,
        )
        assert all(
            value.dtype in (torch.float32, torch.int64) for value in model.module.state_dict().values()
        )
        bits.append(model.curves[-1]["bits_per_spike"])
    assert bits[1] == pytest.approx(bits[0], rel=2e-3, abs=2e-3)


def test_callbacks_and_loggers_are_added_to_ours(tmp_path):
    class Count(Callback):
        epochs = 0

        def on_train_epoch_end(self, trainer, module):
            self.epochs += 1

    count, parts = Count(), small_split(duration=16.0)
    logger = lightning.pytorch.loggers.CSVLogger(tmp_path, name="log")
    options = {"callbacks": count, "logger": logger, "gradient_clip_val": 0.5}
    model = nsg.train(parts.train, parts.validation, epochs=2, progress=False, trainer=options, **_TINY)
    assert count.epochs == len(model.curves) == 2
    told = {"callbacks": "Count", "logger": "CSVLogger", "gradient_clip_val": 0.5}
    assert model.training["trainer"] == told
    lines = (tmp_path / "log" / "version_0" / "metrics.csv").read_text().splitlines()
    column = lines[0].split(",").index("bits_per_spike")
    logged = [float(line.split(",")[column]) for line in lines[1:] if line.split(",")[column]]
    np.testing.assert_allclose(logged, [point["bits_per_spike"] for point in model.curves], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_epochs": 3}, "pass epochs= instead"),
        ({"accelerator": "gpu"}, "pass device= instead"),
        ({"enable_progress_bar": True}, "pass progress= instead"),
        ({"default_root_dir": "."}, "pass checkpoints= instead"),
        ({"fast_dev_run": True}, "keeps no checkpoint"),
        ({"precison": "bf16-mixed"}, "'precison'; expected one of .*precision"),
        ({"precision": "4"}, "precision='4'"),
        ({"strategy": "dpp"}, "strategy='dpp'"),
        ({"precision": "16-mixed"}, "16-mixed on the CPU"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(options, message):
    parts = small_split()
    with pytest.raises(InputError, match=message) as caught:
        nsg.train(parts.train, parts.validation, device="cpu", progress=False, trainer=options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("device", ["tpu", "cuda:", "cuda:x", "gpu", "CPU", ""])
def test_other_devices_are_refused(device):
    with pytest.raises(InputError, match="auto, cpu, cuda"):
        find_device(device)


def test_devices_that_are_not_there_are_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for device, message in (("cuda", "no CUDA"), ("cuda:1", "no CUDA"), ("mps", "no MPS")):
        with pytest.raises(InputError, match=message):
            find_device(device)
    assert find_device("auto") == ("cpu", 1)


def test_devices_that_are_there_are_named_as_lightning_does(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    found = [find_device(device) for device in ("auto", "cpu", "cuda", "cuda:1", "mps")]
    assert found == [("gpu", 1), ("cpu", 1), ("gpu", 1), ("gpu", [1]), ("mps", 1)]
    with pytest.raises(InputError, match="no device cuda:2"):
        find_device("cuda:2")


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning", "ignore:.*does not have many workers")
def test_a_trainer_of_ones_own_gives_the_same_model(tmp_path):
    units, parts = small_population(duration=16.0), small_split(duration=16.0)
    torch.manual_seed(0)
    module = TrainingModule(build_model("in_context", num_units=8), seed=0)
    data = SpikeData(parts.train, parts.validation, seed=0)
    best = lightning.pytorch.callbacks.ModelCheckpoint(tmp_path, monitor="bits_per_spike", mode="max")
    trainer = _own_trainer(max_epochs=2, gradient_clip_val=1.0, callbacks=[best], enable_checkpointing=True)
    trainer.fit(module, data)
    module.load_state_dict(torch.load(best.best_model_path, weights_only=True)["state_dict"])
    fitted = module.to_fitted(data)
    ours = nsg.train(parts.train, parts.validation, epochs=2, device="cpu", progress=False)
    assert fitted.sha256 == ours.sha256
    assert fitted.curves == ours.curves
    for key in ("sources", "window", "split", "unit_ids", "seed"):
        assert fitted.training[key] == ours.training[key]
    fitted.save(tmp_path / "model")
    predicted = nsg.generate(nsg.load_model(tmp_path / "model"), parts.test, context=units)
    np.testing.assert_array_equal(predicted, nsg.generate(ours, parts.test, context=units))
