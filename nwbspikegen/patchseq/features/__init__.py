"""Feature families and scalars of a cell, and tables of them."""
