"""Operator's log: one JSON line a happening on stderr, an event name and keys, no payloads, no secrets."""

import sys

import msgspec


def log(event: str, **keys: str | float | bool | None) -> None:
    """Write one line; a closed stderr is nobody's problem."""
    try:
        sys.stderr.write(msgspec.json.encode({"event": event, **keys}).decode() + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return
