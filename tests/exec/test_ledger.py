import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.exec.ledger import Ledger, SettlementBooked
from kalshi_alpha.model.orders import Fill, VenuePosition
from kalshi_alpha.model.snapshot import LedgerSnapshot
from kalshi_alpha.model.units import Side
from tests.adapters.journal_samples import TICKER, fill


def booked(*fills: Fill) -> Ledger:
    ledger = Ledger()
    for one in fills:
        assert ledger.book(one)
    return ledger


def basis_e6(ledger: Ledger, ticker: str) -> int:
    return next((one.basis_e6 for one in ledger.snapshot().positions if one.ticker == ticker), 0)


def test_a_bought_contract_costs_its_price_and_pays_a_dollar_at_yes() -> None:
    # On paper: 4 contracts at 0.50 cost 2.00; at YES they pay 4.00; the fee was 0.0175.
    ledger = booked(fill(side="bid", price_e4=5_000, count_e2=400))

    assert (ledger.position_e2(TICKER), ledger.cash_e6, ledger.fees_e6) == (400, -2_000_000, 17_500)
    assert ledger.market_cash_e6(TICKER) == -2_017_500
    assert ledger.settle(TICKER, "yes") == SettlementBooked(TICKER, "yes", 400, 4_000_000, 2_000_000)
    assert (ledger.cash_e6, ledger.realised_e6, ledger.held_tickers()) == (2_000_000, 2_000_000, [])


def test_a_sold_contract_brings_its_price_and_owes_a_dollar_at_yes() -> None:
    # On paper: 4 contracts sold at 0.30 bring 1.20; at YES they cost 4.00, a loss of 2.80.
    ledger = booked(fill(side="ask", price_e4=3_000, count_e2=400))

    assert (ledger.position_e2(TICKER), ledger.cash_e6) == (-400, 1_200_000)
    assert ledger.settle(TICKER, "yes") == SettlementBooked(TICKER, "yes", -400, -4_000_000, -2_800_000)


def test_a_sold_contract_keeps_its_price_at_no() -> None:
    ledger = booked(fill(side="ask", price_e4=3_000, count_e2=400))

    assert ledger.settle(TICKER, "no") == SettlementBooked(TICKER, "no", -400, 0, 1_200_000)


def test_a_trade_enters_once() -> None:
    ledger = booked(fill(1), fill(2))

    assert not ledger.book(fill(1))
    assert (ledger.position_e2(TICKER), ledger.fills, ledger.contracts_e2) == (800, 2, 800)


def test_a_settlement_enters_once_and_an_unknown_outcome_never() -> None:
    ledger = booked(fill())

    assert ledger.settle(TICKER, "void") is None
    assert ledger.position_e2(TICKER) == 400
    assert ledger.settle(TICKER, "no") is not None
    assert ledger.settle(TICKER, "no") is None
    assert ledger.settle("OTHER", "yes") is None


def test_a_round_trip_realises_its_gain_at_average_cost() -> None:
    # Bought 3 at 0.40 and 1 at 0.60: average 0.45. Sold 2 at 0.55: gain 2 x 0.10. Open: 2 at 0.45.
    ledger = booked(
        fill(1, price_e4=4_000, count_e2=300), fill(2, price_e4=6_000, count_e2=100), fill(3, side="ask", price_e4=5_500, count_e2=200)
    )

    assert ledger.realised_e6 == 200_000
    assert basis_e6(ledger, TICKER) == 900_000


def test_a_trade_through_zero_closes_the_old_side_and_opens_the_new() -> None:
    # Long 1 at 0.40; sold 3 at 0.50: gain 0.10, short 2 with proceeds of 1.00.
    ledger = booked(fill(1, price_e4=4_000, count_e2=100), fill(2, side="ask", price_e4=5_000, count_e2=300))

    assert (ledger.realised_e6, ledger.position_e2(TICKER), basis_e6(ledger, TICKER)) == (100_000, -200, -1_000_000)


