"""From segments of recordings to trained models."""

from nwbspikegen.training.fit import train

__all__ = ["train"]
