"""The shipped settings files."""

import msgspec
import pytest

from kalshi_alpha.config import Config, ConfigError, GuardianConfig, VenueConfig, load_config
from kalshi_alpha.exec.runners.addresses import refuse_paper_at_the_venue
from tests.test_tidy import ROOT


def test_the_example_names_every_key_with_its_default() -> None:
    shown = load_config(ROOT / "configs" / "example.toml")
    plain = Config(1, VenueConfig(*(getattr(shown.venue, name) for name in VenueConfig.__struct_fields__[:4])), shown.feeds)

    assert shown.guardian is not None
    guardian = GuardianConfig(shown.guardian.key_id_file, shown.guardian.private_key_file)
    assert msgspec.structs.replace(shown, feeds=plain.feeds) == msgspec.structs.replace(plain, guardian=guardian)
    text = (ROOT / "configs" / "example.toml").read_text()
    for part in (shown.venue, shown.feeds, shown.feeds.polygon, shown.quoting, shown.risk, shown.pricing, shown.windows, shown.guardian):
        assert [name for name in part.__struct_fields__ if name not in text] == []


def test_the_production_settings_trade_nothing_until_told_to() -> None:
    shipped = load_config(ROOT / "configs" / "production.toml")

    with pytest.raises(ConfigError, match="loopback only, not to https://external-api"):
        refuse_paper_at_the_venue(shipped)
