"""Attention as models declare it: one function that all of them call, and can be watched or replaced.

A model declares attention by being an `Attends` and by calling `attend` for every layer. What
watches or disables attention needs then know nothing else of the architecture.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch.nn import functional

_Query = Float[torch.Tensor, "window head query part"]
_Heads = Float[torch.Tensor, "window head key part"]
Attention = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, bool], torch.Tensor]
"""From queries, keys, values and whether it is causal to what each query attends to."""


@runtime_checkable
class Attends(Protocol):
    """A model of windows whose layers call `attend`."""

    @property
    def window_bins(self) -> int:
        """Longest input."""
        ...

    def encoder_input(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return what the first layer reads, (window, bin, width); the first columns are the units'."""
        ...

    def from_encoder_input(self, hidden: Float[torch.Tensor, "window bin width"]) -> torch.Tensor:
        """Return log odds (window, bin, unit) of the bins that follow each input bin."""
        ...

    def next_bin(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return log odds (window, unit) of the bin that follows each window."""
        ...


def _softmax(query: _Query, key: _Heads, value: _Heads, is_causal: bool) -> torch.Tensor:
    # this kernel never holds the weights: 16 heads of 3,125 x 3,125 would be 625 MB per window
    return functional.scaled_dot_product_attention(query, key, value, is_causal=is_causal)


# a context variable and no global: threads that predict beside each other must not see each other's ablations
_CURRENT: ContextVar[Attention] = ContextVar("attention", default=_softmax)


def attend(query: _Query, key: _Heads, value: _Heads, *, is_causal: bool) -> torch.Tensor:
    """Return softmax(Q K' / sqrt(part)) V, or what `attention_as` puts in its place.

    Parameters
    ----------
    query : tensor (window, head, query, part)
    key, value : tensors (window, head, key, part)
        When it is causal there are as many as queries.
    is_causal : bool
        Query i sees keys up to i; otherwise all.
    """
    return _CURRENT.get()(query, key, value, is_causal)


@contextlib.contextmanager
def attention_as(attention: Attention) -> Iterator[None]:
    """Let every layer of every model attend so within the block, in this thread."""
    token = _CURRENT.set(attention)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def attend_uniformly(query: _Query, key: _Heads, value: _Heads, is_causal: bool) -> torch.Tensor:
    """Return the plain mean of the values that a query may see: what equal logits would give.

    Examples
    --------
    >>> value = torch.tensor([1.0, 3.0]).view(1, 1, 2, 1)
    >>> attend_uniformly(value, value, value, True).ravel().tolist()
    [1.0, 2.0]
    """
    if not is_causal:
        return value.mean(dim=2, keepdim=True).expand(*query.shape[:3], value.shape[3])
    # a causal mean is a running sum over how many bins it holds: no matrix of weights
    seen = torch.arange(1, value.shape[2] + 1, dtype=value.dtype, device=value.device)
    return value.cumsum(dim=2) / seen[:, None]


def attend_to_nothing(query: _Query, key: _Heads, value: _Heads, is_causal: bool) -> torch.Tensor:
    """Return zeros: a layer's own bin is all it knows.

    Examples
    --------
    >>> ones = torch.ones(1, 1, 2, 1)
    >>> attend_to_nothing(ones, ones, ones, True).ravel().tolist()
    [0.0, 0.0]
    """
    return torch.zeros(*query.shape[:3], value.shape[3], dtype=value.dtype, device=value.device)


WITHOUT_ATTENTION: dict[str, Attention] = {
    "attention_weights": attend_uniformly,
    "attention": attend_to_nothing,
}
"""How layers attend when a component of a model that attends is left out: which bins it attends to, so
that it attends to all of the past alike; or all attention, so that a layer knows its own bin only."""
