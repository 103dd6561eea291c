r"""The guardian's decisions: when everything is cancelled from outside of the trading process, and until when. Pure.

    watching --silent and something may rest, rests after a freeze, rests under a STOP or latch--> acting
    acting   --a read no older than the last cancel shows nothing; or the engine is back after a silence--> watching

Acting goes in rounds: trigger the order groups and cancel what they don't hold, then read. From the second round on, and at once where
nobody wants to quote again soon, also cancel-all: the venue goes on with that for a minute, and would hit a restarted engine's new orders.
"""

from typing import Final

import msgspec

from kalshi_alpha.config import CANCEL_TOKENS
from kalshi_alpha.exec.guardian_rules import after_freeze, last_freeze_ns, latched
from kalshi_alpha.exec.guardian_tale import Episode, blind_alert, episode_alert
from kalshi_alpha.exec.guardian_watch import EngineWatch
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.alerts import AlertMessage
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.commands import CancelAll, CancelOrders, CancelTarget, ReadOpenOrders, SendAlert, TriggerGroup
from kalshi_alpha.model.guardian import Heartbeat
from kalshi_alpha.model.orders import VenueOrder
from kalshi_alpha.sched.windows import WindowSchedule

GuardianRequest = ReadOpenOrders | TriggerGroup | CancelOrders | CancelAll
GuardianCommand = GuardianRequest | SendAlert

SUSPECT_NS: Final = NS_PER_S
"""After so much silence the venue is asked often, so that what rests is known when the silence is too long,"""
SUSPECT_UNTIL_NS: Final = 60 * NS_PER_S
"""and for so long: a create that was under way may come late."""
UNPROVEN_NS: Final = 1_500 * NS_PER_MS
"""So long the venue has to show that nothing rests; after that something may."""
ASK_FAST_NS: Final = 500 * NS_PER_MS
ASK_ACTING_NS: Final = 250 * NS_PER_MS
ASK_SLOWEST_NS: Final = 8 * NS_PER_S
ROUND_FIRST_NS: Final = 250 * NS_PER_MS
ROUND_SLOWEST_NS: Final = 5 * NS_PER_S
PROOF_WITHIN_NS: Final = 3 * NS_PER_S
"""A round without a proof by then is followed by another."""
TELL_AGAIN_NS: Final = 60 * NS_PER_S
BLIND_NS: Final = 10 * NS_PER_S
BLIND_TOLD_NS: Final = 300 * NS_PER_S
TRIGGER_TOKENS: Final = 10
TRIGGERS_MAX: Final = 5


class Pace(msgspec.Struct, frozen=True):
    """How often the venue is asked while all is well, and how much can be written at once."""

    venue_every_ns: int
    write_bucket: int
    """Tokens."""


