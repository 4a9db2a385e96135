"""The release of pystorm whose names these are."""

__version__ = "3.1.4"
VERSION = (3, 1, 4)
