"""Figures, one file per kind; matplotlib is imported when one is drawn, and no global state is used."""

from nwbspikegen.explain.figure_bars import plot_ablations as plot_ablations
from nwbspikegen.explain.figure_bars import plot_rate_correlations as plot_rate_correlations
from nwbspikegen.explain.figure_curves import plot_attention_curves as plot_attention_curves
from nwbspikegen.explain.figure_maps import plot_attention_maps as plot_attention_maps
from nwbspikegen.explain.figure_maps import plot_couplings as plot_couplings
from nwbspikegen.plot.bars import plot_bits as plot_bits
from nwbspikegen.plot.canvas import save_figure as save_figure
from nwbspikegen.plot.curves import plot_curves as plot_curves
from nwbspikegen.plot.overview import plot_generation as plot_generation
from nwbspikegen.plot.rasters import plot_rasters as plot_rasters
from nwbspikegen.sweep.figure import plot_sweep as plot_sweep
from nwbspikegen.plot.training import plot_losses as plot_losses
from nwbspikegen.plot.training import plot_training as plot_training
from nwbspikegen.transfer.figures import plot_groups as plot_groups
from nwbspikegen.transfer.figures import plot_layout as plot_layout
from nwbspikegen.transfer.figures import plot_matrix as plot_matrix
