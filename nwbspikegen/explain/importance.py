"""Gradient importance: how much the loss of a window would move with what a model reads."""

from __future__ import annotations

import torch
from jaxtyping import Float

from nwbspikegen.models.attending import Attends
from nwbspikegen.models.losses import find_loss


def gradient_importance(
    model: Attends,
    window: Float[torch.Tensor, "bin unit"],
    target: Float[torch.Tensor, "bin unit"],
    loss: str,
    weight: Float[torch.Tensor, "bin unit"] | None = None,
) -> Float[torch.Tensor, "bin unit"]:
    """Return g(i, k) = |dL / dh(i, k)|, h the encoder's input and L the loss of the window.

    Summed over k it is the importance G(i) of a bin, summed over i that of a unit. Model weights
    and their gradients are left alone.

    Parameters
    ----------
    model : Attends
        In evaluation mode, or dropout makes noise.
    window, target : tensors (bin, unit)
        Input bins, and the bin that follows each.
    loss : {"dice", "bernoulli", "focal"}
        Which loss.
    weight : tensor (bin, unit), optional
        0 where the bin that follows was not observed, and is no target; 1 by default.

    Examples
    --------
    >>> from nwbspikegen.models import build_model
    >>> model = build_model("shimono2026", 4, num_heads=2).eval()
    >>> gradient_importance(model, torch.ones(5, 4), torch.zeros(5, 4), "dice").shape
    torch.Size([5, 4])
    """
    # a leaf of its own: gradients end there and reach no weight
    hidden = model.encoder_input(window[None]).detach().requires_grad_(True)
    with torch.enable_grad():
        log_odds = model.from_encoder_input(hidden)
        weight = torch.ones_like(target) if weight is None else weight
        value = find_loss(loss)(log_odds, target[None], weight[None])
        # a body that does not depend on its input has no importance, which is an answer and no error
        if not value.requires_grad:
            return torch.zeros_like(window)
        (slope,) = torch.autograd.grad(value, hidden, allow_unused=True, materialize_grads=True)
    # width beyond the units is padding
    importance: Float[torch.Tensor, "bin unit"] = slope[0, :, : window.shape[1]].abs()
    return importance
