"""How shapes and types in signatures are checked while tests run."""

from beartype import BeartypeConf, beartype

# an int is a fine float, as for every type checker
check = beartype(conf=BeartypeConf(is_pep484_tower=True))
