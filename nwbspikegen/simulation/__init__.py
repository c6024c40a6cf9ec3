"""Seeded populations with known conditional intensity, to measure how far a model is from the best."""

from nwbspikegen.simulation.drawing import draw_population as draw_population
from nwbspikegen.simulation.drawing import drawn_intensity as drawn_intensity
from nwbspikegen.simulation.families import FAMILIES as FAMILIES
from nwbspikegen.simulation.intensity import conditional_intensity as conditional_intensity
from nwbspikegen.simulation.intensity import draw_hidden as draw_hidden
from nwbspikegen.simulation.metadata import metadata_of as metadata_of
from nwbspikegen.simulation.preparations import PREPARATIONS as PREPARATIONS
from nwbspikegen.simulation.simulating import Simulation as Simulation
from nwbspikegen.simulation.simulating import simulate as simulate
