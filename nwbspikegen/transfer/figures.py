"""The figures of a transfer study: its matrix, its groups, its map, its curves."""

from nwbspikegen.transfer.figure_curves import plot_curve as plot_curve
from nwbspikegen.transfer.figure_embedding import plot_layout as plot_layout
from nwbspikegen.transfer.figure_groups import plot_groups as plot_groups
from nwbspikegen.transfer.figure_matrix import plot_matrix as plot_matrix
