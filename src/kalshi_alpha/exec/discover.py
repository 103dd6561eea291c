"""Is what the venue lists what we are going to quote? The day's listings against the day's windows, and against what was last accepted.

Markets are understood by their strike type and strikes alone. An event belongs to a window when a market of it closes at the window's
target, or when the venue says that it is about that instant; so one that closes at another time is found and told, not overlooked.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from kalshi_alpha.exec.ladder_shape import ladder_shape, named
from kalshi_alpha.exec.wording import wording_of
from kalshi_alpha.model.clock import iso_et, iso_utc
from kalshi_alpha.model.instruments import SERIES, Series, Window
from kalshi_alpha.model.listed_day import ListedDay, ListedEvent, ListedMarket
from kalshi_alpha.pricing.fees import FeeSchedule, UnknownFeeError

LIVE: Final = frozenset({"initialized", "active"})

Terms = dict[str, tuple[str, ...]]
"""What a series' markets have in common, by name: every value seen, sorted."""


class Expected(msgspec.Struct, frozen=True):
    """One ladder that a window quotes."""

    window: Window
    series: Series


class Change(msgspec.Struct, frozen=True):
    """A term that isn't what was accepted."""

    term: str
    accepted: tuple[str, ...]
    found: tuple[str, ...]


class LadderFound(msgspec.Struct, frozen=True):
    """One expected ladder as the venue lists it. Levels are index points, times ISO 8601."""

    window: str
    label: str
    series: Series
    target_et: str
    target_utc: str
    event_ticker: str | None
    """None: the venue lists none."""
    strikes: int
    by_strike_type: dict[str, int]
    step_points: float | None
    lowest: float | None
    highest: float | None
    gaps: tuple[str, ...]
    duplicates: tuple[str, ...]
    close_utc: tuple[str, ...]
    """Every close time found; one, and that of the target, is right."""
    statuses: dict[str, int]
    collateral: str | None
    fee_type: str | None
    fee_multiplier: float | None
    faults: tuple[str, ...]
    """What is wrong with the ladder; empty: nothing."""
    changed: tuple[Change, ...]
    """What differs from the accepted terms; always empty without any."""
    warnings: tuple[str, ...]


class OtherEvent(msgspec.Struct, frozen=True):
    """An event of one of our series that no window quotes."""

    series: Series
    event_ticker: str
    close_utc: tuple[str, ...]
    strikes: int


def expected_ladders(windows: Sequence[Window], series: Series | None) -> tuple[Expected, ...]:
    """Return the ladders that a day's windows quote, of one series or of all."""
    return tuple(Expected(window, one) for window in windows for one in window.series if series in {None, one})


def check_ladder(expected: Expected, day: ListedDay, accepted: Terms | None) -> LadderFound:
    """Return what the venue lists for one expected ladder, and what is wrong with it.

    Args:
        expected: The window and its series.
        day: What that series lists.
        accepted: Its terms as they were last accepted; None: never.

    """
    window = expected.window
    events = _events_of(window, day)
    if len(events) != 1:
        return _without(expected, day, events)
    event = events[0]
    markets = [market for market in day.markets if market.event_ticker == event.event_ticker]
    shape = ladder_shape(markets)
    closes = sorted({market.close_ns for market in markets})
    return LadderFound(
        window=window.key,
        label=window.label,
        series=expected.series,
        target_et=iso_et(window.target_ns),
        target_utc=iso_utc(window.target_ns),
        event_ticker=event.event_ticker,
        strikes=len(markets),
        by_strike_type=_counted(market.strike_type for market in markets),
        step_points=shape.step_points,
        lowest=shape.lowest,
        highest=shape.highest,
        gaps=shape.gaps,
        duplicates=shape.duplicates,
        close_utc=tuple(iso_utc(at) for at in closes),
        statuses=_counted(market.status for market in markets),
        collateral=event.collateral,
        fee_type=event.fee_type,
        fee_multiplier=event.fee_multiplier,
        faults=(*shape.faults, *_time_faults(window, markets)),
        changed=_changes(terms_of(day, event, window), accepted),
        warnings=_warnings(window, event, markets),
    )


def other_events(expected: Sequence[Expected], day: ListedDay) -> tuple[OtherEvent, ...]:
    """Return the events that none of a day's windows quotes."""
    quoted = {event.event_ticker for one in expected if one.series == day.series for event in _events_of(one.window, day)}
    rest = [event for event in _all_events(day) if event.event_ticker not in quoted]
    found = []
    for event in rest:
        closes = [market.close_ns for market in day.markets if market.event_ticker == event.event_ticker]
        found.append(OtherEvent(day.series, event.event_ticker, tuple(iso_utc(at) for at in sorted(set(closes))), len(closes)))
    return tuple(found)


def terms_together(expected: Sequence[Expected], day: ListedDay) -> Terms:
    """Return the terms of some ladders of one series, to be accepted together."""
    together: dict[str, set[str]] = {}
    for one in expected:
        for event in _events_of(one.window, day):
            for name, values in terms_of(day, event, one.window).items():
                together.setdefault(name, set()).update(values)
    return {name: tuple(sorted(values)) for name, values in sorted(together.items())}


