"""The engine's present state as the page, the monitors and the command line show it."""

from typing import Final

from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.loss_limits import fair_values
from kalshi_alpha.exec.quoted_ladder import QuotedLadder
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.instruments import Market, Window
from kalshi_alpha.model.reasons import Reason, StandDown
from kalshi_alpha.model.units import DOLLAR_E4, DOLLAR_E6
from kalshi_alpha.model.view import (
    EngineView,
    IncidentView,
    LadderView,
    OrderView,
    PnlView,
    RungView,
    WindowView,
)
from kalshi_alpha.sched.calendar import CalendarRangeError

SHOWN_RUNGS: Final = 26
SHOWN_INCIDENTS: Final = 30
LAST_CENT: Final = 99
"""Of a "between" rung's upper bound: 6,874.99 is the last value below 6,875."""
SENTENCES: Final[dict[Reason, str]] = {
    Reason.NOT_RECONCILED: "asking the venue what rests and what filled",
    Reason.NO_WINDOW: "no window is open",
    Reason.CALENDAR_ENDS: "the built-in calendar has no such day",
    Reason.CALENDAR_IN_DOUBT: "the calendar is in doubt",
    Reason.FROZEN: "frozen until the target",
    Reason.CLOCK_OFFSET: "our clock isn't surely within 1 s of the venue's",
    Reason.FEED_DOWN: "no fresh index feed",
    Reason.FEED_DISAGREES: "the feeds disagree",
    Reason.FEED_UNCONFIRMED: "the feed's recovery isn't confirmed",
    Reason.FEED_JUMPED: "the index jumped on one feed only",
    Reason.IMPLIED_LEVEL: "the venue's prices or a further leg contradict the feeds",
    Reason.FINAL_MINUTE_LAG: "index too old for the final minute",
    Reason.VENUE_DISCONNECTED: "venue stream is down",
    Reason.EXCHANGE_PAUSED: "the exchange is paused",
    Reason.EXCHANGE_UNKNOWN: "the exchange's status is unknown",
    Reason.NO_ORDER_GROUP: "no order group",
    Reason.NO_LADDER: "the venue lists no ladder for this window",
    Reason.FEES_UNKNOWN: "unknown fee",
    Reason.RISK_LIMIT: "loss limit reached",
    Reason.LEDGER_MISMATCH: "positions differ from the venue's",
    Reason.CASH_MISMATCH: "cash differs from the venue's",
    Reason.STORAGE_FAILED: "the journal can't be written",
    Reason.STORAGE_SLOW: "the journal's disk is slow",
    Reason.STORAGE_SHORT: "the journal's disk is nearly full",
    Reason.CANCEL_ALL: "cancel-all is latched",
    Reason.MAINTENANCE: "the venue's maintenance",
    Reason.OPERATOR_STOP: "STOP was pressed",
    Reason.SHUTTING_DOWN: "shutting down",
}
WAITING: Final = frozenset({Reason.NO_WINDOW, Reason.FROZEN})
STARTING: Final = frozenset(
    {Reason.NOT_RECONCILED, Reason.NO_ORDER_GROUP, Reason.VENUE_DISCONNECTED, Reason.EXCHANGE_UNKNOWN, Reason.CLOCK_OFFSET}
)


def engine_view(engine: Engine, now: Now, clock_speed: float, levels: dict[str, tuple[tuple[int, float, str], ...]]) -> EngineView:
    """Return everything the page shows.

    Args:
        engine: The running engine.
        now: The instant to show.
        clock_speed: Simulated seconds per real second, 1.0 in production.
        levels: Recent index values per symbol, kept by the driver.

    """
    facts = engine.facts
    windows = tuple(_window(window, now) for window in _today(facts, now))
    current = next((window for window in windows if window.state in {"active", "frozen"}), None)
    gap = facts.ev_gap.summary()
    realised_e6, marked_e6 = facts.ledger.realised_e6, facts.ledger.marked_e6(fair_values(facts))
    return EngineView(
        utc_ns=now.utc_ns,
        epoch=facts.epoch,
        mode=facts.config.mode,
        clock_speed=clock_speed,
        state=_state(facts),
        reasons=tuple(_sentence(held) for held in facts.reasons),
        latches=tuple(facts.orders.latches),
        alerts=engine.alerts.open,
        restart_s=_restart_s(facts),
        window=current or next((window for window in windows if window.state == "next"), None),
        windows=windows,
        feed=facts.failover.view(now),
        feed_timeline=tuple(facts.failover.timeline),
        feed_snapshots=facts.feed_evidence.snapshots(now),
        levels=levels,
        venue_connected=facts.venue.connected,
        exchange_status=_exchange_status(facts),
        ladders=tuple(_ladder(facts, ladder) for ladder in facts.ladders.values()),
        orders=_orders(facts),
        incidents=_incidents(facts),
        pnl=PnlView(
            realised_e6, marked_e6, facts.ledger.fees_e6, facts.ledger.fills, facts.ledger.contracts_e2, engine.windows.unsettled_e2()
        ),
        ev_gap_max_usd=gap.max_delta_usd,
        ev_gap_threshold_usd=gap.threshold_usd,
        ev_gap_sample_size=gap.sample_size,
        quotes_placed=facts.quotes_placed,
        write_tokens=float(facts.bucket.available(now.mono_ns)),
        max_open_orders=facts.config.quoting.max_open_orders,
        calendar=engine.calendar.view(now),
        clock=engine.clocks.view(now),
        maintenance=engine.maintenance.view(now),
    )


