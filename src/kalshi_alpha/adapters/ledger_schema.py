"""The read model's tables, and the rows that a journal record makes of itself in them. Pure.

Amounts and times have the journal's units: ``_e4`` 1e-4 dollars, ``_e2`` hundredths of a contract, ``_e6`` 1e-6 dollars, ``_ns`` UTC
nanoseconds, ``_ms`` Unix ms. Every row is the same however often its record is read.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from kalshi_alpha.adapters.ledger_rows import LedgerRow, ledger_rows
from kalshi_alpha.model import records as r
from kalshi_alpha.model.orders import OrderIntent
from kalshi_alpha.model.records import Record

Value = str | int | float | bool | None
Statement = tuple[str, tuple[Value, ...]]

TABLES: Final = {
    "starts": "seq INTEGER PRIMARY KEY, utc_ns INTEGER, epoch INTEGER, config_hash TEXT, snapshot TEXT",
    "orders": (
        "client_order_id TEXT PRIMARY KEY, seq INTEGER, order_id TEXT, series TEXT, event_ticker TEXT, ticker TEXT, window TEXT, "
        "side TEXT, price_e4 INTEGER, count_e2 INTEGER, expiration_s INTEGER, group_id TEXT, level REAL, fair_p REAL, ev_e6 INTEGER, "
        "intended_ns INTEGER, placed_ns INTEGER, ended_ns INTEGER, ended_by TEXT"
    ),
    "fills": (
        "seq INTEGER, trade_id TEXT PRIMARY KEY, client_order_id TEXT, order_id TEXT, ticker TEXT, side TEXT, price_e4 INTEGER, "
        "count_e2 INTEGER, fee_e6 INTEGER, is_taker INTEGER, traded_ms INTEGER, booked_ns INTEGER"
    ),
    "settlements": "seq INTEGER, utc_ns INTEGER, ticker TEXT, result TEXT, position_e2 INTEGER, cash_e6 INTEGER, PRIMARY KEY(seq, utc_ns)",
    "windows": "seq INTEGER PRIMARY KEY, utc_ns INTEGER, window TEXT, phase TEXT, resting INTEGER",
    "stand_downs": "seq INTEGER PRIMARY KEY, utc_ns INTEGER, reasons TEXT",
    "feed_switches": "seq INTEGER PRIMARY KEY, utc_ns INTEGER, active TEXT, previous TEXT, reason TEXT",
    "latches": "seq INTEGER PRIMARY KEY, utc_ns INTEGER, reason TEXT, actor TEXT, is_set INTEGER, note TEXT",
    "incidents": "seq INTEGER PRIMARY KEY, utc_ns INTEGER, incident_id TEXT, kind TEXT, title TEXT, did TEXT, facts TEXT",
}
"""Table -> its columns. ``facts`` is a JSON object, ``reasons`` has a comma between two.

Fills and settlements that housekeeping kept may be of several journals, with the same numbers: ``seq`` alone is no key of theirs.
"""
VIEWS: Final = {
    "markets": (
        "SELECT ticker, sum(position_e2) AS held_e2, sum(cash_e6) AS cash_e6, sum(fee_e6) AS fee_e6, sum(is_settled) AS is_settled FROM ("
        "SELECT ticker, iif(side = 'bid', count_e2, -count_e2) AS position_e2, "
        "iif(side = 'bid', -1, 1) * count_e2 * price_e4 AS cash_e6, fee_e6, 0 AS is_settled FROM fills "
        "UNION ALL SELECT ticker, -position_e2, cash_e6, 0, 1 FROM settlements) GROUP BY ticker"
    ),
    "open_orders": "SELECT * FROM orders WHERE ended_ns IS NULL",
}
"""Per market: what is held, what trades and settlement brought in and cost, fees; and the orders whose end isn't known."""
POSITION: Final = "seq INTEGER, record BLOB"
"""The last record that is inside, as JSON: what tells one journal from another one."""
SCHEMA: Final = ";\n".join([
    f"CREATE TABLE position({POSITION})",
    *(f"CREATE TABLE {name}({columns})" for name, columns in TABLES.items()),
    "CREATE INDEX fills_by_order ON fills(client_order_id)",
    "CREATE INDEX settlements_by_ticker ON settlements(ticker)",
    *(f"CREATE VIEW {name} AS {query}" for name, query in VIEWS.items()),
])  # fmt: skip
"""As SQLite keeps it. A file with another text is of another version, or somebody else's."""

