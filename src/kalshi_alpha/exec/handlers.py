"""What the engine does with each kind of fact: a table that the parts around it add themselves to."""

from collections.abc import Callable
from typing import Any

from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import Now

Handler = Callable[[Any, Now], None]
Table = dict[type[ev.Event], Handler]


def behind(table: Table, learn: Table) -> Table:
    """Return a table in which each of these handlers comes after the one that is there, if any."""
    return table | {kind: _both(table[kind], handler) if kind in table else handler for kind, handler in learn.items()}


def _both(first: Handler, second: Handler) -> Handler:
    def handler(event: ev.Event, now: Now) -> None:
        first(event, now)
        second(event, now)

    return handler
