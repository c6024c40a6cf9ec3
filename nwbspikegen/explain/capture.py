"""Exact attention weights, a few queries at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float

from nwbspikegen.models.attending import Attends, attention_as

BLOCK_QUERIES = 50
"""Queries whose weights are held at once: 16 heads x 50 x 3,125 keys are 10 MB."""


@dataclass(frozen=True)
class LayerHeads:
    """Queries and keys of one layer for one window, (head, bin, part)."""

    query: Float[torch.Tensor, "head bin part"]
    key: Float[torch.Tensor, "head bin part"]


@dataclass(frozen=True)
class WeightBlock:
    """Weights of some consecutive queries for the keys up to the last of them.

    Attributes
    ----------
    first : int
        The first query.
    weights : tensor (head, query, key)
        Rows sum to 1; keys after the query have 0.
    entropy : tensor (head, query)
        Of each row, in nats.
    """

    first: int
    weights: Float[torch.Tensor, "head query key"]
    entropy: Float[torch.Tensor, "head query"]


@torch.no_grad()
def capture_heads(model: Attends, window: Float[torch.Tensor, "bin unit"]) -> list[LayerHeads]:
    """Run a window through a model and return what every layer attends with, the first layer first.

    Examples
    --------
    >>> from nwbspikegen.models import build_model
    >>> model = build_model("shimono2026", 4, num_heads=2, depth=3).eval()
    >>> [layer.query.shape for layer in capture_heads(model, torch.zeros(10, 4))][0]
    torch.Size([2, 10, 2])
    """
    captured: list[LayerHeads] = []

    def watch(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, is_causal: bool) -> torch.Tensor:
        # the layer goes on as always: deeper layers must see what they see when they predict
        captured.append(LayerHeads(query[0], key[0]))
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=is_causal)

    with attention_as(watch):
        model.from_encoder_input(model.encoder_input(window[None]))
    return captured


@torch.no_grad()
def stream_weights(heads: LayerHeads, block: int = BLOCK_QUERIES) -> Iterator[WeightBlock]:
    """Give the exact causal weights softmax(Q K' / sqrt(part)), block by block of queries.

    Never more than `block` rows exist at once, so memory grows with the number of bins and not with
    its square.

    Examples
    --------
    >>> same = LayerHeads(torch.zeros(1, 3, 2), torch.zeros(1, 3, 2))
    >>> [part.weights[0, -1].tolist() for part in stream_weights(same, block=2)]
    [[0.5, 0.5], [0.333..., 0.333..., 0.333...]]
    """
    num_bins, part = heads.query.shape[1:]
    transposed = heads.key.transpose(1, 2)
    for first in range(0, num_bins, block):
        stop = min(first + block, num_bins)
        logits = heads.query[:, first:stop] @ transposed[:, :, :stop] / math.sqrt(part)
        # bins after the query have no weight; the last columns of a block are the queries' own
        later = (
            torch.arange(stop, device=logits.device)
            > torch.arange(first, stop, device=logits.device)[:, None]
        )
        logits.masked_fill_(later, -math.inf)
        # the sum in logs does not overflow, and gives the entropy as well: H = log Z - sum w logit
        total = torch.logsumexp(logits, dim=2)
        weights = torch.exp(logits - total[..., None])
        # 0 in place of -inf, since 0 x -inf is NaN; rounding may leave an entropy of -1e-7
        entropy = total - (weights * logits.masked_fill_(later, 0.0)).sum(dim=2)
        yield WeightBlock(first, weights, entropy.clamp_(min=0.0))