class Guardian:
    """Takes what is seen of the trading process and of the venue; says what to send."""

    def __init__(self, watch: EngineWatch, schedule: WindowSchedule, subaccount: int, pace: Pace) -> None:
        """Know nothing yet: the first look asks the venue."""
        self.watch, self.schedule = watch, schedule
        self.read: ev.OpenOrdersRead | None = None
        """The last whole read."""
        self.trouble = ""
        """Why the last read failed; empty: it didn't."""
        self.episode: Episode | None = None
        """The present or the last one."""
        self.episodes = 0
        self._subaccount, self._pace = subaccount, pace
        self._stop, self._stop_ns = "", 0
        self._seen_ns: dict[str, int] = {}
        """Order id -> as of when it was first seen."""
        self._triggered: dict[str, None] = {}
        self._number = 0
        self._asking: ReadOpenOrders | None = None
        self._asked_ns: int | None = None
        """When it was asked last (machine); None: ask at once."""
        self._failures = 0
        self._blind_since_ns: int | None = None
        self._blind_told = ""
        self._suspected_ns: int | None = None
        self._out: list[GuardianCommand] = []

    def look(self, sign: Heartbeat | str, stop: str, now: Now) -> list[GuardianCommand]:
        """Take a look at the disk; return what to send.

        Args:
            sign: The trading process's sign of life, or why there is none.
            stop: The reason of a STOP that waits; empty: none does.
            now: This instant: UTC by the clock that is traded by, monotonic by the machine's.

        """
        self.watch.learn(sign, now)
        if not stop or not self._stop:
            self._stop_ns = now.utc_ns
        self._stop = stop
        return self._decided(now)

    def done(self, command: GuardianRequest, events: list[ev.Event], now: Now) -> list[GuardianCommand]:
        """Take what came of a command; return what to send."""
        if isinstance(command, ReadOpenOrders):
            self._learn_read(events, now)
        else:
            self._learn_write(command, events, now)
        return self._decided(now)

    def is_blind(self, now: Now) -> bool:
        """Whether the venue can't be read for longer than a hiccup."""
        return self._blind_since_ns is not None and now.mono_ns - self._blind_since_ns >= BLIND_NS

    # Facts

    def _learn_read(self, events: list[ev.Event], now: Now) -> None:
        self._asking = None
        found = next((event for event in events if isinstance(event, ev.OpenOrdersRead)), None)
        if found is None:
            self._failures += 1
            self.trouble = next((event.reason for event in events if isinstance(event, ev.RequestFailed)), "no answer")
            if self._blind_since_ns is None:
                self._blind_since_ns = now.mono_ns
            return
        self.trouble, self._failures, self._blind_since_ns = "", 0, None
        self.read = found
        self._seen_ns = {order.order_id: self._seen_ns.get(order.order_id, found.as_of_ns) for order in found.orders}

    def _learn_write(self, command: TriggerGroup | CancelOrders | CancelAll, events: list[ev.Event], now: Now) -> None:
        for event in events:
            if isinstance(event, ev.GroupTriggered):
                self._triggered[event.group_id] = None
        episode = self.episode
        if episode is None or not any(sent is command for sent in episode.pending):
            return
        episode.pending = [sent for sent in episode.pending if sent is not command]
        stamps = [event.stamp_ns + event.resolution_ns for event in events if isinstance(event, ev.VenueTimed)]
        # Without an answer it may take effect later than now: as of a second from now, by our clock, is the best that can be asked for.
        episode.proof_ns = max(episode.proof_ns, max(stamps, default=now.utc_ns + NS_PER_S))
        if not episode.pending:
            episode.cancelled_mono_ns, self._asked_ns = now.mono_ns, None

    # Deciding

    def _decided(self, now: Now) -> list[GuardianCommand]:
        if self.episode is not None and not self.episode.over:
            self._go_on(self.episode, now)
        if self.episode is None or self.episode.over:
            self._begin(now)
        self._tell_blindness(now)
        self._ask(now)
        taken, self._out = self._out, []
        return taken

    def _begin(self, now: Now) -> None:
        found = self._cause(now)
        if found is None:
            return
        cause, why = found
        # A silence is a reason to cancel although it isn't known whether anything rests; everything else isn't.
        is_known = cause != "silent" or self._rests(self.watch.alive_utc_ns) is not None
        self.episode = Episode(cause, why, now, len(self._orders()) if is_known else None)
        self.episodes += 1
        self._alert(episode_alert(self.episode, "raised", now))
        self._round(self.episode, now)

    def _cause(self, now: Now) -> tuple[str, str] | None:
        """Return why everything must be cancelled now, if so: the cause and a sentence."""
        watch = self.watch
        rests = f"{len(self._orders())} orders rest"
        if self._stop and self._rests(self._stop_ns):
            return "stop", f"{rests} and a STOP waits: {self._stop}"
        if watch.is_silent(now) and self._may_rest(now):
            known = rests if self._rests(watch.alive_utc_ns) is not None else f"the venue can't be read ({self.trouble or 'no answer yet'})"
            return "silent", f"no sign of life for {watch.silence_ns(now) / NS_PER_S:.1f} s ({watch.verdict(now)}); {known}"
        if self.read is None:
            return None
        if misplaced := after_freeze(self.read, self.schedule, watch):
            return "after_freeze", f"{len(misplaced)} orders rest outside of the windows of their series"
        if held := latched(self.read, self._seen_ns, watch):
            return "latched", f"{len(held)} orders rest under the latch {', '.join(watch.latches)}"
        return None

    def _go_on(self, episode: Episode, now: Now) -> None:
        if episode.pending:
            return
        if self.read is not None and self.read.as_of_ns >= episode.proof_ns and not self.read.orders:
            episode.verified_ns, episode.over = self.read.as_of_ns, True
            self._alert(episode_alert(episode, "closed", now))
            return
        if episode.cause == "silent" and not self.watch.is_silent(now):
            episode.over = True
            self._alert(episode_alert(episode, "closed", now))
            return
        shows_some = self.read is not None and self.read.as_of_ns >= episode.proof_ns
        waited_ns = now.mono_ns - episode.cancelled_mono_ns
        pause_ns = min(ROUND_FIRST_NS << min(episode.rounds - 1, 8), ROUND_SLOWEST_NS)
        if waited_ns >= (pause_ns if shows_some else max(pause_ns, PROOF_WITHIN_NS)):
            self._round(episode, now)
        if now.mono_ns - episode.told_mono_ns >= TELL_AGAIN_NS:
            episode.told_mono_ns = now.mono_ns
            self._alert(episode_alert(episode, "repeated", now))

    def _round(self, episode: Episode, now: Now) -> None:
        """Cancel everything that is known of, and after the first round everything else, too."""
        orders = self._orders()
        named = dict.fromkeys([*self.watch.groups, *(order.group_id for order in orders if order.group_id)])
        groups = [group for group in named if group not in self._triggered][-TRIGGERS_MAX:]
        sent: list[TriggerGroup | CancelOrders | CancelAll] = [TriggerGroup(self._next(), group, self._subaccount) for group in groups]
        everything = episode.rounds > 0 or episode.cause != "silent" or episode.resting is None
        loose = [order for order in orders if episode.rounds > 0 or order.group_id not in groups]
        room = (self._pace.write_bucket - TRIGGER_TOKENS * len(groups) - CANCEL_TOKENS * everything) // CANCEL_TOKENS
        if everything:
            sent.append(CancelAll(self._subaccount))
        if targets := tuple(CancelTarget(one.client_order_id, one.order_id, one.ticker, 0) for one in loose[: max(0, room)]):
            sent.append(CancelOrders(targets, self._subaccount))
        episode.rounds += 1
        episode.pending = list(sent)
        episode.cancelled_mono_ns = now.mono_ns
        self._out += sent

    # Questions

    def _orders(self) -> tuple[VenueOrder, ...]:
        return self.read.orders if self.read is not None else ()

    def _rests(self, since_ns: int) -> bool | None:
        """Whether anything rests by a read as of this time or later; None: there is no such read."""
        if self.read is None or self.read.as_of_ns < since_ns:
            return None
        return bool(self.read.orders)

    def _may_rest(self, now: Now) -> bool:
        """Whether something rests, or the venue had its time to show that nothing does and hasn't."""
        rests = self._rests(self.watch.alive_utc_ns)
        if rests is None:
            return self._suspected_ns is not None and now.mono_ns - self._suspected_ns >= UNPROVEN_NS
        return rests

    def _is_suspicious(self, now: Now) -> bool:
        if self.watch.silence_ns(now) >= SUSPECT_NS and (
            self.watch.silence_ns(now) <= SUSPECT_UNTIL_NS or self._rests(self.watch.alive_utc_ns) is None
        ):
            return True
        if self._stop and self._rests(self._stop_ns) is None:
            return True
        freeze_ns = last_freeze_ns(self.schedule, now.utc_ns)
        if freeze_ns and now.utc_ns - freeze_ns <= SUSPECT_UNTIL_NS and self._rests(freeze_ns) is None:
            return True
        return self.watch.latched_ns is not None and bool(self._orders())

    # Asking and telling

    def _ask(self, now: Now) -> None:
        """Read the venue, often where something may be wrong, seldom where not, and less often while it doesn't answer."""
        suspicious = self._is_suspicious(now)
        if not suspicious:
            self._suspected_ns = None
        elif self._suspected_ns is None:
            self._suspected_ns = now.mono_ns
        acting = self.episode if self.episode is not None and not self.episode.over else None
        every_ns = ASK_ACTING_NS if acting else ASK_FAST_NS if suspicious else self._pace.venue_every_ns
        if self._failures:
            every_ns = max(every_ns, min(ASK_FAST_NS << min(self._failures - 1, 8), ASK_SLOWEST_NS))
        if self._asking is not None or (acting is not None and acting.pending):
            return
        if self._asked_ns is None or now.mono_ns - self._asked_ns >= every_ns:
            self._asked_ns = now.mono_ns
            self._asking = ReadOpenOrders(self._next(), self._subaccount)
            self._out.append(self._asking)

    def _tell_blindness(self, now: Now) -> None:
        since_ns = self._blind_since_ns
        if since_ns is None and self._blind_told:
            self._alert(blind_alert(self._blind_told, "closed", "", now))
            self._blind_told = ""
        elif since_ns is not None and not self._blind_told and now.mono_ns - since_ns >= BLIND_TOLD_NS:
            self._blind_told = str(now.utc_ns // NS_PER_S)
            self._alert(blind_alert(self._blind_told, "raised", self.trouble, now))

    def _alert(self, message: AlertMessage) -> None:
        self._out.append(SendAlert(message))

    def _next(self) -> int:
        self._number += 1
        return self._number
