"""Where the simulated exchange keeps the keys of its one account."""

from typing import Final

GUARDIAN_KEYS: Final = "guardian"
"""The second key's folder, inside of the first one's."""
