"""Small folders as Kilosort and phy leave them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

RATE_HZ = 20_000.0
NUM_FRAMES = 40_000
NUM_CHANNELS = 6
# channels 1 and 3 of the recording were not sorted
CHANNEL_MAP = [0, 2, 4, 5]
PLACES = [[0.0, 0.0], [16.0, 20.0], [0.0, 40.0], [16.0, 60.0]]
# spikes in order of time, the template that found them, and the cluster after curation: 0 and 1 were merged
# to 4, template 2 was not touched, of template 3 a part was split off to 5
TIMES = [10, 25, 25, 100, 110, 500, 700, 39_999]
TEMPLATES = [0, 1, 2, 1, 1, 3, 3, 2]
CLUSTERS = [4, 4, 2, 4, 4, 3, 5, 2]
TRAINS = {2: [25, 39_999], 3: [500], 4: [10, 25, 100, 110], 5: [700]}
# the channel, by its place among those sorted, at which each template is largest
LARGEST = [0, 1, 2, 3]
PARAMS = f"""import pathlib

dat_path = "recording.dat"
n_channels_dat = {NUM_CHANNELS}
dtype = "int16"
offset = 0
sample_rate = {RATE_HZ}
hp_filtered = False

pathlib.Path("ran").touch()
"""


def write_phy(
    folder: Path, *, params: str | None = PARAMS, templates: bool = True, curated: bool = True
) -> Path:
    """Write a folder of phy, or with `curated=False` one as Kilosort leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    if params is not None:
        (folder / "params.py").write_text(params)
    arrays = {
        # a column, as MATLAB writes it
        "spike_times": np.array(TIMES, np.uint64)[:, None],
        "spike_templates": np.array(TEMPLATES, np.uint32)[:, None],
        "spike_clusters": np.array(CLUSTERS if curated else TEMPLATES, np.int32),
        "channel_map": np.array(CHANNEL_MAP, np.int32),
        "channel_positions": np.array(PLACES),
    }
    if templates:
        arrays["templates"] = make_templates()
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    labels = "\n".join(["cluster_id\tKSLabel", "0\tgood", "1\tmua", "2\tmua", "3\tgood"])
    (folder / "cluster_KSLabel.tsv").write_text(labels + "\n")
    (folder / "cluster_ContamPct.tsv").write_text("cluster_id\tContamPct\n0\t1.5\n1\t90\n2\t7\n3\t0\n")
    if curated:
        (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n2\tnoise\n4\tgood\n")
    return folder


def make_templates() -> np.ndarray:
    """Return templates x samples x channels, down and up where they are largest, small elsewhere."""
    templates = np.full((len(LARGEST), 5, len(PLACES)), 0.1, np.float32)
    for template, site in enumerate(LARGEST):
        templates[template, 2:4, site] = [-5.0, 3.0]
    return templates


def write_recording(path: Path, num_frames: int = NUM_FRAMES) -> Path:
    """Write the flat binary file that params.py names."""
    np.zeros((num_frames, NUM_CHANNELS), np.int16).tofile(path)
    return path
