"""What the DANDI archive asks of a file."""

from nwbspikegen.archive.validate import validate_file

__all__ = ["validate_file"]
