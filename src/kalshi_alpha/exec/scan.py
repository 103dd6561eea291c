"""One look at a ladder: fair value, book, the quotes we would want, and what each is worth after fees. Nothing is placed."""

from typing import Final

import msgspec

from kalshi_alpha.data.symbol_feed import Sample
from kalshi_alpha.exec.engine_view import strike_label
from kalshi_alpha.exec.quoted_ladder import QuotedLadder, quote_inputs
from kalshi_alpha.model.clock import iso_utc
from kalshi_alpha.model.orders import QuoteInputs
from kalshi_alpha.model.units import DOLLAR_E4, DOLLAR_E6, Side

LEAST_P: Final = 0.005
"""Rungs nearer to certain than this aren't shown."""


class ScannedRung(msgspec.Struct, frozen=True):
    """One strike. Prices in dollars, None: none."""

    ticker: str
    label: str
    fair_p: float
    book_bid: float | None
    book_ask: float | None
    want_bid: float | None
    want_ask: float | None
    ev_bid_usd: float | None
    ev_ask_usd: float | None


class ScanReport(msgspec.Struct, frozen=True):
    """What the command prints."""

    series: str
    event_ticker: str | None
    window: str | None
    now_utc: str
    level: float | None
    level_event_at: str | None
    leg: str | None
    variance: float | None
    reasons: tuple[str, ...]
    """Why nothing would be quoted now; empty: quoting is allowed."""
    rungs: tuple[ScannedRung, ...]


class Proposal(msgspec.Struct, frozen=True):
    """One wanted quote with everything it came from."""

    ticker: str
    side: Side
    price_e4: int
    inputs: QuoteInputs
    reasons: tuple[str, ...]
    """Why it wouldn't rest now all the same; empty: it would."""


def scanned_rungs(quoted: QuotedLadder) -> tuple[ScannedRung, ...]:
    """Return the rungs around the money that are still undecided."""
    return tuple(_rung(quoted, rung) for rung in sorted(quoted.books) if LEAST_P <= quoted.quoter.fair_p[rung] <= 1 - LEAST_P)


def proposals(quoted: QuotedLadder, sample: Sample, now_utc_ns: int, params_hash: str, reasons: tuple[str, ...]) -> list[Proposal]:
    """Return every wanted quote with its inputs."""
    found: list[Proposal] = []
    sides: tuple[Side, Side] = ("bid", "ask")
    for rung in sorted(quoted.books):
        for side in sides:
            price_e4 = quoted.wanted_e4(rung, side)
            if price_e4:
                market = quoted.ladder.markets[rung]
                inputs = quote_inputs(quoted, rung, side, sample, now_utc_ns, params_hash)
                found.append(Proposal(market.ticker, side, price_e4, inputs, reasons))
    return found


def as_table(report: ScanReport) -> str:
    """Return the report for people."""
    level = "no index value" if report.level is None else f"index {report.level:,.2f} ({report.leg}, {report.level_event_at})"
    lines = [f"{report.series}  {report.event_ticker or 'no event'}  {report.window or 'no window'}  {level}"]
    lines += [f"stands down: {reason}" for reason in report.reasons]
    if report.rungs:
        lines.append(f"{'strike':>18}  {'fair':>6}  {'bid':>6} {'ask':>6}  {'want bid':>8} {'ask':>6}  {'EV bid':>7} {'EV ask':>7}")
    lines += [
        f"{rung.label:>18}  {rung.fair_p:6.3f}  {_price(rung.book_bid):>6} {_price(rung.book_ask):>6}  "
        f"{_price(rung.want_bid):>8} {_price(rung.want_ask):>6}  {_usd(rung.ev_bid_usd):>7} {_usd(rung.ev_ask_usd):>7}"
        for rung in report.rungs
    ]
    return "\n".join(lines)


def as_markdown(report: ScanReport) -> str:
    """Return the section that goes into the series' report of the day."""
    return f"\n## {report.now_utc}\n\n```\n{as_table(report)}\n```\n"


def level_event_at(sample: Sample | None) -> str | None:
    """Return the vendor's time of the level."""
    return None if sample is None else iso_utc(sample.event_ms * 1_000_000)


def _rung(quoted: QuotedLadder, rung: int) -> ScannedRung:
    market, book = quoted.ladder.markets[rung], quoted.books[rung]
    bid_e4, ask_e4 = quoted.wanted_e4(rung, "bid"), quoted.wanted_e4(rung, "ask")
    return ScannedRung(
        ticker=market.ticker,
        label=strike_label(market),
        fair_p=round(quoted.quoter.fair_p[rung], 6),
        book_bid=_dollars(book.best_bid_e4),
        book_ask=_dollars(book.best_ask_e4 % DOLLAR_E4),
        want_bid=_dollars(bid_e4),
        want_ask=_dollars(ask_e4),
        ev_bid_usd=quoted.quoter.ev_e6(rung, "bid") / DOLLAR_E6 if bid_e4 else None,
        ev_ask_usd=quoted.quoter.ev_e6(rung, "ask") / DOLLAR_E6 if ask_e4 else None,
    )


def _dollars(price_e4: int) -> float | None:
    return price_e4 / DOLLAR_E4 if price_e4 else None


def _price(value: float | None) -> str:
    """Show cents, and what is finer only where there is any."""
    if value is None:
        return "-"
    fine = f"{value:.4f}"
    return fine.removesuffix("00")


def _usd(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
