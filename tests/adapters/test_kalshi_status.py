"""The venue's status, as it can come."""

import json

import pytest

from kalshi_alpha.adapters.kalshi.rest import calls_for
from kalshi_alpha.model.commands import ReadStatus
from kalshi_alpha.model.events import Event, ExchangeStatusRead
from kalshi_alpha.model.http import HttpResponse
from kalshi_alpha.model.maintenance import ShardStatus


def read(command: ReadStatus, document: object, status: int = 200) -> Event:
    calls = calls_for(command)
    next(calls)
    with pytest.raises(StopIteration) as done:
        calls.send(HttpResponse(status, json.dumps(document).encode()))
    [event] = done.value.value
    assert isinstance(event, Event)
    return event


@pytest.mark.parametrize("status", [200, 500, 503])
def test_the_status_is_read_under_an_outages_http_status_too_by_shard(status: int) -> None:
    shard = {"exchange_index": 2, "description": "crypto", "exchange_active": True, "trading_active": False}
    body = {
        "exchange_active": True,
        "trading_active": False,
        "exchange_index_statuses": [shard],
        "exchange_estimated_resume_time": "2026-11-23T15:20:00Z",
    }

    event = read(ReadStatus(1), body, status)

    assert event == ExchangeStatusRead(True, False, (ShardStatus(2, True, False),), 1_795_447_200_000_000_000)
