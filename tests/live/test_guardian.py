"""The guardian, the trading process and the venue as real processes in real time: whoever dies or freezes, the book is empty in time."""

import os
import signal
import time
from pathlib import Path

from kalshi_alpha.adapters.heartbeat import read_guardian, write_heartbeat
from kalshi_alpha.adapters.outbox import Outbox
from kalshi_alpha.adapters.stop_request import request_stop_offline
from kalshi_alpha.adapters.system_clock import SystemClock, load_clock
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.guardian import GuardianStatus, Heartbeat
from tests.live.orders import place_lasting_order
from tests.live.venue import Servers, servers, wait_until

EMPTY_WITHIN_S = 5.0
TTL_S = 20


def seconds() -> float:
    return time.monotonic()  # noqa: TID251 - measures other processes


def status(root: Path) -> GuardianStatus:
    found = read_guardian(root)
    assert found is not None
    return found


def verified(root: Path) -> bool:
    found = read_guardian(root)
    return found is not None and found.last_action is not None and found.last_action.verified_at is not None


def quoting(venue: Servers) -> None:
    wait_until(lambda: len(venue.resting()) > 10)


def test_only_the_engine_killed_and_the_book_is_empty_within_five_seconds(tmp_path: Path) -> None:
    with servers(tmp_path, speed=1.0) as venue:
        venue.guardian()
        trader = venue.trader()
        quoting(venue)
        wait_until(lambda: status(tmp_path).engine == "alive")
        assert status(tmp_path).actions == 0

        killed_s = seconds()
        trader.kill()
        wait_until(lambda: venue.resting() == [], EMPTY_WITHIN_S)
        took_s = seconds() - killed_s
        wait_until(lambda: verified(tmp_path))

        assert 2.5 < took_s < EMPTY_WITHIN_S
        ended = [event for event in venue.log() if event.kind == "cancelled"]
        assert {event.reason for event in ended[-5:]} == {""}  # not by their expiry
        found = status(tmp_path).last_action
        assert found is not None
        assert found.cause == "silent"
        assert status(tmp_path).engine == "silent"


def test_an_engine_frozen_across_the_freeze_leaves_an_empty_book_and_is_refused_when_it_thaws(tmp_path: Path) -> None:
    with servers(tmp_path, into_window_s=900 - 2 - 20, speed=1.0) as venue:
        venue.guardian()
        trader = venue.trader()
        wait_until(lambda: len(venue.resting()) > 0)
        clock = load_clock(tmp_path / "clock.json")
        wait_until(lambda: clock.now().utc_ns >= venue.window.freeze_ns - 3 * NS_PER_S)

        os.kill(trader.process.pid, signal.SIGSTOP)
        frozen_s = seconds()
        wait_until(lambda: venue.resting() == [], EMPTY_WITHIN_S)
        assert seconds() - frozen_s < EMPTY_WITHIN_S
        wait_until(lambda: clock.now().utc_ns >= venue.window.freeze_ns + NS_PER_S)
        before = len(venue.accepted())
        os.kill(trader.process.pid, signal.SIGCONT)

        trader.end()
        assert len(venue.accepted()) == before
        assert venue.resting() == []


def test_an_order_that_rests_after_the_freeze_is_cancelled_although_the_engine_lives(tmp_path: Path) -> None:
    with servers(tmp_path, into_window_s=900 - 2 - 3, speed=1.0) as venue:
        venue.guardian()
        clock, machine = load_clock(tmp_path / "clock.json"), SystemClock()

        def beat() -> None:
            write_heartbeat(tmp_path, Heartbeat(1, 1, (), clock.now().utc_ns, machine.now().mono_ns, venue.window.freeze_ns, ()))

        def empty_while_it_beats() -> bool:
            beat()
            return venue.resting() == []

        beat()
        place_lasting_order(venue)
        assert len(venue.resting()) == 1
        wait_until(empty_while_it_beats, 3 + EMPTY_WITHIN_S)

        assert clock.now().utc_ns > venue.window.freeze_ns
        wait_until(lambda: verified(tmp_path))
        found = status(tmp_path).last_action
        assert found is not None
        assert found.cause == "after_freeze"


def test_a_stop_while_the_engine_is_dead_empties_the_book_at_once(tmp_path: Path) -> None:
    with servers(tmp_path, speed=1.0) as venue:
        venue.config.write_text(venue.config.read_text().replace("[guardian]", "[guardian]\nsilent_s = 30.0"))
        venue.guardian()
        trader = venue.trader()
        quoting(venue)
        trader.kill()

        request_stop_offline(tmp_path, "anna", "drill")
        stopped_s = seconds()
        wait_until(lambda: venue.resting() == [], EMPTY_WITHIN_S)

        assert seconds() - stopped_s < 3.0
        wait_until(lambda: verified(tmp_path))
        found = status(tmp_path).last_action
        assert found is not None
        assert (found.cause, "drill (by anna)" in found.why) == ("stop", True)


def test_what_it_did_is_an_alert_and_a_second_guardian_is_refused(tmp_path: Path) -> None:
    targets = tmp_path / "targets"
    targets.touch(mode=0o600)
    targets.write_text("json://127.0.0.1:9\n")
    with servers(tmp_path, speed=1.0) as venue:
        venue.config.write_text(venue.config.read_text().replace("[clock]", f'[alerts]\ntargets_file = "{targets}"\n[clock]'))
        first = venue.guardian()
        second = venue._start("second", "kalshi_alpha.exec.runners.guardian", ["--config", str(venue.config), "--root", str(tmp_path)])
        assert second.process.wait(20) == 2
        assert f"in use by process {first.process.pid}" in (tmp_path / "second.log").read_text()
        place_lasting_order(venue)
        wait_until(lambda: verified(tmp_path))

        outbox = Outbox(tmp_path / "data" / "alerts")
        told = [outbox.read(path) for path in outbox.waiting()]
        assert [message.what for message in told if message is not None] == ["raised", "closed"]
        assert first.end() == 0
