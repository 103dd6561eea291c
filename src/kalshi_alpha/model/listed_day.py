"""What the venue lists for one series on one day, in the model's words and before anybody judged it."""

import msgspec

from kalshi_alpha.model.instruments import Series


class ListedMarket(msgspec.Struct, frozen=True):
    """One market as it is listed, understood or not."""

    ticker: str
    event_ticker: str
    strike_type: str
    """The venue's word; empty when it gave none."""
    floor_strike: str
    """Index points as the venue wrote them; empty when absent."""
    cap_strike: str
    lo_e2: int | None
    """Lowest level that pays YES, hundredths of a point; None: no lower bound."""
    hi_e2: int | None
    """Highest level that pays YES, inclusive; None: no upper bound."""
    problem: str
    """Why its strikes can't be understood; empty: they can."""
    open_ns: int
    close_ns: int
    """UTC nanoseconds."""
    status: str
    shard: int
    tick: str
    """Its price steps, ``0.0000-1.0000 by 0.0100``."""
    settlement_timer_s: int | None
    rules: str
    """The settlement wording: primary and secondary rules."""


class ListedEvent(msgspec.Struct, frozen=True):
    """What all markets of an event share."""

    event_ticker: str
    strike_ns: int | None
    """The instant the event is about, UTC nanoseconds, if the venue tells."""
    collateral: str
    """``MECNET``, ``DIRECNET``, or empty: no netting."""
    fee_type: str
    """Its own where it differs from its series', else that of the series."""
    fee_multiplier: float
    sources: tuple[str, ...]
    """Who says what the settlement level is."""


class ListedDay(msgspec.Struct, frozen=True):
    """Every event and market of a series that closes on one New York date."""

    series: Series
    contract_terms: str
    """Address of the contract's terms."""
    events: tuple[ListedEvent, ...]
    markets: tuple[ListedMarket, ...]
