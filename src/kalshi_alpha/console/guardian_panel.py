"""What the page says of the guardian, from its status file. Pure."""

from typing import Final, Literal

import msgspec

from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.guardian import GuardianAction, GuardianStatus

ABSENT_S: Final = 5.0
"""It writes once a second."""


class GuardianPanel(msgspec.Struct, frozen=True):
    """One line of the page."""

    state: Literal["absent", "watching", "acting", "acted", "blind"]
    text: str


ABSENT: Final = GuardianPanel("absent", "absent: nobody watches from outside")


def guardian_panel(status: GuardianStatus | None, mono_ns: int) -> GuardianPanel:
    """Return the line.

    Args:
        status: The file's content; None: there is none that can be read.
        mono_ns: The machine's monotonic time after the file was read.

    """
    if status is None:
        return ABSENT
    age_ns = mono_ns - status.mono_ns
    if age_ns < 0 or age_ns > ABSENT_S * NS_PER_S:
        return GuardianPanel("absent", f"absent: last seen {status.generated_at[:19]} UTC")
    action = status.last_action
    if status.state == "acting" and action is not None:
        return GuardianPanel("acting", f"cancelling everything, {action.rounds} times so far: {action.why}")
    if status.state == "blind":
        return GuardianPanel("blind", f"can't read the venue: {status.trouble}")
    if action is not None:
        return GuardianPanel("acted", f"{_outcome(action)}: {action.why}")
    resting = "the venue not read yet" if status.resting is None else f"{status.resting} resting at the last look"
    return GuardianPanel("watching", f"watching, {resting}")


def _outcome(action: GuardianAction) -> str:
    proof = "nothing rests" if action.verified_at is not None else "the trading process took over"
    return f"acted {action.at[:19]} UTC, {proof}"
