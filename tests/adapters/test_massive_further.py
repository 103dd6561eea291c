"""A further leg's stream says under its own name what the pair's would."""

import json
from typing import TYPE_CHECKING

from kalshi_alpha.adapters.massive.further import FurtherStream
from kalshi_alpha.config import FeedLegConfig, FeedsConfig
from kalshi_alpha.model.clock import Now
from kalshi_alpha.model.events import FurtherStated, FurtherTicked
from kalshi_alpha.model.instruments import SYMBOLS

if TYPE_CHECKING:
    from kalshi_alpha.model.session import StreamSession

KEY = "pk_0123456789"
LEG = FeedLegConfig(url="wss://127.0.0.1/indices", api_key_file="-")
NOW = Now(utc_ns=1_795_444_200_000_000_000, mono_ns=5_000_000_000)


def frame(**message: object) -> str:
    return json.dumps([message])


def test_it_tells_values_connections_losses_and_complaints() -> None:
    stream: StreamSession = FurtherStream("backup", SYMBOLS, KEY, FeedsConfig(polygon=LEG, massive=LEG), 1)

    told = stream.opened(NOW)
    told += stream.received(frame(ev="status", status="connected", message="hello"), NOW)
    sent = stream.outgoing()
    told += stream.received(frame(ev="status", status="auth_success", message="authenticated"), NOW)
    sent += stream.outgoing()
    for symbol in SYMBOLS:
        told += stream.received(frame(ev="status", status="success", message=f"subscribed to: V.{symbol}"), NOW)
    told += stream.received(frame(ev="V", val=6_850.5, T="I:SPX", t=1_795_444_200_000), NOW)
    told += stream.received(frame(ev="status", status="error", message=f"no {KEY}"), NOW)
    told += stream.refused("frame refused: too deep")
    told += stream.ponged(3.0)
    told += stream.timer(NOW)
    told += stream.closed("closed 1006", NOW)
    told += stream.closed("can't connect", NOW)

    assert [json.loads(text)["action"] for text in sent] == ["auth", "subscribe"]
    assert told == [
        FurtherStated("backup", connected=True, text="subscribed"),
        FurtherTicked("backup", "I:SPX", 6_850.5, 1_795_444_200_000),
        FurtherStated("backup", connected=True, text="error: no (key)"),
        FurtherStated("backup", connected=True, text="bad_frame: frame refused: too deep"),
        FurtherStated("backup", connected=False, text="lost: closed 1006"),
    ]
    assert stream.wants_close() is None
    assert stream.next_deadline_ns() is None
    assert stream.connect_at_ns() is not None
