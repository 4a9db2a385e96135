"""A spout under test: it is asked for tuples, and told what became of them."""

from __future__ import annotations

from typing import Any

from multilang.testing.component_run import ComponentRun, as_text
from multilang.testing.outcome import Outcome


class SpoutRun(ComponentRun):
    """A started spout; made by `multilang.testing.run`.

    Example:
        >>> from multilang.client import ReliableSpout
        >>> from multilang.testing import run
        >>> class Ones(ReliableSpout):
        ...     def next_tuple(self):
        ...         self.emit([1], tup_id="a")
        >>> ones = run(Ones)
        >>> ones.next().emits
        [Emit(values=[1], stream='default', anchors=[], message_id='a', direct_task=None)]
        >>> ones.fail("a").emitted
        [[1]]
        >>> ones.close()
    """

    def next(self, count: int = 1) -> Outcome:
        """Ask it for a tuple, so many times; return what came.

        Raises:
            Exception: what it raised, if the run says so; the outcome until then is in `outcome`.
            ComponentEnded: it has ended before.
        """
        return self._command("next", *[""] * count)

    def ack(self, *message_ids: Any) -> Outcome:
        """Tell it that tuples are done."""
        return self._command("ack", *message_ids)

    def fail(self, *message_ids: Any) -> Outcome:
        """Tell it that tuples failed."""
        return self._command("fail", *message_ids)

    def activate(self) -> Outcome:
        """Tell it that the topology goes on."""
        return self._command("activate", "")

    def deactivate(self) -> Outcome:
        """Tell it that the topology rests."""
        return self._command("deactivate", "")

    def _command(self, command: str, *message_ids: Any) -> Outcome:
        return self._tell(as_text({"command": command, "id": message_id}) for message_id in message_ids)
