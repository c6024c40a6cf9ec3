"""What training minimises: Dice, focal and Bernoulli losses of predicted spikes.

Each takes log odds, targets and weights with windows along the first axis and returns one number,
the mean over windows. Weights say how many bins an entry stands for, so that sampled silent bins
leave every sum unbiased.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch.nn import functional

from nwbspikegen.core.errors import InputError

_Windows = Float[torch.Tensor, "window *bin"]
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def dice_loss(log_odds: _Windows, target: _Windows, weight: _Windows) -> Float[torch.Tensor, ""]:
    """Return 1 - (2 sum(p y) + 1) / (sum p + sum y + 1), per window.

    It rewards overlap and does not ask for calibrated probabilities. Source: the loss of
    Shimono 2026 (Algorithms 19(4):305).

    Examples
    --------
    >>> perfect = torch.tensor([[100.0, -100.0]])
    >>> dice_loss(perfect, torch.tensor([[1.0, 0.0]]), torch.ones(1, 2)).item()
    0.0
    """
    probability = torch.sigmoid(log_odds)
    overlap = _sum(weight * probability * target)
    total = _sum(weight * probability) + _sum(weight * target)
    # both 1s are the paper's: a window without spikes, predicted silent, has a loss of 0 and not 0 / 0
    return (1 - (2 * overlap + 1) / (total + 1)).mean()


def focal_loss(log_odds: _Windows, target: _Windows, weight: _Windows) -> Float[torch.Tensor, ""]:
    """Return the binary focal cross-entropy with gamma 2 and no class weight, per bin in nats.

    Source: Lin et al. 2017, arXiv 1708.02002, as compared in Shimono 2026.

    Examples
    --------
    >>> focal_loss(torch.zeros(1, 1), torch.ones(1, 1), torch.ones(1, 1)).item()  # log(2) / 4
    0.1732...
    """
    cross_entropy = functional.binary_cross_entropy_with_logits(log_odds, target, reduction="none")
    # exp(-cross entropy) is the probability given to what happened, whichever it was; gamma is the 2
    return (_sum(weight * (1 - torch.exp(-cross_entropy)) ** 2 * cross_entropy) / _sum(weight)).mean()


def bernoulli_loss(log_odds: _Windows, target: _Windows, weight: _Windows) -> Float[torch.Tensor, ""]:
    """Return the negative Bernoulli log-likelihood per bin in nats: a proper score.

    Examples
    --------
    >>> bernoulli_loss(torch.zeros(1, 1), torch.ones(1, 1), torch.ones(1, 1)).item()  # log(2)
    0.6931...
    """
    # from log odds: after a sigmoid, 1 - p of a sure spike is rounded to 0, and its log is infinite
    cross_entropy = functional.binary_cross_entropy_with_logits(log_odds, target, reduction="none")
    return (_sum(weight * cross_entropy) / _sum(weight)).mean()


def _sum(values: _Windows) -> Float[torch.Tensor, " window"]:
    return values.flatten(1).sum(1)


LOSSES: dict[str, Loss] = {"dice": dice_loss, "focal": focal_loss, "bernoulli": bernoulli_loss}


def find_loss(name: str) -> Loss:
    """Return the loss called `name`, or raise `InputError`."""
    if name not in LOSSES:
        raise InputError(f"loss {name!r}", f"one of {', '.join(LOSSES)}", "choose one of these")
    return LOSSES[name]
