"""``kalshi-alpha demo --fast``: one day in virtual time, judged."""

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

from kalshi_alpha import cli
from kalshi_alpha.config import Config, FeedLegConfig, FeedsConfig, QuotingConfig, VenueConfig, WindowsConfig
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.ledger import Ledger
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.records import FillBooked, Record
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sim.exchange import ExchangeConfig, SimExchange
from kalshi_alpha.sim.feed import SimFeed
from kalshi_alpha.sim.journal_score import ev_gap_usd
from kalshi_alpha.sim.scorecard import Scorecard, feed_seconds, feed_switches, outages, sha256
from kalshi_alpha.sim.script import DayScript
from kalshi_alpha.sim.verdict import (
    epochs_mixed,
    quotes_while_down,
    restart_times,
    resting_after_freeze,
    resting_in_maintenance,
    slots_shared,
)
from kalshi_alpha.sim.virtual_client import Handle
from kalshi_alpha.sim.virtual_day import VirtualDay
from kalshi_alpha.sim.world import IndexPath, bridged_day, generated_day
from kalshi_alpha.sim.world_bridge import WorldError

NOWHERE: Final = "http://127.0.0.1:0"


def virtual_config(windows: WindowsConfig, quoting: QuotingConfig | None = None) -> Config:
    """Return the shipped defaults with addresses that nobody connects to."""
    leg = FeedLegConfig(url=NOWHERE, api_key_file="-")
    venue = VenueConfig(rest_url=NOWHERE, ws_url=NOWHERE, key_id_file="-", private_key_file="-")
    return Config(
        schema_version=1, venue=venue, feeds=FeedsConfig(leg, leg, rest_url=NOWHERE), windows=windows, quoting=quoting or QuotingConfig()
    )


def world_for(script: DayScript, minutes: Path | None) -> IndexPath:
    """Return the script's index day.

    Raises:
        UsageError: unusable minute bars.

    """
    day = date.fromisoformat(script.day)
    try:
        return bridged_day(minutes, day, script.seed) if minutes is not None else generated_day(script.seed, session(day))
    except WorldError as error:
        raise cli.UsageError(str(error)) from error


def play_day(script: DayScript, windows: WindowsConfig, minutes: Path | None = None) -> Scorecard:
    """Play a script in virtual time and judge it."""
    played = play(script, windows, minutes)
    return judge(played, script)


class Played:
    """A day after it was played."""

    def __init__(self, day: VirtualDay, exchange: SimExchange) -> None:
        """Hold both sides' records."""
        self.day = day
        self.exchange = exchange
        self.engine: Engine = day.engines[-1]

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Return the journal, read back."""
        return self.day.journal.read().records


def play(script: DayScript, windows: WindowsConfig, minutes: Path | None = None) -> Played:
    """Play a script in virtual time."""
    return play_on(virtual_config(windows), script, world_for(script, minutes))


def play_with(script: DayScript, windows: WindowsConfig, quoting: QuotingConfig, handle: Handle) -> Played:
    """Play with other quoting settings, every step of the engine through ``handle``."""
    return play_on(virtual_config(windows, quoting), script, world_for(script, None), handle=handle)


def play_on(
    config: Config, script: DayScript, path: IndexPath, venue: ExchangeConfig | None = None, handle: Handle = Engine.handle
) -> Played:
    """Play with any settings.

    Args:
        config: The trading process's.
        script: What happens.
        path: The day's index.
        venue: The exchange's settings; None: as shipped, with the script's session.
        handle: Takes every step of the engine.

    """
    shipped = ExchangeConfig(session=script.venue_session or session(date.fromisoformat(script.day)))
    exchange = SimExchange(venue or shipped, path, script.seed, script.venue_faults)
    day = VirtualDay(config, script, exchange, SimFeed(path, script.seed, script.feed_faults))
    day.handle = handle
    day.play()
    return Played(day, exchange)


def judge(played: Played, script: DayScript) -> Scorecard:
    """Return the scorecard: the venue's record against the promises, the journal against the venue."""
    day, log, records = played.day, played.exchange.order_log, played.records
    resting = resting_after_freeze(log, script.windows)
    down = quotes_while_down(log, script)
    end_ns = script.windows[-1].target_ns + 300 * NS_PER_S
    audit = played.exchange.audit(end_ns)
    paused = resting_in_maintenance(log, script.maintenances)
    violations = [
        *day.witness.violations,
        *resting,
        *down,
        *paused,
        *epochs_mixed(log),
        *slots_shared(log),
        *_money(played, script),
    ]
    if audit.cash_drift_e6 or audit.contracts_drift_e2:
        violations.append(f"the venue's books don't balance: {audit.cash_drift_e6}, {audit.contracts_drift_e2}")
    ledger = played.engine.facts.ledger
    switches = feed_switches(records)
    away = outages(switches, script.windows, script.feed_faults)
    return Scorecard(
        seed=script.seed,
        day=script.day,
        windows=len(script.windows),
        quotes=sum(event.kind == "accepted" for event in log),
        fills=ledger.fills,
        pnl_usd=(ledger.realised_after_fees_e6) / 1e6,
        orders_resting_after_freeze=len(resting),
        quotes_while_standing_down=len(down),
        unknown_orders=len(audit.resting),
        feed_seconds=feed_seconds(switches, script.windows),
        recoveries=tuple(one.away_s for one in away),
        recoveries_scripted=tuple(one.scripted for one in away),
        restarts=restart_times(log, [kill_ns for kill_ns, _ in day.restarts], script.windows),
        ev_gap_max_usd=ev_gap_usd(records),
        journal_sha256=sha256(day.journal.data),
        rejected=sum(event.kind == "rejected" for event in log),
        violations=tuple(violations),
        write_tokens=audit.write_tokens,
        events=day.witness.events,
    )


def _money(played: Played, script: DayScript) -> list[str]:
    """I5: every fill of the venue is in the ledger once, and in the journal."""
    ledger: Ledger = played.engine.facts.ledger
    venue_fills = [event for event in played.exchange.order_log if event.kind == "filled"]
    booked = {record.fill.trade_id for record in played.records if isinstance(record, FillBooked)}
    found: list[str] = []
    if len(booked) != len(venue_fills):
        found.append(f"I5 the venue filled {len(venue_fills)} times, the journal booked {len(booked)}")
    if ledger.fills != len(venue_fills):
        found.append(f"I5 the venue filled {len(venue_fills)} times, the ledger {ledger.fills}")
    if ledger.held_tickers():
        found.append(f"I5 not settled: {', '.join(ledger.held_tickers()[:3])}")
    audit = played.exchange.audit(script.windows[-1].target_ns + 400 * NS_PER_S)
    start_e6 = ExchangeConfig(session=session(date.fromisoformat(script.day))).cash_e6
    gain_e6 = audit.cash_e6.get(0, start_e6) - start_e6
    if gain_e6 != ledger.realised_after_fees_e6:
        found.append(f"I5 cash: the venue's gain {gain_e6}, ours {ledger.realised_after_fees_e6} (1e-6 dollars)")
    return found
