"""What spike sorters leave: phy and Kilosort folders, and what SpikeInterface saves."""
