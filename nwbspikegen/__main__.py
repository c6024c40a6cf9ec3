"""``python -m nwbspikegen``."""

import os
import sys

# `python -m` looks for modules in the working folder first, and the installed command does not: the name of
# a class that stands in a stored model must not run a file that lies beside it
if sys.path[:1] == [os.getcwd()] and os.getcwd() not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
    sys.path.pop(0)

# after it, so that nothing is imported from there before
from nwbspikegen.cli import main

main()
