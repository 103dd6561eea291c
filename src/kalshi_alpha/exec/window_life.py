"""A window from listing to settlement: read its ladders, follow the money, freeze, prove empty, book the outcome."""

from datetime import date, time, timedelta
from typing import Final

from msgspec import structs

from kalshi_alpha.exec.facts import LISTING_LEAD_S, EngineFacts
from kalshi_alpha.exec.planner import OrderPlanner
from kalshi_alpha.exec.quoted_ladder import QuotedLadder
from kalshi_alpha.exec.reconcile import Reconciler
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import ReadLadder, ReadResults, SubscribeBooks, UnsubscribeBooks
from kalshi_alpha.model.instruments import Series, Symbol, Window
from kalshi_alpha.model.reasons import Reason, StandDown
from kalshi_alpha.model.records import MarketSettledBooked, WindowPhase
from kalshi_alpha.pricing.fees import UnknownFeeError
from kalshi_alpha.sched.calendar import CalendarRangeError, et_date, et_instant_ns

LISTING_RETRY_S: Final = 5.0
VERIFY_EVERY_S: Final = 0.25
VERIFY_GIVE_UP_S: Final = 30
RESULTS_AFTER_S: Final = 150
RESULTS_EVERY_S: Final = 60.0


class WindowLife:
    """Moves windows through their phases and owns the ladders of the live ones."""

    def __init__(self, facts: EngineFacts, planner: OrderPlanner, reconciler: Reconciler) -> None:
        self._facts = facts
        self._planner = planner
        self._reconciler = reconciler
        self._wanted: dict[Series, Window] = {}
        """Series whose ladder is needed now and hasn't been read."""
        self._phase: dict[str, str] = {}
        """Window key -> phase already recorded."""
        self._verifying: dict[str, Window] = {}
        self._open: dict[str, Window] = {}
        """Window key -> window that was entered and hasn't ended."""
        self._settling: dict[str, None] = {}
        """Events whose ladder is over and whose risk still counts."""
        self._told: dict[tuple[str, Series], None] = {}
        """Windows and series whose missing ladder was made known."""
        self._listed: dict[Symbol, None] = {}
        """Symbols of ladders that have been listed since they were last asked for."""
        self._withdrawn: dict[str, None] = {}
        """Windows that a changed schedule took away while they were open, until they are proven empty."""
        self.calendar_end = ""
        """Why the schedule says nothing about now; empty: it does."""

    # Time

    def act(self, now: Now) -> None:
        """Do what the clock asks for."""
        facts = self._facts
        if facts.due("window", now):
            self._turn(now)
        if facts.due("listing", now):
            self._list(now)
        if facts.due("verify", now):
            self._verify(now)
        if facts.due("results", now):
            self._ask_results(now)

    def _turn(self, now: Now) -> None:
        """Take the windows that are near, open, frozen or over, and set the next turn."""
        facts = self._facts
        near = self._near(now)
        lead_ns = LISTING_LEAD_S * NS_PER_S
        facts.activate(tuple(window for window in near if window.start_ns <= now.utc_ns < window.target_ns))
        for window in near:
            self._take_back(window, now)
            if window.start_ns - lead_ns <= now.utc_ns:
                self._prepare(window, now)
            if window.start_ns <= now.utc_ns < window.target_ns:
                self._enter(window, "opened", now)
            if window.freeze_ns <= now.utc_ns:
                self._enter(window, "frozen", now)
        self._end(now)
        marks = [self._next_boundary_ns(now)]
        marks += [window.start_ns - lead_ns for window in near if window.start_ns - lead_ns > now.utc_ns]
        marks += [window.target_ns for window in self._open.values() if window.target_ns > now.utc_ns]
        facts.at_utc("window", min(marks), now)
        facts.no_later("reads", now.mono_ns + NS_PER_S)

    def _near(self, now: Now) -> tuple[Window, ...]:
        """Return the windows that haven't ended; none, and a reason to stand down, where the calendar doesn't reach."""
        facts = self._facts
        try:
            near = facts.schedule.upcoming(now.utc_ns, 6)
        except CalendarRangeError as error:
            if not self.calendar_end:
                facts.incident(
                    now, "calendar", "The built-in calendar has ended", "stands down until it is extended", {"error": str(error)}
                )
            self.calendar_end = str(error)
            return ()
        self.calendar_end = ""
        return near

    def _next_boundary_ns(self, now: Now) -> int:
        try:
            return self._facts.schedule.next_boundary_ns(now.utc_ns)
        except CalendarRangeError:
            return et_instant_ns(et_date(now.utc_ns) + timedelta(days=1), time(0))

    def reschedule(self, now: Now) -> None:
        """Take over a changed schedule: what is open shrinks, moves or is withdrawn at once, by the one mechanism that pulls quotes."""
        facts = self._facts
        for quoted in facts.ladders.values():
            quoted.window = self._renewed(quoted.window, now)[0]
        for key, window in self._open.items():
            renewed, withdrawn = self._renewed(window, now)
            self._open[key] = renewed
            if withdrawn and self._phase[key] == "opened":
                self._withdrawn[key] = None
                self._enter(renewed, "frozen", now)
            elif not withdrawn and now.utc_ns < renewed.freeze_ns and self._phase[key] != "opened":
                self._phase[key] = "opened"
                self._verifying.pop(key, None)
                self._withdrawn.pop(key, None)
                facts.record(WindowPhase(now.utc_ns, key, "opened", len(facts.orders), "again: the schedule has changed"))
        wanted = {series: self._renewed(window, now) for series, window in self._wanted.items()}
        self._wanted = {series: window for series, (window, withdrawn) in wanted.items() if not withdrawn}
        self._turn(now)

    def _renewed(self, window: Window, now: Now) -> tuple[Window, bool]:
        """Return a window as the schedule has it now, and whether it was taken away: then it froze this instant."""
        day = self._facts.schedule.day(date.fromisoformat(window.session_date))
        found = next((other for other in day if other.key == window.key), None)
        if found is not None:
            return found, False
        return structs.replace(window, start_ns=min(window.start_ns, now.utc_ns), freeze_ns=min(window.freeze_ns, now.utc_ns)), True

    def _take_back(self, window: Window, now: Now) -> None:
        """Forget what a clock that was ahead has made of a window whose freeze is still to come: it is entered, frozen and proven anew."""
        is_frozen = self._phase.get(window.key, "") in {"frozen", "verified", "ended"}
        if is_frozen and now.utc_ns < window.freeze_ns and window.key not in self._withdrawn:
            del self._phase[window.key]
            self._verifying.pop(window.key, None)
            self._open.pop(window.key, None)

    def _end(self, now: Now) -> None:
        """Let go of what is over, also where no ladder was ever listed."""
        facts = self._facts
        for window in [window for window in self._open.values() if window.target_ns <= now.utc_ns]:
            self._enter(window, "ended", now)
        self._wanted = {series: window for series, window in self._wanted.items() if now.utc_ns < window.target_ns}
        for ladder in [ladder for ladder in facts.ladders.values() if ladder.window.target_ns <= now.utc_ns]:
            self._drop(ladder)
        if not facts.active_windows:
            facts.fees_unknown.clear()
        if self._unsettled():
            facts.no_later("results", now.mono_ns + RESULTS_AFTER_S * NS_PER_S)

    def _enter(self, window: Window, phase: str, now: Now) -> None:
        facts = self._facts
        order = ("", "opened", "frozen", "verified", "ended")
        if order.index(phase) <= order.index(self._phase.get(window.key, "")):
            return
        if self._phase.get(window.key, "") == "" and phase != "opened":
            return
        self._phase[window.key] = phase
        facts.record(WindowPhase(now.utc_ns, window.key, phase, len(facts.orders), ""))
        if phase == "opened":
            self._open[window.key] = window
            facts.failover.window_started()
        elif phase == "frozen":
            self._verifying[window.key] = window
            facts.after("verify", VERIFY_EVERY_S, now)
        elif phase == "ended":
            facts.failover.window_ended()
            del self._open[window.key]

    # Ladders

    def _prepare(self, window: Window, now: Now) -> None:
        facts = self._facts
        have = {ladder.ladder.series for ladder in facts.ladders.values() if ladder.window.key == window.key}
        for series in window.series:
            if series not in have and series not in self._wanted and now.utc_ns < window.freeze_ns:
                self._wanted[series] = window
                facts.no_later("listing", now.mono_ns)

    def _list(self, now: Now) -> None:
        facts = self._facts
        for series, window in self._wanted.items():
            facts.out.append(ReadLadder(facts.number(), series, window.target_ns))
        if self._wanted:
            facts.after("listing", LISTING_RETRY_S, now)

    def ladder_read(self, event: ev.LadderRead, now: Now) -> None:
        """Take a ladder into its window."""
        facts, ladder = self._facts, event.ladder
        window = self._wanted.get(ladder.series)
        if window is None or ladder.event_ticker in facts.ladders:
            return
        if ladder.close_ns != window.target_ns or not ladder.markets:
            self._missing(ladder.series, f"{ladder.event_ticker} closes at another time than {window.label}", now)
            return
        try:
            quoted = QuotedLadder(ladder, window, facts.config.quoting)
        except UnknownFeeError as error:
            facts.fees_unknown[ladder.event_ticker] = str(error)
            return
        del self._wanted[ladder.series]
        facts.fees_unknown.pop(ladder.event_ticker, None)
        facts.no_later("positions", now.mono_ns)  # those in these markets couldn't be compared before
        facts.ladders[ladder.event_ticker] = quoted
        self._listed[ladder.symbol] = None
        facts.risk.add_ladder(ladder)
        for market in ladder.markets:
            facts.event_of[market.ticker] = ladder.event_ticker
        self._take_over_positions(quoted)
        sample = facts.failover.sample(ladder.symbol)
        if sample is not None:
            self.follow(quoted, sample.level)

    def take_listed(self) -> dict[Symbol, None]:
        """Hand over the symbols whose new ladders are to be priced."""
        listed, self._listed = self._listed, {}
        return listed

    def ladder_missing(self, event: ev.LadderMissing, now: Now) -> None:
        """Learn that the venue doesn't list what the window needs: it is asked again while there is time."""
        self._missing(event.series, event.reason, now)

    def _missing(self, series: Series, reason: str, now: Now) -> None:
        window = self._wanted.get(series)
        if window is not None and (window.key, series) not in self._told and not self._facts.venue.silence_expected:
            self._told[window.key, series] = None
            self._facts.incident(
                now, "venue", f"{series} {window.label}: no ladder to quote", "stands down for it, asks again", {"reason": reason}
            )

    def _take_over_positions(self, quoted: QuotedLadder) -> None:
        facts = self._facts
        for ticker, rung in quoted.rung_of.items():
            position_e2, cash_e6 = facts.ledger.position_e2(ticker), facts.ledger.market_cash_e6(ticker)
            if position_e2 or cash_e6:  # what round trips cost counts, too
                facts.risk.set_position(quoted.ladder.event_ticker, rung, position_e2, cash_e6)
                quoted.hold(rung, position_e2)

    def follow(self, quoted: QuotedLadder, level: float) -> None:
        """Subscribe to the books around the money."""
        fresh = quoted.new_band(level)
        if fresh:
            self._facts.out.append(SubscribeBooks(fresh))

    def _drop(self, quoted: QuotedLadder) -> None:
        facts, event_ticker = self._facts, quoted.ladder.event_ticker
        del facts.ladders[event_ticker]
        held = set(facts.ledger.held_tickers())
        facts.last_fair_p |= {ticker: quoted.quoter.fair_p[rung] for ticker, rung in quoted.rung_of.items() if ticker in held}
        self._planner.forget(quoted)
        tickers = tuple(quoted.ladder.markets[rung].ticker for rung in sorted(quoted.books))
        if tickers:
            facts.out.append(UnsubscribeBooks(tickers))
        self._settling[event_ticker] = None
        self._free_risk()

    # Freeze

    def _verify(self, now: Now) -> None:
        """Prove with a read later than the freeze that nothing rests; ask until it is so."""
        facts = self._facts
        for key, window in list(self._verifying.items()):
            if not len(facts.orders) and self._reconciler.empty_as_of_ns >= window.freeze_ns:
                del self._verifying[key]
                self._withdrawn.pop(key, None)
                self._enter_verified(window, now)
            elif now.utc_ns > window.target_ns + VERIFY_GIVE_UP_S * NS_PER_S:
                del self._verifying[key]
                self._withdrawn.pop(key, None)
                told = {"live_orders": str(len(facts.orders)), "window": key}
                facts.incident(
                    now, "freeze", f"{window.label}: not proven empty after the freeze", "cancels were sent; check the venue", told
                )
        if self._verifying:
            self._planner.cancel_everything(now)
            facts.after("reads", 0.0, now)
            facts.after("verify", VERIFY_EVERY_S, now)

    def _enter_verified(self, window: Window, now: Now) -> None:
        took_ms = (now.utc_ns - window.freeze_ns) // 1_000_000
        self._facts.record(WindowPhase(now.utc_ns, window.key, "verified", 0, f"{took_ms} ms after the freeze"))

    # Outcome

    def _ask_results(self, now: Now) -> None:
        facts = self._facts
        unsettled = self._unsettled()
        for event_ticker, tickers in unsettled.items():
            facts.out.append(ReadResults(facts.number(), event_ticker, tuple(tickers)))
        if unsettled:
            facts.after("results", RESULTS_EVERY_S, now)

    def _unsettled(self) -> dict[str, list[str]]:
        """Return what is held outside of the live ladders by event, which is empty where an earlier process traded it."""
        facts = self._facts
        found: dict[str, list[str]] = {}
        for ticker in facts.ledger.held_tickers():
            event_ticker = facts.event_of.get(ticker, "")
            if event_ticker not in facts.ladders:
                found.setdefault(event_ticker, []).append(ticker)
        return found

    def unsettled_e2(self) -> int:
        """Return how many contracts, long or short, are held in markets that are over."""
        ledger = self._facts.ledger
        return sum(abs(ledger.position_e2(ticker)) for tickers in self._unsettled().values() for ticker in tickers)

    def _free_risk(self) -> None:
        """Let go of the risk of ladders that are over and of which nothing is held."""
        unsettled = self._unsettled()
        for event_ticker in [event for event in self._settling if event not in unsettled]:
            del self._settling[event_ticker]
            self._facts.risk.drop_ladder(event_ticker)
            self._planner.retry_refused()

    def determined(self, event: ev.MarketDetermined, now: Now) -> None:
        """Book the outcome of a market we hold."""
        facts = self._facts
        booked = facts.ledger.settle(event.ticker, event.result)
        if booked is None:
            return
        facts.last_fair_p.pop(event.ticker, None)
        facts.record(MarketSettledBooked(now.utc_ns, event.ticker, event.result, booked.position_e2, booked.cash_e6), sync=True)
        self._free_risk()

    def resume_settlement(self, now: Now) -> None:
        """After a restart: ask for the outcome of everything held that no live ladder covers."""
        if self._unsettled():
            self._facts.no_later("results", now.mono_ns + 5 * NS_PER_S)

    # Reasons

    def reasons(self, now: Now) -> list[StandDown]:
        """Return what the clock and the listings forbid."""
        facts = self._facts
        if self.calendar_end:
            return [StandDown(Reason.CALENDAR_ENDS, "", self.calendar_end)]
        if not facts.active_windows:
            return [StandDown(Reason.NO_WINDOW)]
        found = [StandDown(Reason.FROZEN, window.label) for window in facts.active_windows if now.utc_ns >= window.freeze_ns]
        found += [StandDown(Reason.CALENDAR_IN_DOUBT, "", f"{key} is withdrawn, not yet proven empty") for key in self._withdrawn]
        found += [StandDown(Reason.FEES_UNKNOWN, event, note) for event, note in facts.fees_unknown.items()]
        found += [
            StandDown(Reason.NO_LADDER, series, window.label)
            for series, window in self._wanted.items()
            if window.start_ns <= now.utc_ns < window.freeze_ns
        ]
        return found
