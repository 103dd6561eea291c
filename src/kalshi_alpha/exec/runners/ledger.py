"""``kalshi-alpha ledger``: orders, fills and money of a folder's journal; ``--sql QUERY`` asks anything of them."""

import sys
from collections.abc import Sequence
from typing import Final

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.ledger_db import LedgerDamagedError, LedgerError, LedgerState, ask, bring_up_to_date
from kalshi_alpha.adapters.ledger_schema import Value
from kalshi_alpha.model.units import CONTRACT_E2, usd

SUMS: Final = """SELECT
 (SELECT count(*) FROM orders), (SELECT count(*) FROM open_orders),
 (SELECT count(*) FROM fills), (SELECT ifnull(sum(count_e2), 0) FROM fills), (SELECT ifnull(sum(fee_e6), 0) FROM fills),
 (SELECT count(*) FROM settlements), (SELECT count(*) FROM markets WHERE held_e2 <> 0),
 (SELECT ifnull(sum(cash_e6 - fee_e6), 0) FROM markets WHERE held_e2 = 0), (SELECT count(*) FROM incidents)"""


class Ledger(msgspec.Struct, frozen=True):
    """The command's JSON document without a query."""

    state: LedgerState
    orders: int
    open_orders: int
    """Those whose end isn't in the journal."""
    fills: int
    contracts: float
    fees_usd: str
    settlements: int
    held_markets: int
    realised_usd: str
    """After fees, of the markets in which nothing is held."""
    incidents: int


def main(argv: list[str]) -> int:
    """Bring the read model up to date, then tell what is in it or answer a query."""
    parser = cli.parser("kalshi-alpha ledger", "What the journal says of orders, fills and money; asked in SQL.")
    parser.add_argument("--sql", metavar="QUERY", help="answer this query, which can't change anything; tables: kalshi-alpha ledger --sql "
                        '"SELECT sql FROM sqlite_schema"')  # fmt: skip
    parser.add_argument("--rebuild", action="store_true", help="begin with nothing instead of what is there")
    given = parser.parse_args(argv)
    if not given.root.is_dir():
        message = f"--root {str(given.root)!r}: no such folder"
        raise cli.UsageError(message)
    try:
        state = bring_up_to_date(given.root, anew=given.rebuild)
        query = SUMS if given.sql is None else given.sql
        try:
            columns, rows = ask(given.root, query)
        except LedgerDamagedError:
            state = bring_up_to_date(given.root, anew=True)
            columns, rows = ask(given.root, query)
    except LedgerError as error:
        raise cli.UsageError(str(error)) from error
    if given.sql is not None:
        sys.stderr.write("".join(f"{line}\n" for line in _notable(state)))
        _answer(columns, rows, as_json=given.json)
    elif given.json:
        cli.print_json(_document(state, rows[0]))
    else:
        sys.stdout.write(_text(_document(state, rows[0])))
    return cli.EXIT_OK


def _notable(state: LedgerState) -> list[str]:
    lines = [f"built anew   {state.built_anew}"] if state.built_anew else []
    if state.missing:
        lines.append(f"MISSING      {state.missing:,} records that are in neither journal nor archive")
    return lines


def _document(state: LedgerState, sums: Sequence[Value]) -> Ledger:
    orders, still_open, fills, contracts_e2, fees_e6, settlements, held, realised_e6, incidents = (int(value or 0) for value in sums)
    return Ledger(
        state, orders, still_open, fills, contracts_e2 / CONTRACT_E2, usd(fees_e6), settlements, held, usd(realised_e6), incidents
    )


def _answer(columns: tuple[str, ...], rows: list[tuple[Value, ...]], *, as_json: bool) -> None:
    if as_json:
        cli.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        lines = [columns, *(["" if value is None else str(value) for value in row] for row in rows)]
        sys.stdout.write("".join("\t".join(line) + "\n" for line in lines))


def _text(ledger: Ledger) -> str:
    state = ledger.state
    lines = [
        f"ledger       {state.path}, up to record {state.seq:,}, {state.new_records:,} of them new",
        *_notable(state),
        f"orders       {ledger.orders:,}, of which {ledger.open_orders:,} haven't ended",
        f"fills        {ledger.fills:,}, {ledger.contracts:,.2f} contracts, fees {ledger.fees_usd}",
        f"settlements  {ledger.settlements:,}; {ledger.held_markets:,} markets held",
        f"realised     {ledger.realised_usd} after fees, where nothing is held",
        f"incidents    {ledger.incidents:,}",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    cli.run(main)
