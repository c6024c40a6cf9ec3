"""Files of MaxWell Biosystems: spikes, electrodes, traces."""
