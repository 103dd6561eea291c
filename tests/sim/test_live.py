"""What the demo makes of the trading process's answers."""

import msgspec

from kalshi_alpha.adapters.control_socket import ControlReply
from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.engine_view import engine_view
from kalshi_alpha.model.clock import Now
from kalshi_alpha.sim.fast import virtual_config
from kalshi_alpha.sim.live import view_of

AT_NS = 1_795_445_101_000_000_000


def sent(reply: ControlReply) -> ControlReply:
    """Return the reply as it arrives."""
    return msgspec.json.decode(msgspec.json.encode(reply), type=ControlReply)


def test_a_process_that_has_no_view_yet_is_no_error() -> None:
    assert view_of(sent(ControlReply(ok=True))) is None


def test_the_view_in_a_reply_is_the_engines() -> None:
    view = engine_view(Engine(virtual_config(WindowsConfig())), Now(AT_NS, AT_NS), 1.0, {})

    assert view_of(sent(ControlReply(ok=True, view=msgspec.Raw(msgspec.json.encode(view))))) == view
