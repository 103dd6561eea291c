"""The latest of everything the page shows. Each page gets the present state when it can take it, never a queue."""

import asyncio
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from kalshi_alpha.adapters.control_socket import ServerLost, ViewReceived
from kalshi_alpha.console.drill_panel import NEVER, DrillPanel
from kalshi_alpha.console.guardian_panel import ABSENT, GuardianPanel
from kalshi_alpha.model.clock import NS_PER_MS, Now
from kalshi_alpha.model.view import EngineView

MAX_PAGES: Final = 32


class StopStatus(msgspec.Struct, frozen=True):
    """How far the last STOP got."""

    state: Literal["none", "sending", "waiting", "delivered"]
    """``waiting``: written to disk and tried again and again, because the trading process doesn't answer."""
    message: str = ""
    after_seq: int = 0
    """Views with a higher number were received after the trading process confirmed the STOP."""


class PageState(msgspec.Struct, frozen=True):
    """What a page is sent."""

    reachable: bool
    """The trading process holds the connection and its views are understood."""
    note: str
    """Why it isn't reachable."""
    seq: int
    """Number of views since the console's start."""
    view_age_ms: int | None
    """Real milliseconds since the last view; None: there was none yet."""
    stop: StopStatus
    guardian: GuardianPanel
    drill: DrillPanel
    view: msgspec.Raw
    """The last ``EngineView``, or null."""


class Page:
    """One open page: woken on change, closed when there are too many."""

    def __init__(self) -> None:
        """Start with something to show."""
        self.changed = asyncio.Event()
        self.changed.set()
        self.is_closed = False


class Board:
    """Holds the state and wakes the pages."""

    def __init__(self, now: Callable[[], Now]) -> None:
        """Take the clock that ages of views are measured with."""
        self._now = now
        self._reachable = False
        self._note = "not connected yet"
        self._seq = 0
        self._view = b"null"
        self._view_mono_ns: int | None = None
        self._stop = StopStatus("none")
        self._guardian = ABSENT
        self._drill = NEVER
        self._stood_down = False
        self._latches: tuple[str, ...] = ()
        self._pages: dict[Page, None] = {}

    @property
    def seq(self) -> int:
        """How many views came so far."""
        return self._seq

    @property
    def stop(self) -> StopStatus:
        """How far the last STOP got."""
        return self._stop

    @property
    def latches(self) -> tuple[str, ...]:
        """The latches in force by the last view."""
        return self._latches

    def learn(self, update: ViewReceived | ServerLost) -> None:
        """Take a view, or the loss of the trading process."""
        match update:
            case ServerLost(reason):
                if not self._reachable and self._note == reason:
                    return
                self._reachable, self._note = False, reason
            case ViewReceived(view_json):
                self._take(view_json)
        self._wake()

    def learn_stop(self, status: StopStatus) -> None:
        """Take the progress of a STOP."""
        self._stop, self._stood_down = status, False
        self._wake()

    def learn_files(self, guardian: GuardianPanel, drill: DrillPanel) -> None:
        """Take what the guardian's file and the drills' records say."""
        if (guardian, drill) != (self._guardian, self._drill):
            self._guardian, self._drill = guardian, drill
            self._wake()

    def state_json(self) -> bytes:
        """Return the present state as one line."""
        age_ms = None if self._view_mono_ns is None else (self._now().mono_ns - self._view_mono_ns) // NS_PER_MS
        state = PageState(self._reachable, self._note, self._seq, age_ms, self._stop, self._guardian, self._drill, msgspec.Raw(self._view))
        return msgspec.json.encode(state)

    def join(self) -> Page:
        """Add a page; the oldest makes room when there are too many."""
        if len(self._pages) >= MAX_PAGES:
            oldest = next(iter(self._pages))
            oldest.is_closed = True
            oldest.changed.set()
            del self._pages[oldest]
        page = Page()
        self._pages[page] = None
        return page

    def leave(self, page: Page) -> None:
        """Forget a page."""
        self._pages.pop(page, None)

    def close(self) -> None:
        """Let every page's connection end."""
        for page in self._pages:
            page.is_closed = True
        self._wake()

    def _take(self, view_json: bytes) -> None:
        try:
            view = msgspec.json.decode(view_json, type=EngineView)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._reachable, self._note = False, f"its view isn't understood: {error}"
            return
        self._reachable, self._note = True, ""
        self._seq += 1
        self._view, self._view_mono_ns, self._latches = view_json, self._now().mono_ns, view.latches
        if self._stop.state == "delivered" and view.state == "quoting" and self._stood_down:
            self._stop = StopStatus("none")  # Somebody lifted the latch elsewhere.
        self._stood_down = view.state != "quoting"

    def _wake(self) -> None:
        for page in self._pages:
            page.changed.set()
