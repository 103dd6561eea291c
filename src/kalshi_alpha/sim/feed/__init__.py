"""A simulated index feed: the vendor's protocol, a day's values, faults by script."""

from kalshi_alpha.sim.feed.core import SimFeed
from kalshi_alpha.sim.feed.faults import FeedFaultLike, LevelPath
from kalshi_alpha.sim.feed.session import FeedServerSession, LimitMode

__all__ = ["FeedFaultLike", "FeedServerSession", "LevelPath", "LimitMode", "SimFeed"]
