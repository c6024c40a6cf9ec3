"""The electrodes of a phy folder, and at which of them each unit is largest."""

from __future__ import annotations

import logging

import numpy as np
from jaxtyping import Bool, Float64, Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.npy_files import read_npy
from nwbspikegen.formats.electrodes import Electrodes
from nwbspikegen.formats.sorters.phy_folder import PhyFolder

_LOG = logging.getLogger("nwbspikegen")


def read_sites(folder: PhyFolder) -> Electrodes | None:
    """Return the electrodes that were sorted, without units; None where the folder does not tell places."""
    places = folder.read_floats("channel_positions.npy", 2)
    if places is None:
        return None
    channels = folder.read_whole_numbers("channel_map.npy")
    channels = np.arange(len(places)) if channels is None else channels
    shanks = folder.read_whole_numbers("channel_shanks.npy", "channel_shank.npy")
    groups = (
        np.full(len(places), "probe") if shanks is None else np.array([f"shank{each}" for each in shanks])
    )
    if places.shape[1] != 2 or not len(channels) == len(groups) == len(places):
        raise InputError(
            f"channel_positions.npy of shape {places.shape}, {len(channels)} channels and {len(groups)} "
            f"shanks in {folder.path}",
            "x and y of each channel",
            "copy files of one sorting",
        )
    columns = {"channel": channels, "rel_x": places[:, 0], "rel_y": places[:, 1]}
    nowhere = np.empty(0, dtype=np.int64)
    return Electrodes("Probe", "unknown", "Electrodes that were sorted.", groups, columns, nowhere)


def find_largest_by_template(
    folder: PhyFolder,
    clusters: Int64[np.ndarray, " spike"],
    kept: Bool[np.ndarray, " spike"],
    units: Int64[np.ndarray, " unit"],
    num_sites: int,
) -> Int64[np.ndarray, " unit"] | None:
    """Return the site where each unit's templates are largest, -1 where they are flat; None without any.

    A unit that was merged has spikes of several templates: each counts as often as it fired, among the
    spikes that are kept.
    """
    sizes = _measure_templates(folder, num_sites)
    if sizes is None:
        return None
    templates = folder.read_whole_numbers("spike_templates.npy")
    if templates is None:
        # Kilosort's own clusters are its templates, until they are curated
        if not _lie_within(clusters, len(sizes)):
            return None
        templates = clusters
    if len(templates) != len(clusters) or not _lie_within(templates, len(sizes)):
        raise InputError(
            f"{len(templates)} spikes of {len(sizes)} templates, and {len(clusters)} spikes in {folder.path}",
            "a template for each spike",
            "copy files of one sorting",
        )
    rows = np.searchsorted(units, clusters[kept])
    # a number for each pair of unit and template: sorting numbers is much faster than sorting pairs
    pairs, counts = np.unique(rows * len(sizes) + templates[kept], return_counts=True)
    total = np.zeros((len(units), num_sites))
    np.add.at(total, pairs // len(sizes), counts[:, None] * sizes[pairs % len(sizes)])
    return np.where(total.max(axis=1) > 0, total.argmax(axis=1), -1).astype(np.int64)


def find_unit_places(
    folder: PhyFolder,
    clusters: Int64[np.ndarray, " spike"],
    kept: Bool[np.ndarray, " spike"],
    units: Int64[np.ndarray, " unit"],
) -> Float64[np.ndarray, "unit 2"] | None:
    """Return the median place of each unit's spikes (um), None where the folder does not have places."""
    places = folder.read_floats("spike_positions.npy", 2)
    if places is None:
        return None
    if len(places) != len(clusters) or places.shape[1] < 2:
        raise InputError(
            f"spike_positions.npy of shape {places.shape} and {len(clusters)} spikes in {folder.path}",
            "x and y of each spike",
            "copy files of one sorting",
        )
    clusters, places = clusters[kept], places[kept, :2]
    order = np.argsort(clusters, kind="stable")
    starts = np.searchsorted(clusters[order], units)
    parts = np.split(places[order], starts[1:])
    return np.array([np.median(part, axis=0) for part in parts])


def _measure_templates(folder: PhyFolder, num_sites: int) -> Float64[np.ndarray, "template site"] | None:
    """Return from peak to trough of every template at every site, 0 where it has no waveform."""
    place = folder.find("templates.npy")
    if place is None:
        return None
    waveforms = read_npy(place)
    if waveforms.ndim != 3 or waveforms.dtype.kind != "f":
        raise InputError(
            f"{waveforms.dtype} of shape {waveforms.shape} in {place}",
            "templates x samples x channels",
            "copy the file again",
        )
    sites = _read_template_sites(folder, waveforms.shape[0], waveforms.shape[2], num_sites)
    if sites is None:
        return _measure_dense(folder, waveforms, num_sites)
    sizes = np.zeros((len(waveforms), num_sites + 1))
    # the last column takes what lies nowhere
    np.put_along_axis(sizes, sites, np.ptp(waveforms, axis=1).astype(np.float64), axis=1)
    return sizes[:, :num_sites]


def _measure_dense(
    folder: PhyFolder, waveforms: np.ndarray, num_sites: int
) -> Float64[np.ndarray, "template site"]:
    if waveforms.shape[2] != num_sites:
        raise InputError(
            f"templates of {waveforms.shape[2]} channels and {num_sites} places in {folder.path}",
            "as many",
            "copy files of one sorting",
        )
    # Kilosort's templates are whitened, which moves the largest channel: phy turns that back as well
    unwhiten = folder.read_floats("whitening_mat_inv.npy", 2)
    if unwhiten is None or unwhiten.shape != (num_sites, num_sites):
        unwhiten = np.eye(num_sites)
    # template by template: all at once would take the memory of all waveforms again
    return np.array([np.ptp(waveform @ unwhiten, axis=0) for waveform in waveforms])


def _read_template_sites(
    folder: PhyFolder, num_templates: int, num_local: int, num_sites: int
) -> Int64[np.ndarray, "template local"] | None:
    """Return where sparse templates lie, `num_sites` for nowhere; None for templates at all sites."""
    local = folder.read_floats("template_ind.npy", 2)
    local = folder.read_floats("templates_ind.npy", 2) if local is None else local
    if local is None:
        return None
    if local.shape != (num_templates, num_local):
        raise InputError(
            f"channels of templates of shape {local.shape} and templates {num_templates} x {num_local} in "
            f"{folder.path}",
            "as many",
            "copy files of one sorting",
        )
    if num_local == num_sites and (local == np.arange(num_sites)).all():
        return None
    is_there = (local >= 0) & (local < num_sites)
    return np.where(is_there, local, num_sites).astype(np.int64)


def _lie_within(numbers: Int64[np.ndarray, " row"], stop: int) -> bool:
    return bool(((numbers >= 0) & (numbers < stop)).all())
