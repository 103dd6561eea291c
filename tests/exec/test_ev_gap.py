import msgspec
import pytest

from kalshi_alpha.exec.ev_gap import WAITING_MAX, EvGapMonitor, Independent
from kalshi_alpha.model.orders import OrderIntent
from kalshi_alpha.model.units import Side
from tests.adapters.journal_samples import inputs, intent


class FlatFee:
    """One cent for an order of 10 contracts at 0.50."""

    def maker_fee_e6(self, price_e4: int, count_e2: int) -> int:
        assert (price_e4, count_e2) == (5_000, 1_000)
        return 10_000


FEES = FlatFee()


def quote(ev_e6: int, number: int = 1, side: Side = "bid", level: float = 7_000.0, window: str = "2026-11-23/hourly-1000") -> OrderIntent:
    """A quote of 10 contracts at 0.50 on "6850 or above": at 7000 with so little variance it pays for certain, at 6700 never."""
    return msgspec.structs.replace(intent(number, side, 5_000, window), inputs=inputs(ev_e6, level, 1e-8))


@pytest.mark.parametrize(
    ("side", "level", "ev_e6"),
    # By hand: 10 contracts gain or lose 0.50 each, less one cent: 5.00 - 0.01 or -5.00 - 0.01 dollars.
    [("bid", 7_000.0, 4_990_000), ("ask", 7_000.0, -5_010_000), ("bid", 6_700.0, -5_010_000), ("ask", 6_700.0, 4_990_000)],
)
def test_an_honest_quote_has_no_gap(side: Side, level: float, ev_e6: int) -> None:
    monitor = EvGapMonitor()

    monitor.observe(quote(ev_e6, side=side, level=level), FEES)

    assert monitor.max_delta_usd == pytest.approx(0.0, abs=1e-9)
    assert monitor.summary().sample_size == 1


def test_a_quote_at_the_money_is_worth_a_half() -> None:
    monitor = EvGapMonitor()

    monitor.observe(quote(-10_000, level=6_849.995), FEES)

    assert monitor.max_delta_usd < 0.001


def test_a_gap_is_in_dollars_per_contract_and_its_quote_is_named() -> None:
    monitor = EvGapMonitor()

    monitor.observe(quote(4_990_000, 1), FEES)
    monitor.observe(quote(5_190_000, 2), FEES)  # 20 cents too good over 10 contracts

    summary = monitor.summary()
    assert summary.max_delta_usd == pytest.approx(0.02)
    assert summary.mean_delta_usd == pytest.approx(0.01)
    assert summary.worst[0].client_order_id == "ka-7-000002"
    assert summary.worst[0].recorded_usd == pytest.approx(0.519)
    assert summary.worst[0].recomputed_usd == pytest.approx(0.499)


def test_only_the_few_worst_are_kept_largest_first() -> None:
    monitor = EvGapMonitor()

    for number in (3, 9, 1, 7, 5, 8, 2, 6, 4):
        monitor.observe(quote(4_990_000 + number * 100_000, number), FEES)

    assert [case.client_order_id[-1] for case in monitor.summary().worst] == ["9", "8", "7", "6", "5"]


def test_gaps_are_kept_by_window_and_a_new_day_starts_empty() -> None:
    monitor = EvGapMonitor()
    monitor.observe(quote(4_990_000, 1), FEES)
    monitor.observe(quote(5_090_000, 2, window="2026-11-23/hourly-1100"), FEES)

    first_day = monitor.summary()
    monitor.observe(quote(4_990_000, 3, window="2026-11-24/hourly-1000"), FEES)
    second_day = monitor.summary()

    assert {name: group.sample_size for name, group in first_day.by_window.items()} == {
        "2026-11-23/hourly-1000": 1,
        "2026-11-23/hourly-1100": 1,
    }
    assert first_day.by_window["2026-11-23/hourly-1100"].max_delta_usd == pytest.approx(0.01)
    assert first_day.by_window_type["hourly"].sample_size == 2
    assert list(second_day.by_window) == ["2026-11-24/hourly-1000"]
    assert (second_day.sample_size, second_day.worst[0].client_order_id) == (1, "ka-7-000003")


@pytest.mark.parametrize(
    ("independent", "cause", "usd"),
    [
        (Independent(level=6_700.0), "index", 1.0),
        (Independent(variance=1e-8), "variance", 0.0),
        (Independent(variance=100.0), "variance", 1.0),
        (Independent(time_variance=100.0), "time", 1.0),
        (Independent(fee_e6=110_000), "fees", 0.01),
        (Independent(best_ask_e4=4_700), "book", 0.03),
        (Independent(best_ask_e4=5_100, best_bid_e4=9_000), "book", 0.0),
    ],
)
def test_replacing_one_input_attributes_its_share_to_it_alone(independent: Independent, cause: str, usd: float) -> None:
    monitor = EvGapMonitor()

    monitor.observe(quote(4_990_000), FEES, independent)

    attribution = msgspec.structs.asdict(monitor.summary().attribution)
    # With a variance of 100 the median sinks by half of it: YES is worthless.
    assert attribution.pop(cause) == pytest.approx(usd, abs=1e-3)
    assert set(attribution.values()) == {0.0}


def test_an_empty_day_has_no_gap() -> None:
    summary = EvGapMonitor().summary()

    assert (summary.max_delta_usd, summary.mean_delta_usd, summary.sample_size, summary.worst) == (0.0, 0.0, 0, ())


def test_quotes_that_nobody_asks_about_are_checked_nonetheless() -> None:
    monitor = EvGapMonitor()

    for _ in range(WAITING_MAX):
        monitor.observe(quote(4_990_000), FEES)

    assert monitor._waiting == []
    assert monitor.summary().sample_size == WAITING_MAX
