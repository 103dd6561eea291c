"""The decoders of what comes from disk, from the page and over the control socket."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from kalshi_alpha.adapters.control_socket import MAX_COMMAND_BYTES, ControlReply, decode_command
from kalshi_alpha.adapters.journal_codec import ORIGIN, decode_lines, encode_line, framed, link_after, texts_of
from kalshi_alpha.config import ConfigError, parse_config
from kalshi_alpha.console.app import AckBody, ClearBody, StopBody, body_of
from kalshi_alpha.model import records as r
from kalshi_alpha.model.alerts import OpenAlert
from kalshi_alpha.model.orders import Fill, OrderIntent, QuoteInputs
from kalshi_alpha.model.snapshot import AppliedTrade, EngineSnapshot, GapTallies, GapTally, LedgerPosition, LedgerSnapshot, SnapshotOrder
from kalshi_alpha.sched.hotrestart import Corrupt, sealed, unsealed
from kalshi_alpha.sched.special_hours import SpecialHoursError, parse_special_hours
from tools.fuzz_decoder import Case, Decoder, json_cases, json_drawer, refuse_unwritable
from tools.fuzz_inputs import JsonInputs, spoiled, toml_inputs

_LARGEST_FILE: Final = 262_144
_ROOT: Final = Path(__file__).resolve().parent.parent


def file_decoders() -> tuple[Decoder, ...]:
    """Return them all."""
    settings = Case("file", (_ROOT / "configs" / "example.toml").read_bytes())
    return (
        Decoder("control socket", _COMMANDS, _read_command, _command_drawer),
        Decoder("page", _ACTIONS, _read_action, json_drawer),
        Decoder("journal", _lines(), _read_lines, _line_drawer),
        Decoder("snapshot", (Case("file", sealed(_SNAPSHOT)),), _read_snapshot, _snapshot_drawer),
        Decoder("settings", (settings,), _read_settings, _toml_drawer),
        Decoder("special hours", (Case("file", _HOURS),), _read_hours, _toml_drawer),
    )


_COMMANDS: Final = json_cases(
    "line",
    {"type": "Watch"},
    {"type": "Status"},
    {"type": "Stop", "actor": "anna", "reason": "drill"},
    {"type": "Clear", "actor": "anna", "reason": "operator_stop"},
    {"type": "CancelAll", "actor": "anna", "reason": "drill"},
    {"type": "ConfirmMaintenance", "actor": "anna"},
    {"type": "AckAlert", "actor": "anna", "key": "both_feeds"},
    {"type": "MaintenanceChanged"},
)


def _command_drawer(rng: Random, samples: tuple[Case, ...]) -> Callable[[], Case]:
    draw = json_drawer(rng, samples)

    def line() -> Case:
        case = draw()
        return Case(case.context, case.data[: MAX_COMMAND_BYTES - 1] + b"\n")

    return line


def _read_command(case: Case) -> bool:
    command = decode_command(case.data)
    refuse_unwritable(command)
    return not isinstance(command, ControlReply)


_BODIES: Final[dict[str, type[StopBody | ClearBody | AckBody]]] = {"stop": StopBody, "clear": ClearBody, "ack": AckBody}
_ACTIONS: Final = (
    *json_cases("stop", {"reason": "drill"}, {}),
    *json_cases("clear", {"latch": "operator_stop", "confirm": "CLEAR"}),
    *json_cases("ack", {"key": "both_feeds"}),
)


def _read_action(case: Case) -> bool:
    body = body_of(case.data, _BODIES[case.context])
    refuse_unwritable(body)
    return body is not None


# Journal

_NS: Final = 1_795_446_000_000_000_000
_INTENT: Final = OrderIntent(
    "ka-7-000001", "KXINXU-26NOV23H1000-T6849.9999", "KXINXU-26NOV23H1000", "INXU", "2026-11-23/hourly-1000", "bid", 4_700, 1_000,
    1_795_445_998, "g-1", 0, 0, QuoteInputs("I:SPX", 6_850.25, 1, "polygon", _NS, _NS, 1e-6, 685_000, None, 4_600, 4_800, 0.5, 1_000, "x"),
)  # fmt: skip
_FILL: Final = Fill(
    "t-1", "o-1", "ka-7-000001", _INTENT.ticker, "bid", 4_700, 250, 17_472, is_taker=False, ts_ms=_NS // 10**6, post_position_e2=250
)
_ALERT: Final = OpenAlert("venue", "page", "The venue's stream is disconnected", "", _NS, _NS)
_RECORDS: Final[tuple[r.Record, ...]] = (
    r.EngineStarted(_NS, 7, "cafe", "fresh"),
    r.GroupRecorded(_NS, "g-1", 7),
    r.OrderIntended(_NS, _INTENT),
    r.OrderPlaced(_NS, "ka-7-000001", "o-1"),
    r.FillBooked(_NS, _FILL),
    r.MarketSettledBooked(_NS, _INTENT.ticker, "yes", 400, 4_000_000),
    r.FeedSwitched(_NS, "massive", "polygon", "stale", 2_100, None),
    r.StandDownChanged(_NS, ("no_window", "feed_down:I:NDX")),
    r.LatchSet(_NS, "operator_stop", "anna", "lunch"),
    r.IncidentNoted(_NS, "7-001-feed", "feed", "polygon is stale", "massive serves", {"leg": "polygon"}),
    r.AlertRaised(_NS, _ALERT),
)


def _lines() -> tuple[Case, ...]:
    lines, link = [], ORIGIN
    for number, record in enumerate(_RECORDS, 1):
        lines.append(encode_line(number, record, link))
        link = link_after(lines[-1])
    return tuple(Case("line", line) for line in lines)


_TEXTS: Final = tuple(text for sample in _lines() for text, _ in texts_of(sample.data))


def _line_drawer(rng: Random, samples: tuple[Case, ...]) -> Callable[[], Case]:
    """Draw a segment of few lines: most with a right checksum and link whatever they say, some spoiled behind them."""
    inputs = JsonInputs(rng, _TEXTS)

    def draw() -> Case:
        number = rng.randrange(len(samples))
        text = inputs.draw(number).replace(b"\n", b" ")
        before = b"".join(sample.data for sample in samples[:number])
        line = framed(text, link_after(samples[number - 1].data) if number else ORIGIN)
        after = framed(_TEXTS[0], link_after(line)) if rng.random() < 0.5 else b""
        return Case("line", spoiled(rng, before + line + after, 1024 * 1024))

    return draw


def _read_lines(case: Case) -> bool:
    decoded = decode_lines(case.data)
    refuse_unwritable(decoded)
    return bool(decoded.records) and not decoded.bad_bytes


# Snapshot

_SNAPSHOT: Final = EngineSnapshot(
    captured_utc_ns=_NS, epoch=7, config_hash="cafe", journal_seq=120, active_window="2026-11-23/hourly-1000",
    orders=(SnapshotOrder(_INTENT, "resting", "o-1", 600, 1_795_445_998),), groups=("g-1",), latches=(("operator_stop", "anna", "lunch"),),
    ledger=LedgerSnapshot((LedgerPosition(_INTENT.ticker, 400, 2_000_000, -2_017_500, 5),), -2_000_000, 17_500,
        applied=(AppliedTrade("t-1", 5),)),
    windows_degraded=1, incidents=3, gap=GapTallies("2026-11-23", GapTally(1, 0.1, 0.1), {"w": GapTally()}),
    levels={"I:SPX": (6_850.25, 5)}, alerts=(_ALERT,),
)  # fmt: skip


def _snapshot_drawer(rng: Random, samples: tuple[Case, ...]) -> Callable[[], Case]:
    """Draw snapshots: most with a right seal whatever is inside, some with a strange envelope."""
    inside = JsonInputs(rng, (msgspec.json.encode(_SNAPSHOT),))
    envelope = JsonInputs(rng, tuple(sample.data for sample in samples))

    def draw() -> Case:
        if rng.random() < 0.2:
            return Case("file", spoiled(rng, envelope.draw(0), 1024 * 1024))
        data = inside.draw(0)
        digest = hashlib.sha256(data).hexdigest().encode()
        return Case("file", spoiled(rng, b'{"schema_version":1,"sha256":"%b","snapshot":%b}' % (digest, data), 1024 * 1024))

    return draw


def _read_snapshot(case: Case) -> bool:
    found = unsealed(case.data)
    refuse_unwritable(found)
    return not isinstance(found, Corrupt)


# TOML

_HOURS: Final = b"""schema_version = 1

[[day]]
date = 2026-11-27
open = "09:30"
close = "12:00"
note = "the exchange's notice of 2026-11-20"

[[day]]
date = "2026-12-24"
closed = true
note = "closed"

[[day]]
date = 2026-12-31
open = 2026-12-31T09:30:00-05:00
close = 14:00:00
note = "a notice"
"""


def _toml_drawer(rng: Random, samples: tuple[Case, ...]) -> Callable[[], Case]:
    return lambda: Case("file", spoiled(rng, toml_inputs(rng, samples[0].data), _LARGEST_FILE))


def _read_settings(case: Case) -> bool:
    try:
        refuse_unwritable(parse_config(case.data.decode(), "settings.toml"))
    except (ConfigError, UnicodeDecodeError) as error:
        return _is_refused(error)
    return True


def _read_hours(case: Case) -> bool:
    try:
        refuse_unwritable(parse_special_hours(case.data.decode(), "hours.toml"))
    except (SpecialHoursError, UnicodeDecodeError) as error:
        return _is_refused(error)
    return True


def _is_refused(error: Exception) -> bool:
    """Return that it isn't accepted; a refusal must be printable."""
    str(error).encode()
    return False
