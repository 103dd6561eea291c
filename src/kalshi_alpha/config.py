"""Settings: one TOML file, typed, unknown key = error. Defaults live here, once."""

import hashlib
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from kalshi_alpha.model.instruments import Series


class ConfigError(ValueError):
    """The settings are unusable; the message names the file, the key and the value."""


class FeedLegConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One leg of the index feed."""

    url: str
    """WebSocket address, ``wss://socket.massive.com/indices``."""
    api_key_file: str
    """A file readable by its owner only."""
    slo_ms: int = 2_000
    """Freshness limit: the feed ticks once a second."""


class FeedsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both legs. They are one vendor's: path redundancy, not source redundancy."""

    polygon: FeedLegConfig
    massive: FeedLegConfig
    recovery_s: float = 5.0
    """Polygon must be fresh this long without a miss before it is active again."""
    ack_deadline_s: float = 3.0
    first_data_deadline_s: float = 5.0
    final_minute_lag_ms: int = 700
    final_minute_age_ms: int = 1_400


class VenueConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The exchange."""

    rest_url: str
    ws_url: str
    key_id_file: str
    private_key_file: str
    """PEM, RSA or Ed25519; readable by its owner only."""
    subaccount: int = 0
    request_timeout_s: float = 2.0
    write_tokens_per_s: int = 100
    """Basic tier. The effective values may be lower than the account's, never higher."""
    write_bucket: int = 100


class QuotingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What we want to rest."""

    count_contracts: int = 10
    """Contracts per quote."""
    rungs_each_side: int = 20
    """Rungs quoted below and above the money in each ladder."""
    edge_p: float = 0.012
    """Least distance between a quote and fair value, in probability."""
    vol_edge_s: float = 4.0
    """Quotes also keep the standard deviation of fair value over this many seconds as distance."""
    min_p: float = 0.03
    """Rungs with fair value outside [min_p, 1 - min_p] aren't quoted."""
    max_width_p: float = 0.12
    """Rungs whose needed distance exceeds this aren't quoted."""
    skew_p_per_contract: float = 0.0002
    """How far a rung's quotes shift against our position, per contract held; never more than half of ``edge_p``."""
    ttl_s: int = 20
    ttl_final_minute_s: int = 10
    max_open_orders: int = 40
    """So many that cancelling them all always fits the write bucket."""
    group_contracts_limit: int = 2_000
    """Contracts matched in 15 s after which the venue itself stops us."""


class RiskConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hard limits in whole dollars. The ladder's exact worst-case loss with adversarial fills is the binding one."""

    strike_usd: int = 1_000
    ladder_usd: int = 1_500
    family_usd: int = 2_200
    portfolio_usd: int = 3_200
    daily_loss_usd: int = 2_000
    max_order_contracts: int = 100


class PricingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fixed parameters of the variance clock."""

    daily_sd_bp: dict[str, float] = msgspec.field(default_factory=lambda: {"I:SPX": 52.0, "I:NDX": 75.0})
    """Standard deviation of the log return over one regular session, basis points."""
    settle_sd_bp: float = 0.3
    """Basis between our feed and the settlement print."""


class WindowsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which series are quoted into which targets."""

    hourly_targets_et: tuple[str, ...] = ("10:00", "11:00", "12:00", "13:00", "14:00", "15:00")
    hourly_series: tuple[Series, ...] = ("INXU", "NASDAQ100U")
    hourly_lead_s: int = 900
    close_series: tuple[Series, ...] = ("INX", "NASDAQ100")
    close_lead_s: int = 600
    freeze_s: int = 2
    special_hours_file: str = ""
    """Reviewed overrides of the calendar, read again when it changes; empty: none."""


class MaintenanceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the venue's maintenance is followed."""

    confirm: Literal["auto", "operator"] = "auto"
    """Whether green gates are enough to quote again, or somebody must confirm."""
    status_page_url: str = ""
    """A page of Statuspage's format, ``https://host``; empty: there is none."""
    rearm_share: float = 0.5
    """Size of quotes in the first minutes afterwards, as a share of the usual."""
    rearm_s: int = 300
    keep_days: int = 30
    """What the housekeeping before it keeps."""


class ClockConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Simulated time for demos and drills; absent in production."""

    plan_file: str


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the trading process needs."""

    schema_version: Literal[1]
    venue: VenueConfig
    feeds: FeedsConfig
    mode: Literal["paper", "live"] = "paper"
    """``live`` is required to talk to anything but a loopback address."""
    quoting: QuotingConfig = QuotingConfig()
    risk: RiskConfig = RiskConfig()
    pricing: PricingConfig = PricingConfig()
    windows: WindowsConfig = WindowsConfig()
    maintenance: MaintenanceConfig = MaintenanceConfig()
    clock: ClockConfig | None = None

    def content_hash(self) -> str:
        """Return 16 hex digits that identify these settings."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


def load_config(path: Path) -> Config:
    """Read and check the settings file.

    Raises:
        ConfigError: missing, not TOML, an unknown key or a wrong value; the message says which.

    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise ConfigError(message) from error
    try:
        return msgspec.convert(tomllib.loads(raw.decode()), Config)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        message = f"{path}: {error}"
        raise ConfigError(message) from error
