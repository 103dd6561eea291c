"""Records for tests of the journal and of what is folded from it."""

from collections.abc import Iterable

import msgspec

from kalshi_alpha.adapters.journal_codec import ORIGIN, encode_line, link_after
from kalshi_alpha.exec.recovery import RecoveredState
from kalshi_alpha.model import records as r
from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.orders import Fill, OrderIntent, QuoteInputs
from kalshi_alpha.model.snapshot import EngineSnapshot, MoneyMarks
from kalshi_alpha.model.units import Side

TICKER = "KXINXU-26NOV23H1000-T6849.9999"
EVENT = "KXINXU-26NOV23H1000"


def inputs(ev_e6: int = 120_000, level: float = 6850.25, variance: float = 1.5e-6) -> QuoteInputs:
    return QuoteInputs(
        symbol="I:SPX",
        level=level,
        event_ms=1_795_445_100_000,
        leg="polygon",
        quoted_ns=1_795_445_100_025_000_000,
        target_ns=1_795_446_000_000_000_000,
        variance=variance,
        lo_e2=685_000,
        hi_e2=None,
        best_bid_e4=4_800,
        best_ask_e4=5_300,
        fair_p=0.512,
        ev_e6=ev_e6,
        params_hash="0123456789abcdef",
    )


def intent(number: int = 1, side: Side = "bid", price_e4: int = 5_000, window: str = "2026-11-23/hourly-1000") -> OrderIntent:
    return OrderIntent(
        client_order_id=f"ka-7-{number:06d}",
        ticker=TICKER,
        event_ticker=EVENT,
        series="INXU",
        window=window,
        side=side,
        price_e4=price_e4,
        count_e2=1_000,
        expiration_s=1_795_445_120,
        group_id="group-7",
        exchange_index=0,
        subaccount=0,
        inputs=inputs(),
    )


def fill(number: int = 1, side: Side = "bid", price_e4: int = 5_000, count_e2: int = 400, ticker: str = TICKER) -> Fill:
    return Fill(
        trade_id=f"trade-{number}",
        order_id=f"order-{number}",
        client_order_id=f"ka-7-{number:06d}",
        ticker=ticker,
        side=side,
        price_e4=price_e4,
        count_e2=count_e2,
        fee_e6=17_500,
        is_taker=False,
        ts_ms=1_795_445_101_000 + number,
    )


def incident(number: int = 1, title: str = "polygon_ws stale") -> r.IncidentNoted:
    facts = {"zeta": "first", "alpha": "second", "emoji": "\N{WARNING SIGN} 1.5 \u0000"}
    return r.IncidentNoted(1_795_445_102_000_000_000, f"7-{number:03d}-feed", "feed", title, "massive serves", facts)


def every_kind() -> list[r.Record]:
    return [
        r.EngineStarted(1, 7, "cafe", "fresh"),
        r.GroupRecorded(2, "group-7", 7),
        r.GroupRetired(3, "group-6"),
        r.OrderIntended(4, intent()),
        r.OrderPlaced(5, "ka-7-000001", "order-1"),
        r.FillBooked(6, fill()),
        r.OrderClosed(7, "ka-7-000001", "executed"),
        r.MarketSettledBooked(8, TICKER, "yes", 400, 4_000_000),
        r.MoneyMarked(8, MoneyMarks(1_000_000_000_000, "2026-11-23", -250_000), "ann", "accepted the venue's cash"),
        r.WindowPhase(9, "2026-11-23/hourly-1000", "opened", 0, ""),
        r.FeedSwitched(10, "massive", "polygon", "stale", 2_100, None),
        r.StandDownChanged(11, ("no_window", "feed_down:I:NDX")),
        r.LatchSet(12, "operator_stop", "ann", "lunch"),
        r.LatchLifted(13, "operator_stop", "ann"),
        incident(),
        r.AlertRaised(15, OpenAlert("venue", "page", "The venue's stream is disconnected", "", 15, 15)),
        r.AlertAcknowledged(16, "venue", "ann"),
        r.AlertClosed(17, "venue"),
    ]


def shuffled_facts(record: r.IncidentNoted) -> r.IncidentNoted:
    return msgspec.structs.replace(record, facts=dict(reversed(record.facts.items())))


def chained(records: Iterable[r.Record], first_seq: int = 1, link: bytes = ORIGIN) -> list[bytes]:
    """Return the lines of a segment."""
    lines: list[bytes] = []
    for seq, record in enumerate(records, start=first_seq):
        lines.append(encode_line(seq, record, link))
        link = link_after(lines[-1])
    return lines


def snapshot_of(state: RecoveredState, journal_seq: int, captured_utc_ns: int) -> EngineSnapshot:
    """Return the snapshot of an engine that knows no more than was recovered."""
    return EngineSnapshot(
        captured_utc_ns=captured_utc_ns,
        epoch=state.epoch,
        config_hash=state.config_hash,
        journal_seq=journal_seq,
        active_window=state.active_window,
        orders=state.orders,
        groups=state.groups,
        latches=state.latches,
        ledger=state.ledger,
        windows_degraded=state.windows_degraded,
        incidents=state.incidents,
        alerts=state.alerts,
        ended=state.ended,
    )