_PLACED: Final = "UPDATE orders SET order_id = ?, placed_ns = ifnull(placed_ns, ?) WHERE client_order_id = ?"
_ENDED: Final = "UPDATE orders SET ended_ns = ?, ended_by = ? WHERE client_order_id = ? AND ended_ns IS NULL"


def statements(seq: int, record: Record) -> Iterator[Statement]:
    """Yield what brings a record into the tables."""
    at_ns = record.utc_ns
    match record:
        case r.OrderIntended(intent=intent):
            yield _insert("orders", _order(seq, at_ns, intent))
        case r.OrderPlaced():
            yield _PLACED, (record.order_id, at_ns, record.client_order_id)
        case r.OrderClosed():
            yield _ENDED, (at_ns, record.reason, record.client_order_id)
        case r.FillBooked() | r.MarketSettledBooked():
            for row in ledger_rows([seq], [record]):
                yield money(row)
        case r.EngineStarted():
            yield _insert("starts", (seq, at_ns, record.epoch, record.config_hash, record.snapshot_verdict))
        case _:
            yield from _told(seq, record)


def money(row: LedgerRow) -> Statement:
    """Return what brings a fill or a settlement into the tables, from the journal or from the ledger's archive."""
    if row.kind == "fill":
        ids = (row.trade_id, row.client_order_id, row.order_id)
        traded = (row.ticker, row.side, row.price_e4, row.count_e2, row.fee_e6, row.is_taker, row.traded_ms, row.utc_ns)
        return _insert("fills", (row.seq, *ids, *traded))
    return _insert("settlements", (row.seq, row.utc_ns, row.ticker, row.result, row.position_e2, row.cash_e6))


def _order(seq: int, at_ns: int, intent: OrderIntent) -> tuple[Value, ...]:
    market = (intent.series, intent.event_ticker, intent.ticker, intent.window)
    terms = (intent.side, intent.price_e4, intent.count_e2, intent.expiration_s, intent.group_id)
    inputs = (intent.inputs.level, intent.inputs.fair_p, intent.inputs.ev_e6)
    return (intent.client_order_id, seq, "", *market, *terms, *inputs, at_ns, None, None, "")


def _told(seq: int, record: Record) -> Iterator[Statement]:
    at_ns = record.utc_ns
    match record:
        case r.WindowPhase():
            yield _insert("windows", (seq, at_ns, record.window, record.phase, record.resting))
        case r.StandDownChanged():
            yield _insert("stand_downs", (seq, at_ns, ",".join(record.reasons)))
        case r.FeedSwitched():
            yield _insert("feed_switches", (seq, at_ns, record.active, record.previous, record.reason))
        case r.LatchSet():
            yield _insert("latches", (seq, at_ns, record.reason, record.actor, True, record.note))
        case r.LatchLifted():
            yield _insert("latches", (seq, at_ns, record.reason, record.actor, False, ""))
        case r.IncidentNoted():
            facts = msgspec.json.encode(record.facts).decode()
            yield _insert("incidents", (seq, at_ns, record.incident_id, record.kind, record.title, record.did, facts))
        case _:
            pass


def _insert(table: str, row: tuple[Value, ...]) -> Statement:
    return f"INSERT OR IGNORE INTO {table} VALUES({', '.join('?' * len(row))})", row
