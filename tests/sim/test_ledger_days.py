"""The read model of simulated days, with deaths and lost answers, says of orders, fills and money what the exchange's own record says."""

from collections import Counter
from pathlib import Path

import pytest

from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.journal import segment_path
from kalshi_alpha.adapters.ledger_db import ask, bring_up_to_date
from kalshi_alpha.sim.live_score import ledger_differs
from kalshi_alpha.sim.swarm import play_swarm, swarm


@pytest.mark.parametrize("seed", [3, 4])
def test_it_is_the_exchanges_record_again(tmp_path: Path, seed: int) -> None:
    played, violations = play_swarm(swarm(seed))
    path = segment_path(Layout(tmp_path).journal, 1)
    path.parent.mkdir(parents=True)
    path.write_bytes(played.day.journal.data)
    log = played.exchange.order_log

    state = bring_up_to_date(tmp_path)

    assert violations == ()
    assert (state.missing, state.built_anew) == (0, "")
    assert ledger_differs(tmp_path, log) == []
    assert len(ledger_differs(tmp_path, [*log, next(event for event in log if event.kind == "filled")])) == 1
    resting = Counter(event.order_id for event in log if event.kind == "accepted")
    resting.subtract(event.order_id for event in log if event.kind == "cancelled" or (event.kind == "filled" and not event.remaining_e2))
    assert not +resting
    traded = Counter[str]()
    for event in log:
        if event.kind == "filled":
            traded[event.ticker] += event.count_e2 if event.side == "bid" else -event.count_e2
    query = "SELECT ticker, sum(iif(side = 'bid', count_e2, -count_e2)) FROM fills GROUP BY ticker"
    assert sorted(ask(tmp_path, query)[1]) == sorted(traded.items())
    assert ask(tmp_path, "SELECT count(*) FROM starts")[1] == [(len(played.day.restarts) + 1,)]
