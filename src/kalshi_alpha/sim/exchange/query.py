"""Query strings, and lists cut into pages. A cursor that means nothing gives the first page, as the venue does it."""

from collections.abc import Sequence
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from kalshi_alpha.sim.exchange.errors import bad_parameter

_T = TypeVar("_T")
_CURSOR_PREFIX: Final = "p"


class Query:
    """The parameters of one request; ``operation`` is the name under which the venue complains of them."""

    def __init__(self, text: str, operation: str) -> None:
        self._values = dict(parse_qsl(text, keep_blank_values=True)) if text else {}
        self._operation = operation

    def text(self, name: str) -> str:
        """Return a parameter, empty when absent."""
        return self._values.get(name, "")

    def names(self, name: str) -> list[str]:
        """Return a comma-separated list."""
        return [part for part in self.text(name).split(",") if part]

    def flag(self, name: str) -> bool:
        """Whether a parameter says true."""
        return self.text(name).lower() == "true"

    def number(self, name: str) -> int | None:
        """Return a whole number, None when absent.

        Raises:
            Refusal: it isn't one.

        """
        text = self.text(name)
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise bad_parameter(self._operation, _field(name), "number") from None

    def limit(self, default: int, most: int) -> int:
        """Return how many are asked for.

        Raises:
            Refusal: too many, or not a number.

        """
        limit = self.number("limit")
        if limit is None or limit == 0:
            return default
        if limit > most:
            raise bad_parameter(self._operation, "Limit", "lte")
        if limit < 0:
            raise bad_parameter(self._operation, "Limit", "gte")
        return limit

    def page(self, items: Sequence[_T], default: int, most: int) -> tuple[Sequence[_T], str]:
        """Return one page and the cursor of the next, empty after the last.

        Raises:
            Refusal: the limit is wrong.

        """
        limit = self.limit(default, most)
        cursor = self.text("cursor")
        start = int(cursor[1:]) if cursor.startswith(_CURSOR_PREFIX) and cursor[1:].isdecimal() else 0
        stop = start + limit
        return items[start:stop], f"{_CURSOR_PREFIX}{stop}" if stop < len(items) else ""


def _field(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
