"""The process that delivers alerts, against real targets on loopback."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from kalshi_alpha import cli
from kalshi_alpha.adapters.alert_targets import read_dead_man, read_targets
from kalshi_alpha.adapters.outbox import WAITING_MAX, Outbox
from kalshi_alpha.adapters.secret_file import SecretFileError
from kalshi_alpha.exec.runners import alert_sender
from kalshi_alpha.exec.runners.alert_sender import Sender, by_apprise, main, ping
from kalshi_alpha.model.alerts import AlertMessage, Severity


class Target:
    """Takes what it is sent; may be slow, and may refuse."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, object]] = []
        self.paths: list[str] = []
        self.status = 200
        self.delay_s = 0.0
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                time.sleep(target.delay_s)  # noqa: TID251 - a slow target
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if target.status == 200:
                    target.bodies.append(json.loads(body))
                self.send_response(target.status)
                self.end_headers()

            def do_GET(self) -> None:
                target.paths.append(self.path)
                self.send_response(target.status)
                self.end_headers()

            @override
            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def target() -> Iterator[Target]:
    found = Target()
    yield found
    found.server.shutdown()
    found.server.server_close()


def message(number: int = 1, severity: Severity = "page") -> AlertMessage:
    return AlertMessage(f"both_feeds-{number}", "raised", severity, "Both feeds are down", "active: none", number * 10**9)


def until(holds: object, sender: Sender | None = None) -> None:
    end_s = time.monotonic() + 10  # noqa: TID251 - bounded waiting for threads
    while not holds():  # type: ignore[operator]  # a callable
        assert time.monotonic() < end_s  # noqa: TID251 - see above
        if sender is not None:
            sender.look()
        time.sleep(0.02)  # noqa: TID251 - see above


@pytest.mark.filterwarnings("ignore")  # the library's own
def test_an_alert_reaches_a_target_over_apprise_and_leaves_the_outbox(tmp_path: Path, target: Target) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(message())
    sender = Sender(outbox, (f"json://127.0.0.1:{target.port}",), by_apprise)
    until(lambda: not outbox.waiting(), sender)
    sender.close()

    [body] = target.bodies
    assert body["title"] == "kalshi-alpha: Both feeds are down"
    assert body["message"] == "active: none\nboth_feeds-1"
    assert body["type"] == "failure"


def test_a_target_that_refuses_gets_it_later_and_the_others_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_sender, "RETRY_S", (0.05,))
    outbox = Outbox(tmp_path)
    outbox.put(message())
    asked: list[str] = []

    def deliver(address: str, _message: AlertMessage) -> bool:
        asked.append(address)
        return address == "good" or asked.count("bad") >= 3

    sender = Sender(outbox, ("good", "bad"), deliver)
    until(lambda: not outbox.waiting(), sender)
    sender.close()

    assert asked.count("good") == 1
    assert asked.count("bad") == 3


def test_a_target_that_hangs_keeps_no_other_waiting_however_many_alerts_there_are(tmp_path: Path) -> None:
    outbox, free = Outbox(tmp_path), threading.Event()
    for number in range(6):
        outbox.put(message(number))
    taken: list[tuple[str, str]] = []

    def deliver(address: str, told: AlertMessage) -> bool:
        if address == "hangs":
            free.wait(10)
        taken.append((address, told.alert_id))
        return True

    sender = Sender(outbox, ("hangs", "good"), deliver)
    sender.look()
    until(lambda: len(taken) == 6)
    before = list(taken)
    free.set()
    until(lambda: not outbox.waiting())
    sender.close()

    assert before == [("good", f"both_feeds-{number}") for number in range(6)]
    assert sorted(taken) == sorted((address, f"both_feeds-{number}") for address in ("hangs", "good") for number in range(6))


class Troubled(Outbox):
    """An outbox on a disk that fails for a moment."""

    troubles = 1

    @override
    def drop(self, path: Path) -> None:
        if self.troubles:
            self.troubles -= 1
            raise OSError(5)  # I/O error
        super().drop(path)


def test_a_disk_that_fails_for_a_moment_ends_no_targets_lane(tmp_path: Path) -> None:
    outbox, taken = Troubled(tmp_path), list[str]()
    outbox.put(message(1))

    def deliver(_address: str, told: AlertMessage) -> bool:
        taken.append(told.alert_id)
        return True

    sender = Sender(outbox, ("good",), deliver)
    until(lambda: not outbox.troubles, sender)
    outbox.put(message(2))
    until(lambda: not outbox.waiting(), sender)
    sender.close()

    assert taken == ["both_feeds-1", "both_feeds-2"]


