"""Sessions of the International Brain Laboratory: ALF folders and ONE."""
