"""Commands on their way to the venue's stream, and which of them still wait for an answer."""

from typing import Final

from kalshi_alpha.adapters.kalshi.frames import command
from kalshi_alpha.model.clock import NS_PER_S, Now

ANSWER_DEADLINE_NS: Final = 5 * NS_PER_S
_UNSTAMPED: Final = -1
_AT_ONCE_NS: Final = 0


class Outbox:
    """Numbers commands and watches their answers. A command without a time yet is given one at the next ``stamp``."""

    def __init__(self) -> None:
        self._number = 0
        self._frames: list[str] = []
        self._waiting: dict[int, int] = {}

    def send(self, name: str, params: dict[str, object], *, answered: bool = True) -> int:
        """Queue a command and return its number. ``answered``: a missing answer is a failure."""
        self._number += 1
        self._frames.append(command(self._number, name, params))
        if answered:
            self._waiting[self._number] = _UNSTAMPED
        return self._number

    def take(self) -> list[str]:
        """Return the queued frames, once."""
        frames, self._frames = self._frames, []
        return frames

    def answer(self, number: int | None) -> None:
        """Note that a command was answered."""
        if number is not None:
            self._waiting.pop(number, None)

    def clear(self) -> None:
        """Forget everything but the numbers used."""
        self._frames.clear()
        self._waiting.clear()

    def stamp(self, now: Now) -> None:
        """Start the clock of commands queued since the last call."""
        for number, due_ns in self._waiting.items():
            if due_ns == _UNSTAMPED:
                self._waiting[number] = now.mono_ns + ANSWER_DEADLINE_NS

    def is_overdue(self, now: Now) -> bool:
        """Whether an answer should have come by now."""
        return any(_UNSTAMPED < due_ns <= now.mono_ns for due_ns in self._waiting.values())

    def next_deadline_ns(self) -> int | None:
        """Monotonic time of the first overdue answer; at once while a command waits for its time."""
        if not self._waiting:
            return None
        due_ns = min(self._waiting.values())
        return _AT_ONCE_NS if due_ns == _UNSTAMPED else due_ns
