import pathlib

dat_path = "recording.dat"
n_channels_dat = 6
dtype = "int16"
offset = 0
sample_rate = 20000.0
hp_filtered = False

pathlib.Path("ran").touch()
