"""The network learns through Lightning what a loop over batches, written out, would teach it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from nwbspikegen.patchseq.classify.bilstm import continue_bilstm, fit_bilstm
from nwbspikegen.patchseq.classify.bilstm_network import AttentionBiLSTM
from nwbspikegen.patchseq.classify.bilstm_training import BiLSTMSchedule, FamilyCells, make_task

_SCHEDULE = BiLSTMSchedule(epochs=9, batch=32, patience=2)
_SEED = 3


def _scatter_cells(num_cells: int, seed: int) -> FamilyCells:
    rng = np.random.default_rng(seed)
    number = rng.integers(0, 3, num_cells)
    families = rng.normal(size=(num_cells, 3, 5))
    families[np.arange(num_cells), number] += 1.5
    present = rng.random((num_cells, 3)) < 0.9
    present[:, 0] = True
    donors = np.array([f"d{cell % 9}" for cell in range(num_cells)])
    return FamilyCells(families, present, np.array(["Pvalb", "Sst", "Vip"])[number], donors)


def _train_by_hand(cells: FamilyCells) -> tuple[AttentionBiLSTM, list[float]]:
    """Return the network and its validation losses, from nothing but PyTorch."""
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        network = AttentionBiLSTM(5, (3,))
    task = make_task(cells, ["Pvalb", "Sst", "Vip"], head=0, weight=1.0, seed=_SEED)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4)
    orders = torch.Generator().manual_seed(_SEED)
    losses: list[float] = []
    kept = network.state_dict()

    def lose(cells):
        logits = network(cells[0], cells[1]).logits
        return nn.functional.cross_entropy(logits, cells[2], task.class_weight)

    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        while len(losses) < _SCHEDULE.epochs:
            network.train()
            for batch in torch.randperm(len(task.train[2]), generator=orders).split(_SCHEDULE.batch):
                optimizer.zero_grad()
                lose([part[batch] for part in task.train]).backward()
                optimizer.step()
            network.eval()
            with torch.no_grad():
                losses.append(float(lose(task.validation or task.train)) if task.validation else np.nan)
            best = int(np.argmin(losses)) if task.validation else len(losses) - 1
            if best == len(losses) - 1:
                kept = copy.deepcopy(network.state_dict())
            elif len(losses) - 1 - best >= _SCHEDULE.patience:
                break
    network.load_state_dict(kept)
    return network, losses


@pytest.mark.parametrize("num_cells", [150, 25])  # few cells are not validated on
def test_it_learns_as_written_out(num_cells):
    cells = _scatter_cells(num_cells, 0)
    state = torch.get_rng_state()
    model = fit_bilstm(cells, schedule=_SCHEDULE, seed=_SEED)
    assert torch.equal(state, torch.get_rng_state())
    network, losses = _train_by_hand(cells)
    curve = [point["validation_loss"] for point in model.record["curves"][0]]
    np.testing.assert_allclose(curve, losses, rtol=1e-6)
    assert np.isnan(curve).all() == (num_cells == 25)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(model.network.state_dict()[name], value, rtol=1e-5, atol=1e-6)
    families = torch.tensor(np.nan_to_num(cells.families), dtype=torch.float32)
    expected = network.eval()(families, torch.tensor(cells.present)).logits.softmax(dim=1)
    found = model.predict_proba(cells.families, cells.present)
    np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-6)


def test_a_new_head_warms_up_alone_and_the_source_stays_as_it_is():
    trained = fit_bilstm(_scatter_cells(150, 0), schedule=_SCHEDULE, seed=_SEED)
    before = copy.deepcopy(trained.network.state_dict())
    only_warm = BiLSTMSchedule(epochs=0, batch=32, warm_up=2)
    tuned = continue_bilstm(trained, _scatter_cells(90, 1), schedule=only_warm, seed=4)
    assert [len(curve) for curve in tuned.record["curves"][-2:]] == [2, 0]
    for name, value in tuned.network.state_dict().items():
        assert torch.equal(value, before[name]) == (not name.startswith("heads."))
        assert torch.equal(trained.network.state_dict()[name], before[name])
