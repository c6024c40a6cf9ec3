"""What the DANDI archive asks of a file, and the way there."""

from nwbspikegen.archive.share import share_file
from nwbspikegen.archive.validate import validate_file

__all__ = ["share_file", "validate_file"]
