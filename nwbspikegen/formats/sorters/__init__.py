"""Sortings that SpikeInterface holds, whoever made them."""
