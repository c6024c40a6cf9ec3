"""The figures of a transfer study: its matrix, its groups, its map."""

from nwbspikegen.plot.transfer_groups import plot_groups as plot_groups
from nwbspikegen.plot.transfer_layout import plot_layout as plot_layout
from nwbspikegen.plot.transfer_matrix import plot_matrix as plot_matrix
