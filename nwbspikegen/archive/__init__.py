"""What the DANDI archive asks of a file, and the way there."""

from nwbspikegen.archive.share import share_file
from nwbspikegen.archive.validate import validate_file
from nwbspikegen.archive.validate_folder import validate_folder

__all__ = ["share_file", "validate_file", "validate_folder"]
