"""The witness that judges a simulated day from what it hears and what is sent."""

import msgspec
import pytest
from msgspec.structs import replace

from kalshi_alpha.adapters.journal_memory import MemoryJournal
from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.events import IndexTicked
from kalshi_alpha.model.http import HttpRequest
from kalshi_alpha.model.records import OrderIntended
from kalshi_alpha.sched.windows import WindowSchedule
from kalshi_alpha.sim.script import DEMO_DAY, DayScript
from kalshi_alpha.sim.witness import Witness
from tests.adapters.journal_samples import intent

WINDOW = WindowSchedule(WindowsConfig()).day(DEMO_DAY)[0]
IN_TIME_NS = WINDOW.start_ns + 60 * NS_PER_S
ORDERS = "/portfolio/events/orders"


def order(**changes: object) -> dict[str, object]:
    whole: dict[str, object] = {
        "ticker": "KXINXU-26NOV23H1000-T6849.9999",
        "client_order_id": "1-1",
        "side": "bid",
        "count": "5.00",
        "price": "0.4700",
        "expiration_time": IN_TIME_NS // NS_PER_S + 30,
        "order_group_id": "group",
        "exchange_index": 0,
        "subaccount": 0,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "post_only": True,
        "cancel_order_on_pause": True,
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def witness(heard_ns: int | None = IN_TIME_NS) -> Witness:
    watching = Witness(DayScript(1, DEMO_DAY.isoformat(), (WINDOW,)))
    if heard_ns is not None:
        watching.event_seen(IndexTicked("polygon", "I:SPX", 6_850.0, heard_ns // 1_000_000), heard_ns)
    return watching


def sent(body: object, path: str = ORDERS) -> HttpRequest:
    return HttpRequest("POST", path, body=msgspec.json.encode(body))


def judged(at_ns: int = IN_TIME_NS, heard_ns: int | None = IN_TIME_NS, **changes: object) -> list[str]:
    watching = witness(heard_ns)
    watching.request_sent(sent(order(**changes)), at_ns)
    return watching.violations


def test_an_order_that_keeps_every_promise_is_passed_over() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"post_only": False}, "post_only"),
        ({"post_only": None}, "post_only"),
        ({"cancel_order_on_pause": None}, "cancel_order_on_pause"),
        ({"time_in_force": "immediate_or_cancel"}, "time_in_force"),
        ({"order_group_id": ""}, "order_group_id"),
        ({"expiration_time": None}, "expiration_time"),
        ({"self_trade_prevention_type": None}, "self_trade_prevention_type"),
        ({"exchange_index": None, "subaccount": None}, "exchange_index, subaccount"),
    ],
)
def test_an_order_without_a_backstop_is_told(changes: dict[str, object], missing: str) -> None:
    watching = witness()

    watching.request_sent(sent(order(**changes)), IN_TIME_NS)
    (told,) = watching.violations

    assert told == f"I13 order without {missing}: 1-1 KXINXU-26NOV23H1000-T6849.9999 at {IN_TIME_NS}"


def test_an_order_that_cannot_be_read_is_told() -> None:
    (told,) = judged(exchange_index="0")

    assert told.startswith("I13 unreadable order: Expected `int")


def test_an_id_used_twice_is_told() -> None:
    watching = witness()

    watching.request_sent(sent({"orders": [order(), order(client_order_id="1-2")]}, f"{ORDERS}/batched"), IN_TIME_NS)
    assert watching.violations == []
    watching.request_sent(sent({"orders": [order(client_order_id="1-2")]}, f"{ORDERS}/batched"), IN_TIME_NS)

    assert [told[:16] for told in watching.violations] == ["I4 id used twice"]


def test_an_order_outside_every_window_or_that_may_outlive_it_is_told() -> None:
    early_ns = WINDOW.start_ns - 1
    freeze_s = WINDOW.freeze_ns // NS_PER_S

    assert [told[:35] for told in judged(early_ns, early_ns)] == ["I1 order sent outside every window:"]
    assert [told[:32] for told in judged(expiration_time=freeze_s + 1)] == ["I1 order may outlive the freeze:"]
    assert judged(expiration_time=freeze_s) == []


def test_an_order_on_an_old_value_is_told() -> None:
    limit_ns = 2 * NS_PER_S

    assert judged(IN_TIME_NS + limit_ns) == []
    assert [told[:51] for told in judged(IN_TIME_NS + limit_ns + 1)] == ["I2 order priced on a value 2000000001 ns old: 1-1 K"]
    assert [told[:43] for told in judged(heard_ns=None)] == ["I2 order priced on a value never heard ns o"]


def test_the_same_event_time_heard_again_makes_no_value_younger() -> None:
    watching = witness()
    again_ns = IN_TIME_NS + NS_PER_S
    watching.event_seen(IndexTicked("massive", "I:SPX", 6_850.0, IN_TIME_NS // 1_000_000), again_ns)

    watching.request_sent(sent(order()), IN_TIME_NS + 2 * NS_PER_S + 1)

    assert [told[:2] for told in watching.violations] == ["I2"]
    assert watching.events == 2


def test_other_requests_are_none_of_its_business() -> None:
    watching = witness()

    watching.request_sent(HttpRequest("DELETE", f"{ORDERS}/batched", body=b"{}"), IN_TIME_NS)
    watching.request_sent(HttpRequest("POST", f"{ORDERS}/some-id/amend", body=b"{}"), IN_TIME_NS)

    assert watching.violations == []


def test_an_order_sent_before_its_intent_was_durable_is_told() -> None:
    watching, journal = witness(), MemoryJournal()
    watching.journal_is(journal)
    journal.append((OrderIntended(1, replace(intent(), client_order_id="1-1")),))
    watching.request_sent(sent(order()), IN_TIME_NS)
    early = list(watching.violations)
    journal.append((OrderIntended(1, replace(intent(), client_order_id="1-2")),))
    journal.sync()

    watching.request_sent(sent(order(client_order_id="1-2")), IN_TIME_NS)

    assert [told.split(":")[0] for told in early] == ["I9 order sent before its intent was durable"]
    assert watching.violations == early


def test_what_a_request_costs_is_kept_with_what_it_orders_and_cancels() -> None:
    watching = witness()
    cancels = msgspec.json.encode({"orders": [{"order_id": "a"}, {"order_id": "b"}]})
    requests = [
        sent(order()),
        sent({"orders": [order(client_order_id="1-2"), order(client_order_id="1-3")]}, f"{ORDERS}/batched"),
        HttpRequest("DELETE", f"{ORDERS}/batched", body=cancels),
        HttpRequest("DELETE", ORDERS, query="subaccount=0"),
        HttpRequest("POST", f"{ORDERS}/v-1/amend", body=b"{}"),
        HttpRequest("PUT", "/portfolio/order_groups/g/trigger", body=b"{}"),
    ]

    for request in requests:
        watching.request_sent(request, IN_TIME_NS)

    told = [(one.tokens, one.creates, one.cancels) for one in watching.writes]
    assert told == [(10, 1, ()), (20, 2, ()), (4, 0, ("a", "b")), (2, 0, ()), (10, 0, ()), (10, 0, ())]


def test_when_the_process_asked_what_rests_is_kept() -> None:
    watching = witness()

    watching.request_sent(HttpRequest("GET", "/portfolio/orders"), IN_TIME_NS)
    watching.request_sent(HttpRequest("GET", "/portfolio/fills"), IN_TIME_NS + 1)

    assert watching.looks == [IN_TIME_NS]
    assert watching.writes == []
