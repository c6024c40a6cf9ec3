"""The network: feature families as a sequence, read both ways, weighed by attention."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor, nn

# arXiv 2603.11000; none was tuned here
HIDDEN = 128
ATTENTION = 128
DROPOUT = 0.2


@dataclass(frozen=True)
class Reading:
    """What the network makes of some cells: scores of the classes, and attention over the families."""

    logits: Float[Tensor, "cell class"]
    attention: Float[Tensor, "cell family"]


class AttentionBiLSTM(nn.Module):
    """LayerNorm, bidirectional LSTM over the families, additive attention, LayerNorm, dropout, linear.

    A family that a cell lacks enters as zeros after the first LayerNorm and gets no attention, so what
    stands in its place cannot matter. The sizes are those of arXiv 2603.11000: hidden 128 each way,
    attention 128, dropout 0.2.

    Parameters
    ----------
    width : int
        Numbers per family (families are padded to the widest).
    num_classes : tuple of int
        Size of each head: one for one species, two when two species are learned together.
    """

    def __init__(self, width: int, num_classes: tuple[int, ...]) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.lstm = nn.LSTM(width, HIDDEN, batch_first=True, bidirectional=True)
        # additive attention (Bahdanau et al. 2015) with one learned question, v tanh(W h + b): there is no
        # decoder that would ask. A bias behind v would move all energies alike, which softmax does not see
        self.energy = nn.Sequential(
            nn.Linear(2 * HIDDEN, ATTENTION), nn.Tanh(), nn.Linear(ATTENTION, 1, bias=False)
        )
        # one body, so that what the heads of two species share is everything before the classes
        self.after = nn.Sequential(nn.LayerNorm(2 * HIDDEN), nn.Dropout(DROPOUT))
        self.heads = nn.ModuleList([nn.Linear(2 * HIDDEN, one) for one in num_classes])

    def forward(
        self,
        families: Float[Tensor, "cell family width"],
        present: Bool[Tensor, "cell family"],
        head: int = 0,
    ) -> Reading:
        """Read some cells with one of the heads; each cell needs at least one family."""
        # masked behind the norm, whose bias would fill a gap again
        steps = self.before(families).masked_fill(~present[..., None], 0)
        states, _ = self.lstm(steps)
        # exp(-inf) is exactly 0: the attention of a gap is 0, and that of the others adds up to 1
        energy = self.energy(states)[..., 0].masked_fill(~present, float("-inf"))
        attention = energy.softmax(dim=1)
        context = (attention[..., None] * states).sum(dim=1)
        return Reading(self.heads[head](self.after(context)), attention)