def test_open_positions_are_marked_against_us_and_without_a_fair_value_at_cost() -> None:
    # 0.51239 marks a long at 0.5123 and a short at 0.5124.
    long = booked(fill(1, price_e4=5_000, count_e2=100))
    short = booked(fill(1, side="ask", price_e4=5_000, count_e2=100))

    assert long.marked_e6({TICKER: 0.51239}) == 12_300
    assert short.marked_e6({TICKER: 0.51239}) == -12_400
    assert long.marked_e6({}) == 0


def test_positions_that_differ_are_named_whoever_has_them() -> None:
    ledger = booked(fill(1), fill(2, ticker="A"))

    assert ledger.mismatch((VenuePosition(TICKER, 400), VenuePosition("A", 400))) is None
    assert ledger.mismatch((VenuePosition("A", -50), VenuePosition("B", 0))) == (
        f"A: ours +4.00, the venue's -0.50; {TICKER}: ours +4.00, the venue's +0.00"
    )
    assert (
        ledger.mismatch((VenuePosition("C", 1),), among={"A", "C"}) == "A: ours +4.00, the venue's +0.00; C: ours +0.00, the venue's +0.01"
    )
    assert (ledger.mismatch(tuple(VenuePosition(f"X{number}", 100) for number in range(4))) or "").endswith("; and 3 more")


def test_a_forgotten_trade_is_never_booked_again() -> None:
    ledger = booked(fill(1), fill(2, ticker="A"), fill(3, side="ask", ticker="A"))

    ledger.forget(fill(3).ts_ms + 1)

    assert not ledger.book(fill(1))
    assert ledger.snapshot().applied == ()
    assert [one.ticker for one in ledger.snapshot().positions] == [TICKER]
    assert Ledger(ledger.snapshot()).book(fill(2)) is False
    assert ledger.position_e2(TICKER) == 400


TRADES = st.lists(
    st.tuples(st.sampled_from(("bid", "ask")), st.integers(1, 9_999), st.integers(1, 5_000), st.sampled_from(("A", "B"))), max_size=20
)


def fills_of(trades: list[tuple[Side, int, int, str]]) -> list[Fill]:
    return [fill(number, side, price, count, ticker) for number, (side, price, count, ticker) in enumerate(trades, start=1)]


@given(TRADES)
def test_cash_is_what_was_realised_less_what_is_tied_up(trades: list[tuple[Side, int, int, str]]) -> None:
    ledger = booked(*fills_of(trades))

    assert ledger.cash_e6 == ledger.realised_e6 - basis_e6(ledger, "A") - basis_e6(ledger, "B")
    assert ledger.market_cash_e6("A") + ledger.market_cash_e6("B") == ledger.cash_e6 - ledger.fees_e6


@given(TRADES, st.sampled_from(("yes", "no")))
def test_after_settlement_the_gain_is_all_the_cash(trades: list[tuple[Side, int, int, str]], result: str) -> None:
    ledger = booked(*fills_of(trades))
    paid = sum((count if side == "bid" else -count) * 10_000 for side, _, count, _ in trades) if result == "yes" else 0
    spent = sum((count if side == "bid" else -count) * price for side, price, count, _ in trades)

    for ticker in ("A", "B"):
        ledger.settle(ticker, result)

    assert ledger.cash_e6 == ledger.realised_e6 == paid - spent


@given(TRADES, st.integers(0, 20))
def test_a_restored_ledger_goes_on_as_if_it_had_never_stopped(trades: list[tuple[Side, int, int, str]], stop: int) -> None:
    fills = fills_of(trades)
    stored = msgspec.json.encode(booked(*fills[:stop]).snapshot())

    restored = Ledger(msgspec.json.decode(stored, type=LedgerSnapshot))
    for one in fills:
        restored.book(one)

    assert restored.snapshot() == booked(*fills).snapshot()
    assert restored.fills_cursor_s == (fills[-1].ts_ms // 1_000 if fills else 0)


def test_the_fee_of_a_rebate_can_be_negative() -> None:
    ledger = booked(msgspec.structs.replace(fill(), fee_e6=-5))

    assert ledger.fees_e6 == -5
