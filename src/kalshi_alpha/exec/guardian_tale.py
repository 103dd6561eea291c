"""One time that the guardian cancels everything, and what it tells of it. Pure."""

from collections.abc import Sequence
from typing import Literal

from kalshi_alpha.model.alerts import AlertMessage
from kalshi_alpha.model.clock import NS_PER_S, Now, iso_utc
from kalshi_alpha.model.commands import Command
from kalshi_alpha.model.guardian import GuardianAction

TITLES = {
    "silent": "The guardian cancelled everything: the trading process is silent",
    "stop": "The guardian cancelled everything: a STOP waits and no trading process obeys it",
    "latched": "The guardian cancelled everything: orders rested under a latch",
    "after_freeze": "The guardian cancelled everything: orders rested outside of their windows",
}


class Episode:
    """From the decision to cancel everything to the proof that nothing rests."""

    def __init__(self, cause: str, why: str, now: Now, resting: int | None) -> None:
        """Begin it now.

        Args:
            cause: One of the titles' keys.
            why: A sentence.
            now: This instant.
            resting: Orders that rest; None: not known.

        """
        self.cause, self.why, self.resting = cause, why, resting
        self.at_ns = now.utc_ns
        self.rounds = 0
        self.pending: Sequence[Command] = ()
        """What was sent in this round and isn't answered yet."""
        self.proof_ns = 0
        """A read as of this time (UTC) or later is no older than any cancel."""
        self.cancelled_mono_ns = now.mono_ns
        """When the last round was sent, then when its last answer came."""
        self.told_mono_ns = now.mono_ns
        self.verified_ns: int | None = None
        self.over = False

    def action(self) -> GuardianAction:
        """Return it as the status file shows it."""
        verified_at = None if self.verified_ns is None else iso_utc(self.verified_ns)
        return GuardianAction(self.cause, self.why, iso_utc(self.at_ns), self.resting, self.rounds, verified_at, self.over)


def episode_alert(episode: Episode, what: Literal["raised", "repeated", "closed"], now: Now) -> AlertMessage:
    """Return the message about an episode."""
    if what != "closed":
        text = f"{episode.why}; cancelled {episode.rounds} times so far" if what == "repeated" else episode.why
    elif episode.verified_ns is not None:
        text = f"nothing rests as of {iso_utc(episode.verified_ns)}, after {episode.rounds} rounds of cancels ({episode.why})"
    else:
        text = f"the trading process is back before a read could prove that nothing rests ({episode.why})"
    return AlertMessage(f"guardian-{episode.at_ns // NS_PER_S}", what, "page", TITLES[episode.cause], text, now.utc_ns)


def blind_alert(since: str, what: Literal["raised", "closed"], trouble: str, now: Now) -> AlertMessage:
    """Return the message that the guardian can't see the venue."""
    text = f"reads fail: {trouble}" if trouble else ""
    return AlertMessage(f"guardian_blind-{since}", what, "ticket", "The guardian can't read the venue", text, now.utc_ns)
