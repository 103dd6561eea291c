"""Maker-only quoting of Kalshi's index ladders that stands down when anything it rests on fails."""
