"""From a moved or a late index to the wanted quotes of its ladders.

A quote keeps the standard deviation of its fair value over the next ``vol_edge_s`` as distance. From the moment at which a value is late,
the market has moved on unseen: the variance of that time, ``late_weight`` times, is added to it, so that quotes go back while the value
ages and the limit at which they are pulled is no cliff. So is the square of the gap between our level and the one that the venue's own
prices imply, where it lasts.
"""

from collections.abc import Iterable

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.window_life import WindowLife
from kalshi_alpha.model.clock import NS_PER_MS, NS_PER_S, Now
from kalshi_alpha.model.instruments import Symbol


def reprice(facts: EngineFacts, symbols: Iterable[Symbol], windows: WindowLife, now: Now) -> None:
    """Bring the live ladders of these symbols up to the newest values and their age, and those that have just been listed."""
    for symbol in dict.fromkeys(symbols) | windows.take_listed():
        sample = facts.failover.sample(symbol)
        if sample is None:
            continue
        stale_ns = facts.failover.stale_ns(symbol, now)
        for ladder in facts.ladders.values():
            if ladder.ladder.symbol != symbol or now.utc_ns >= ladder.window.target_ns:
                continue
            windows.follow(ladder, sample.level)
            open_ns, close_ns = facts.schedule.session_hours(ladder.window.session_date)
            from_ns = sample.event_ms * NS_PER_MS
            variance = facts.clock.to_target(symbol, from_ns, ladder.window.target_ns, open_ns, close_ns)
            vol_ns = from_ns + int(facts.config.quoting.vol_edge_s * NS_PER_S)
            vol_variance = facts.clock.variance(symbol, from_ns, vol_ns, open_ns, close_ns)
            if stale_ns:
                unseen = facts.clock.variance(symbol, from_ns, from_ns + stale_ns, open_ns, close_ns)
                vol_variance += facts.config.feeds.late_weight * unseen
            gap = facts.failover.opinion(symbol).gap
            ladder.reprice(sample.level, variance, vol_variance + gap * gap)