def terms_of(day: ListedDay, event: ListedEvent, window: Window) -> Terms:
    """Return what one event's markets are traded and settled on."""
    markets = [market for market in day.markets if market.event_ticker == event.event_ticker]
    step = ladder_shape(markets).step_points
    terms: dict[str, set[str]] = {
        "collateral": {event.collateral or "none"},
        "contract_terms": {day.contract_terms},
        "fee_multiplier": {f"{event.fee_multiplier:g}"},
        "fee_type": {event.fee_type},
        "settlement_sources": set(event.sources),
        "settlement_timer_s": {str(market.settlement_timer_s) for market in markets},
        "shard": {str(market.shard) for market in markets},
        "step_points": {f"{step:g}"} if step is not None else set(),
        "tick": {market.tick for market in markets},
    }
    for market in markets:
        wording = wording_of(market.rules, (market.floor_strike, market.cap_strike), window.target_ns)
        terms.setdefault(f"wording {market.strike_type}", set()).add(wording)
    return {name: tuple(sorted(values)) for name, values in sorted(terms.items())}


def _events_of(window: Window, day: ListedDay) -> list[ListedEvent]:
    """Return the events that are about a window's target, or of which a market closes at it."""
    closing = {market.event_ticker for market in day.markets if market.close_ns == window.target_ns}
    return [event for event in _all_events(day) if event.event_ticker in closing or event.strike_ns == window.target_ns]


def _all_events(day: ListedDay) -> list[ListedEvent]:
    """Return the day's events; markets can name one that the venue doesn't list, and it is an event without terms."""
    listed = {event.event_ticker: event for event in day.events}
    named_by_markets = sorted({market.event_ticker for market in day.markets})
    return [listed.get(ticker) or ListedEvent(ticker, None, "", "", 0.0, ()) for ticker in named_by_markets]


def _without(expected: Expected, day: ListedDay, events: Sequence[ListedEvent]) -> LadderFound:
    """Return a ladder that can't be told: no event for the window, or several."""
    window = expected.window
    if events:
        fault = f"events {', '.join(event.event_ticker for event in events)} are about the same target"
    else:
        others = sorted({(market.close_ns, market.event_ticker) for market in day.markets})
        nearest = min(others, key=lambda other: abs(other[0] - window.target_ns), default=None)
        beside = f"; the nearest, {nearest[1]}, closes at {iso_et(nearest[0])}" if nearest else ""
        fault = f"missing: {SERIES[expected.series].venue_ticker} lists no event for {iso_et(window.target_ns)}{beside}"
    return LadderFound(
        window=window.key,
        label=window.label,
        series=expected.series,
        target_et=iso_et(window.target_ns),
        target_utc=iso_utc(window.target_ns),
        event_ticker=None,
        strikes=0,
        by_strike_type={},
        step_points=None,
        lowest=None,
        highest=None,
        gaps=(),
        duplicates=(),
        close_utc=(),
        statuses={},
        collateral=None,
        fee_type=None,
        fee_multiplier=None,
        faults=(fault,),
        changed=(),
        warnings=(),
    )


def _time_faults(window: Window, markets: Sequence[ListedMarket]) -> list[str]:
    """Return what is wrong with when the markets trade: their close must be the target, and they must be open when the window is."""
    elsewhere = [f"{market.ticker} at {iso_et(market.close_ns)}" for market in markets if market.close_ns != window.target_ns]
    late = [f"{market.ticker} at {iso_et(market.open_ns)}" for market in markets if market.open_ns > window.start_ns]
    return [
        *named(f"closes at another time than {iso_et(window.target_ns)}", elsewhere),
        *named(f"opens after the window's start at {iso_et(window.start_ns)}", late),
    ]


def _changes(found: Terms, accepted: Terms | None) -> tuple[Change, ...]:
    if accepted is None:
        return ()
    return tuple(
        Change(name, accepted.get(name, ()), values)
        for name, values in found.items()
        if any(value not in accepted.get(name, ()) for value in values)
    )


def _warnings(window: Window, event: ListedEvent, markets: Sequence[ListedMarket]) -> tuple[str, ...]:
    warnings = []
    try:
        fees = FeeSchedule.of(event.fee_type, event.fee_multiplier)
    except UnknownFeeError as error:
        warnings.append(f"{error}: not quoted")
    else:
        if fees.maker_rate_e4 and fees.multiplier_e6:
            warnings.append(f"fee type {event.fee_type}: resting orders pay a fee")
    if not event.collateral:
        warnings.append("positions in its markets don't net")
    silent = [f"{market.ticker} {market.status}" for market in markets if market.status not in LIVE and market.close_ns >= window.target_ns]
    return (*warnings, *named("not open for trading", silent))


def _counted(words: Iterable[str]) -> dict[str, int]:
    counts = Counter(words)
    return {word: counts[word] for word in sorted(counts)}
