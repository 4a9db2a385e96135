"""What goes wrong between a component and whoever started it."""

from __future__ import annotations


class StormWentAwayError(Exception):
    """The host closed its end: nothing more comes, and nothing that is written would be read."""

    def __init__(self) -> None:
        super().__init__("The host has closed the connection to this component")