def _incidents(facts: EngineFacts) -> tuple[IncidentView, ...]:
    return tuple(IncidentView(noted.utc_ns, noted.kind, noted.title, noted.did) for noted in list(facts.incidents)[:SHOWN_INCIDENTS])


def _state(facts: EngineFacts) -> str:
    held = {stand_down.reason for stand_down in facts.reasons if not stand_down.scope or stand_down.reason in WAITING}
    if not facts.reasons or (not held and any(ladder.allowed for ladder in facts.ladders.values())):
        return "quoting"
    if Reason.NOT_RECONCILED in held and held <= STARTING | WAITING:
        return "starting"
    if held and held <= WAITING:
        return "waiting"
    return "standing_down"


def _sentence(held: StandDown) -> str:
    text = SENTENCES[held.reason]
    scope = f"{held.scope}: " if held.scope else ""
    return f"{scope}{text}{f' ({held.note})' if held.note else ''}"


def _restart_s(facts: EngineFacts) -> float | None:
    if facts.booted is None or facts.first_order_mono_ns is None:
        return None
    return (facts.first_order_mono_ns - facts.booted.mono_ns) / NS_PER_S


def _exchange_status(facts: EngineFacts) -> str:
    venue = facts.venue
    if venue.status_mono_ns is None:
        return "unknown"
    if not venue.exchange_active:
        return "exchange paused"
    return "trading" if venue.trading_active else "trading paused"


def _today(facts: EngineFacts, now: Now) -> tuple[Window, ...]:
    try:
        return facts.schedule.today(now.utc_ns)
    except CalendarRangeError:
        return ()


def _window(window: Window, now: Now) -> WindowView:
    if now.utc_ns >= window.target_ns:
        state = "done"
    elif now.utc_ns >= window.freeze_ns:
        state = "frozen"
    else:
        state = "active" if now.utc_ns >= window.start_ns else "next"
    return WindowView(window.label, tuple(window.series), state, window.start_ns, window.freeze_ns, window.target_ns)


def strike_label(market: Market) -> str:
    """Return a market's bounds for people, from the bounds themselves: ``6,850`` or ``6,850-6,874.99``."""
    low = "" if market.lo_e2 is None else _points(market.lo_e2)
    high = "" if market.hi_e2 is None else _points(market.hi_e2)
    if low and high:
        return f"{low}-{high}"
    return low or f"≤ {high}"


def short_label(market: Market) -> str:
    """Return a market's bounds in short.

    Examples, with a dash instead of "to": 6,850 to 6,874.99 is ``6,850 to 874``, 6,975 to 7,024.99 is ``6,975 to 7,024``. Bounds that end
    otherwise, or nowhere, are those of ``strike_label``.
    """
    if market.lo_e2 is None or market.hi_e2 is None or market.hi_e2 % 100 != LAST_CENT:
        return strike_label(market)
    low, high = _points(market.lo_e2), _points(market.hi_e2 - LAST_CENT)
    thousands = low.rpartition(",")[0]
    return f"{low}\N{EN DASH}{high.removeprefix(f'{thousands},')}"


def _points(level_e2: int) -> str:
    whole, rest = divmod(level_e2, 100)
    return f"{whole:,}.{rest:02d}" if rest else f"{whole:,}"


def _ladder(facts: EngineFacts, quoted: QuotedLadder) -> LadderView:
    ladder = quoted.ladder
    rungs = sorted(quoted.books, key=lambda rung: (-quoted.value(rung), rung))[:SHOWN_RUNGS] if quoted.level is not None else []
    event = ladder.event_ticker
    return LadderView(
        series=ladder.series,
        event_ticker=event,
        symbol=ladder.symbol,
        level=quoted.level,
        worst_case_e6=facts.risk.worst_case_e6(event),
        limit_e6=facts.config.risk.ladder_usd * DOLLAR_E6,
        rungs=tuple(_rung(facts, quoted, rung) for rung in sorted(rungs)),
    )


def _rung(facts: EngineFacts, quoted: QuotedLadder, rung: int) -> RungView:
    market, book = quoted.ladder.markets[rung], quoted.books[rung]
    bid, ask = facts.orders.in_slot(market.ticker, "bid"), facts.orders.in_slot(market.ticker, "ask")
    return RungView(
        ticker=market.ticker,
        label=strike_label(market),
        fair_p=quoted.quoter.fair_p[rung],
        book_bid_e4=0 if book.dirty else book.best_bid_e4,
        book_ask_e4=0 if book.dirty or book.best_ask_e4 == DOLLAR_E4 else book.best_ask_e4,
        our_bid_e4=bid.intent.price_e4 if bid is not None and bid.status != "intended" else 0,
        our_ask_e4=ask.intent.price_e4 if ask is not None and ask.status != "intended" else 0,
        position_e2=facts.ledger.position_e2(market.ticker),
    )


def _orders(facts: EngineFacts) -> tuple[OrderView, ...]:
    shown = []
    for order in facts.orders.live():
        intent = order.intent
        ladder = facts.ladders.get(intent.event_ticker)
        label = short_label(ladder.ladder.markets[ladder.rung_of[intent.ticker]]) if ladder is not None else intent.ticker
        shown.append(
            OrderView(
                client_order_id=intent.client_order_id,
                ticker=intent.ticker,
                label=f"{intent.inputs.symbol[2:]} {label}",
                side=intent.side,
                price_e4=intent.price_e4,
                remaining_e2=order.remaining_e2,
                status=order.status,
                placed_ns=intent.inputs.quoted_ns,
                expiration_s=order.expiration_s,
            )
        )
    return tuple(shown)
