"""``kalshi-alpha``: every command as one program with sub-commands; the module forms stay."""

import importlib
import sys
from typing import Final

from kalshi_alpha import cli

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("kalshi_alpha.exec.runners.trade", "the trading process: --config FILE"),
    "demo": ("kalshi_alpha.sim.demo", "a whole day against a simulated exchange and two simulated feeds"),
    "windows": ("kalshi_alpha.sched.windows_cli", "when a series may be quoted: --series INXU --now TIME"),
    "calendar": ("kalshi_alpha.sched.calendar_cli", "sessions, windows and clock changes of the coming days: --ics for a calendar program"),
    "scan": ("kalshi_alpha.exec.runners.scan_ladders", "price a ladder now: --series INXU"),
    "discover": ("kalshi_alpha.exec.runners.scan_ladders --discover", "today's ladders at the venue against the windows"),
    "orders": ("kalshi_alpha.exec.state.orders_cli", "the outstanding orders; --mark-cancel-all REASON, --clear REASON"),
    "ledger": ("kalshi_alpha.exec.runners.ledger", "orders, fills and money of the journal: --sql QUERY"),
    "hotrestart": ("kalshi_alpha.sched.hotrestart_cli", "the snapshot, its age and its verdict"),
    "housekeep": ("kalshi_alpha.exec.housekeep", "compact and retire old artifacts: --keep-days 30"),
    "maintenance": ("kalshi_alpha.sched.maintenance_cli", "the maintenance calendar; add, list, remove, confirm"),
    "alerts": ("kalshi_alpha.exec.runners.alerts", "what needs the operator; --ack KEY"),
    "alert-sender": ("kalshi_alpha.exec.runners.alert_sender", "delivers the alerts; the trading process starts it"),
    "guardian": ("kalshi_alpha.exec.runners.guardian", "watches the trading process from outside and can only cancel: --config FILE"),
    "console": ("kalshi_alpha.console.__main__", "the operator's page"),
    "drill": ("kalshi_alpha.sim.drill", "rehearse a failure on the real processes: drill restart --runs 100"),
    "bench": ("kalshi_alpha.sim.bench", "measure what the project promises"),
    "exchange": ("kalshi_alpha.sim.exchange.__main__", "a simulated exchange on loopback"),
    "feed": ("kalshi_alpha.sim.feed.__main__", "a simulated index feed on loopback"),
}
"""Sub-command -> (module with ``main(argv)`` and any flags, one line of help)."""


def main(argv: list[str]) -> int:
    """Run one sub-command."""
    if not argv or argv[0] in {"-h", "--help"}:
        width = max(len(name) for name in COMMANDS)
        lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
        sys.stdout.write(f"usage: {cli.own_name(cli.PROGRAM)} COMMAND [--help]\n\n" + "\n".join(lines) + "\n")
        return cli.EXIT_OK if argv else cli.EXIT_USAGE
    if argv[0] not in COMMANDS:
        message = f"kalshi-alpha: no such command: {argv[0]!r} (one of {', '.join(COMMANDS)})"
        raise cli.UsageError(message)
    name, *flags = COMMANDS[argv[0]][0].split()
    status = importlib.import_module(name).main([*flags, *argv[1:]])
    assert isinstance(status, int)
    return status


if __name__ == "__main__":
    cli.run(main)
