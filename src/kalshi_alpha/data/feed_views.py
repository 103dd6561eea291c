"""The feeds as the monitors and the page show them, from the state of each index on each leg."""

from collections.abc import Collection, Container, Mapping
from typing import NamedTuple

from kalshi_alpha.config import FeedLegConfig
from kalshi_alpha.data.leg_health import LegSymbol
from kalshi_alpha.data.symbol_feed import DOUBTS, Active, SymbolFeed
from kalshi_alpha.model.clock import NS_PER_MS, Now
from kalshi_alpha.model.instruments import Leg, Symbol
from kalshi_alpha.model.view import FeedLegView, FeedSymbolView

Feeds = Mapping[Symbol, SymbolFeed]


def age_ms(feeds: Feeds, leg: Leg, now: Now) -> int | None:
    """Return a leg's age: of its oldest symbol; None: one was never heard."""
    return oldest_ms([feed.legs[leg][0] for feed in feeds.values()], now)


def oldest_ms(legs: Collection[LegSymbol], now: Now) -> int | None:
    """Return the oldest symbol's age; None: one was never heard."""
    ages = [leg.age_ms(now.mono_ns) for leg in legs]
    known = [age for age in ages if age is not None]
    return max(known) if len(known) == len(ages) else None


def state_name(active: Active, feeds: Feeds, now: Now) -> str:
    """Return the failover's state in a word: ``primary``, or ``secondary`` or ``down``, either of them also ``_recovering``."""
    if active == "polygon":
        return "primary"
    is_recovering = all(feed.legs["polygon"][0].is_usable(now.mono_ns) for feed in feeds.values())
    name = "secondary" if active == "massive" else "down"
    return f"{name}_recovering" if is_recovering else name


class LegState(NamedTuple):
    """A leg as far as it is shown."""

    name: str
    config: FeedLegConfig
    is_connected: bool
    legs: Mapping[Symbol, LegSymbol]


def leg_view(state: LegState, disagreeing: Container[Symbol], late_ms: int, now: Now) -> FeedLegView:
    """Return one leg: all of its symbols, and the worst of each figure."""
    legs = state.legs.values()
    symbols = {
        str(name): _symbol_view(health, late_ms, now, is_connected=state.is_connected, disagrees=name in disagreeing)
        for name, health in state.legs.items()
    }
    steady = [ms for health in legs if (ms := health.steady_ms(now.mono_ns)) is not None]
    lags = [health.seen_lag_ms for health in legs if health.seen_lag_ms is not None]
    events = [health.event_ms for health in legs if health.event_ms]
    return FeedLegView(
        leg=state.name,
        connected=state.is_connected,
        stale=any(view.stale for view in symbols.values()),
        age_ms=oldest_ms(legs, now),
        steady_ms=min(steady) if len(steady) == len(legs) else None,
        slo_ms=state.config.slo_ms,
        event_lag_ms=max(lags, default=None),
        last_event_ms=max(events, default=None),
        symbols=symbols,
        recovery_ms=max(health.damping.wait_ns for health in legs) // NS_PER_MS,
        vendor=state.config.vendor,
        path=state.config.way,
    )


def _symbol_view(health: LegSymbol, late_ms: int, now: Now, *, is_connected: bool, disagrees: bool) -> FeedSymbolView:
    mono_ns = now.mono_ns
    verdict = health.verdict(mono_ns, late_ms * NS_PER_MS, connected=is_connected)
    note = DOUBTS.get(health.suspicion, "")
    if disagrees and verdict in {"FRESH", "LATE"}:
        verdict, note = "SUSPECT", "the legs disagree"
    return FeedSymbolView(not health.is_fresh(mono_ns), health.age_ms(mono_ns), health.seen_lag_ms, health.level, verdict, note)
