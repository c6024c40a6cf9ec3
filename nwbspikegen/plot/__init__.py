"""Figures, one file per kind; matplotlib is imported when one is drawn, and no global state is used."""

from nwbspikegen.plot.bars import plot_bits as plot_bits
from nwbspikegen.plot.bars import plot_scores as plot_scores
from nwbspikegen.plot.canvas import save_figure as save_figure
from nwbspikegen.plot.curves import plot_curves as plot_curves
from nwbspikegen.plot.overview import plot_generation as plot_generation
from nwbspikegen.plot.rasters import plot_rasters as plot_rasters
from nwbspikegen.plot.training import plot_losses as plot_losses
from nwbspikegen.plot.training import plot_training as plot_training
