"""A simulated index feed: the vendor's protocol, a day's values, faults by script."""

from kalshi_alpha.sim.feed.core import FeedFaultLike, FeedServerSession, LevelPath, SimFeed

__all__ = ["FeedFaultLike", "FeedServerSession", "LevelPath", "SimFeed"]
