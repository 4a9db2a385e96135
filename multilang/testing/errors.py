"""What goes wrong in a test that is not the component's own exception."""

from __future__ import annotations


class TestingError(AssertionError):
    """The test asks for what cannot be, or the component does what no host would wait for."""

    __test__ = False  # no class of tests, whatever pytest thinks of its name


class ComponentEnded(TestingError):
    """The component has ended its process, or would have: nothing more can be sent to it."""

    def __init__(self, component: str, reason: str) -> None:
        super().__init__(f"{component} has ended: {reason}")
        self.component = component
