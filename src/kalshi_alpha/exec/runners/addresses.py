"""The addresses in the settings: which kind each must be, and that paper trading stays on this machine."""

from typing import Final
from urllib.parse import urlsplit

from kalshi_alpha.config import Config, ConfigError, FeedLegConfig
from kalshi_alpha.model.instruments import Leg
from kalshi_alpha.sched.windows import WindowSchedule

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def legs(config: Config) -> tuple[tuple[Leg, FeedLegConfig], ...]:
    """Return both legs with their settings."""
    return (("polygon", config.feeds.polygon), ("massive", config.feeds.massive))


def all_legs(config: Config) -> tuple[tuple[str, FeedLegConfig], ...]:
    """Return the pair and the further legs with their settings."""
    return (*legs(config), *config.feeds.further.items())


def refuse_unusable(config: Config) -> None:
    """Refuse what has the right type and yet can't work, before anything is started with it.

    Raises:
        ConfigError: an address of the wrong kind, or windows that can't be.

    """
    streams = [("venue.ws_url", config.venue.ws_url), *((f"feeds.{leg}.url", leg_config.url) for leg, leg_config in legs(config))]
    streams += [(f"feeds.further.{name}.url", leg_config.url) for name, leg_config in config.feeds.further.items()]
    _refuse_address("venue.rest_url", config.venue.rest_url, "http")
    for key, address in streams:
        _refuse_address(key, address, "ws")
    for key, address in _optional_addresses(config):
        _refuse_address(key, address, "http")
    WindowSchedule(config.windows)


def _optional_addresses(config: Config) -> list[tuple[str, str]]:
    """Return what needn't be there, by its key in the settings."""
    known = [("maintenance.status_page_url", config.maintenance.status_page_url), ("feeds.rest_url", config.feeds.rest_url)]
    return [(key, address) for key, address in known if address]


def _refuse_address(key: str, address: str, scheme: str) -> None:
    try:
        parts = urlsplit(address)
        extras = "@" in parts.netloc or parts.query or parts.fragment or parts.port == 0
        plain = address.isascii() and address.isprintable() and " " not in address  # urlsplit would drop line ends without a word
        usable = plain and parts.scheme in {scheme, f"{scheme}s"} and parts.hostname and not extras
    except ValueError:
        usable = False
    if not usable:
        message = f"{key} is {address!r}: expected {scheme}://host:port/path or {scheme}s://host/path, plain ASCII"
        raise ConfigError(message)


def refuse_paper_at_the_venue(config: Config) -> None:
    """Let ``mode = "paper"`` talk to loopback addresses only.

    Raises:
        ConfigError: it names another.

    """
    addresses = [config.venue.rest_url, config.venue.ws_url, *(leg_config.url for _, leg_config in all_legs(config))]
    addresses += [address for _, address in _optional_addresses(config)]
    if config.mode != "live":
        for address in addresses:
            if urlsplit(address).hostname not in LOOPBACK:
                message = f'mode = "{config.mode}" talks to simulators on loopback only, not to {address}'
                raise ConfigError(message)
