from kalshi_alpha.adapters.ledger_rows import LedgerRow, ledger_rows
from tests.adapters.journal_samples import TICKER, every_kind


def test_fills_and_settlements_are_the_money_and_nothing_else_is() -> None:
    fill, settlement = ledger_rows(range(1, len(every_kind()) + 1), every_kind())

    assert fill == LedgerRow(
        seq=6,
        utc_ns=6,
        kind="fill",
        ticker=TICKER,
        trade_id="trade-1",
        order_id="order-1",
        client_order_id="ka-7-000001",
        side="bid",
        price_e4=5_000,
        count_e2=400,
        fee_e6=17_500,
        is_taker=False,
        traded_ms=1_795_445_101_001,
    )
    assert settlement == LedgerRow(8, 8, "settlement", TICKER, result="yes", position_e2=400, cash_e6=4_000_000)
