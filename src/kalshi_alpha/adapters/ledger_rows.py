"""The money's record as rows: what housekeeping keeps of the journal for good."""

from collections.abc import Iterable

import msgspec

from kalshi_alpha.model import records as r
from kalshi_alpha.model.records import Record


class LedgerRow(msgspec.Struct, frozen=True):
    """A fill or a settlement. What only the other has is empty or 0."""

    seq: int
    """The record's number in the journal."""
    utc_ns: int
    """When it was booked."""
    kind: str
    """``fill`` or ``settlement``."""
    ticker: str
    trade_id: str = ""
    order_id: str = ""
    client_order_id: str = ""
    side: str = ""
    """``bid`` bought YES, ``ask`` sold it."""
    price_e4: int = 0
    count_e2: int = 0
    fee_e6: int = 0
    is_taker: bool = False
    traded_ms: int = 0
    """The venue's time of the fill, Unix ms."""
    result: str = ""
    position_e2: int = 0
    """What was held at the settlement."""
    cash_e6: int = 0
    """What the settlement paid; negative: cost."""


def ledger_rows(seqs: Iterable[int], records: Iterable[Record]) -> list[LedgerRow]:
    """Return what these records say about money, in their order."""
    rows = (_row(seq, record) for seq, record in zip(seqs, records, strict=True))
    return [row for row in rows if row is not None]


def _row(seq: int, record: Record) -> LedgerRow | None:
    match record:
        case r.FillBooked(utc_ns=utc_ns, fill=fill):
            return LedgerRow(
                seq=seq,
                utc_ns=utc_ns,
                kind="fill",
                ticker=fill.ticker,
                trade_id=fill.trade_id,
                order_id=fill.order_id,
                client_order_id=fill.client_order_id,
                side=fill.side,
                price_e4=fill.price_e4,
                count_e2=fill.count_e2,
                fee_e6=fill.fee_e6,
                is_taker=fill.is_taker,
                traded_ms=fill.ts_ms,
            )
        case r.MarketSettledBooked(utc_ns=utc_ns, ticker=ticker, result=result, position_e2=position_e2, cash_e6=cash_e6):
            return LedgerRow(
                seq=seq, utc_ns=utc_ns, kind="settlement", ticker=ticker, result=result, position_e2=position_e2, cash_e6=cash_e6
            )
        case _:
            return None
