"""``kalshi-alpha alerts``: what needs the operator; ``--ack KEY`` takes one on. 1: a page is open that nobody has taken on."""

import getpass
import sys
from pathlib import Path

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.control_socket import AckAlert, ControlError, ControlReply, Status, control_path, send_command
from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.clock import iso_utc
from kalshi_alpha.model.view import EngineView


def main(argv: list[str]) -> int:
    """List the running engine's open alerts, after acknowledging one if that is asked for."""
    flags = cli.parser("kalshi-alpha alerts", "What needs the operator, as the running engine sees it.")
    flags.add_argument("--ack", metavar="KEY", help="take this alert on: it isn't repeated any more")
    given = flags.parse_args(argv)
    if given.ack is not None:
        reply = _send(given.root, AckAlert(getpass.getuser(), given.ack))
        if not reply.ok:
            message = f"--ack {given.ack}: {reply.message}"
            raise cli.UsageError(message)
    view = msgspec.json.decode(_send(given.root, Status()).view, type=EngineView | None)
    alerts = view.alerts if view is not None else ()
    if given.json:
        cli.print_json(alerts)
    else:
        sys.stdout.write("".join(_line(alert) for alert in alerts) or "no open alerts\n")
    return cli.EXIT_NO if any(alert.severity == "page" and not alert.acknowledged_by for alert in alerts) else cli.EXIT_OK


def _send(root: Path, command: AckAlert | Status) -> ControlReply:
    try:
        return send_command(control_path(root), command)
    except ControlError as error:
        raise cli.UnreachableError(str(error)) from error


def _line(alert: OpenAlert) -> str:
    taken = f"taken on by {alert.acknowledged_by}" if alert.acknowledged_by else "nobody has taken it on"
    text = f"\n{'':8}{alert.text}" if alert.text else ""
    return f"{alert.severity:<7} {alert.key}: {alert.title} (since {iso_utc(alert.opened_ns)}; {taken}){text}\n"


if __name__ == "__main__":
    cli.run(main)
