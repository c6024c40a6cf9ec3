"""``python -m nwbspikegen``."""

from nwbspikegen.cli import main

main()