def test_a_slow_target_doesnt_hold_up_the_end_and_what_is_left_waits_for_the_next_start(tmp_path: Path) -> None:
    outbox, now, taken = Outbox(tmp_path), [0.0], list[str]()
    for number in range(6):
        outbox.put(message(number))
    begun, go_on = threading.Event(), threading.Event()

    def deliver(_address: str, told: AlertMessage) -> bool:
        begun.set()
        assert go_on.wait(10)
        now[0] += 2.0
        taken.append(told.alert_id)
        return True

    sender = Sender(outbox, ("slow",), deliver, lambda: now[0])
    sender.look()
    assert begun.wait(10)
    closing = threading.Thread(target=sender.close)
    closing.start()
    until(lambda: sender._end_s is not None)
    go_on.set()
    closing.join(10)

    assert taken == ["both_feeds-0"]
    assert len(outbox.waiting()) == 5


def test_what_is_due_at_the_end_still_goes_to_a_prompt_target(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for number in range(6):
        outbox.put(message(number))
    sender = Sender(outbox, ("prompt",), lambda _address, _message: True)
    sender.look()
    sender.close()

    assert outbox.waiting() == []


def test_without_a_target_nothing_is_kept_for_one_that_may_come_much_later(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(message())
    sender = Sender(outbox, (), lambda _address, _message: True)
    sender.look()
    sender.close()

    assert outbox.waiting() == []


def test_one_that_raises_is_tried_again_and_keeps_no_other_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_sender, "RETRY_S", (0.05,))
    outbox = Outbox(tmp_path)
    for number in (1, 2):
        outbox.put(message(number))
    tries: list[str] = []

    def deliver(_address: str, told: AlertMessage) -> bool:
        tries.append(told.alert_id)
        if told.alert_id == "both_feeds-1" and tries.count("both_feeds-1") < 3:
            raise RuntimeError
        return True

    sender = Sender(outbox, ("target",), deliver)
    until(lambda: not outbox.waiting(), sender)
    sender.close()

    assert (tries.count("both_feeds-1"), tries.count("both_feeds-2")) == (3, 1)


def test_it_is_given_up_after_a_day(tmp_path: Path) -> None:
    outbox, now = Outbox(tmp_path), [0.0]
    outbox.put(message())
    sender = Sender(outbox, ("target",), lambda _address, _message: False, lambda: now[0])
    sender.look()
    until(lambda: not sender._busy)
    now[0] = 86_401.0
    until(lambda: not outbox.waiting(), sender)
    sender.close()


def test_the_outbox_is_bounded_and_pages_stay(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for number in range(WAITING_MAX):
        (tmp_path / f"{number:020d}-{'info' if number == 500 else 'page'}-{number:06d}.json").write_text("{}")
    outbox.put(message(10**6))
    outbox.put(message(10**6 + 1))

    names = [path.name for path in outbox.waiting()]
    assert len(names) == WAITING_MAX
    assert not [name for name in names if "info" in name]
    assert names[0].startswith(f"{1:020d}")


def test_what_cant_be_read_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001-page-000001.json").write_text("{")
    (tmp_path / "lock").write_text("")
    outbox = Outbox(tmp_path)
    [path] = outbox.waiting()

    assert outbox.read(path) is None
    assert outbox.waiting() == []
    assert outbox.read(path) is None
    assert Outbox(tmp_path / "none").waiting() == []


def test_targets_are_lines_of_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "targets"
    file.write_text("# who\njson://127.0.0.1:1/secret\n\nmailto://a@b.c\n")
    file.chmod(0o600)
    assert read_targets(file) == ("json://127.0.0.1:1/secret", "mailto://a@b.c")

    for text, line in (("json://a\nnonsense secret\n", "line 2"), ("\n# none\n", "no address")):
        file.write_text(text)
        with pytest.raises(SecretFileError, match=line) as refused:
            read_targets(file)
        assert "secret" not in str(refused.value)
    file.write_bytes(b"\xff")
    with pytest.raises(SecretFileError, match="not plain text"):
        read_targets(file)
    file.write_text("ftp://host\n")
    with pytest.raises(SecretFileError, match="expected one http address"):
        read_dead_man(file)


def test_the_dead_mans_address_is_asked_for(target: Target) -> None:
    assert ping(f"http://127.0.0.1:{target.port}/alive")
    target.status = 500
    assert not ping(f"http://127.0.0.1:{target.port}/alive")
    assert not ping("http://127.0.0.1:1/")
    assert target.paths == ["/alive", "/alive"]


def test_bad_settings_are_one_line(tmp_path: Path) -> None:
    text = Path("configs/example.toml").read_text()
    config = tmp_path / "config.toml"
    config.write_text(text.replace('targets_file = ""', 'targets_file = "/nowhere/targets"'))

    with pytest.raises(cli.UsageError, match="/nowhere/targets"):
        main(["--config", str(config), "--root", str(tmp_path)])


def test_a_message_survives_its_file(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(message(7, "ticket"))
    [path] = outbox.waiting()

    assert outbox.read(path) == message(7, "ticket")
    assert msgspec.json.decode(path.read_bytes())["severity"] == "ticket"
