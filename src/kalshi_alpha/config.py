"""Settings: one TOML file, typed, unknown key = error. Defaults and ranges live here, once.

Every number has a range, both ends included: outside of it a value is a slip of the hand, or switches off what protects. No range holds
NaN or an infinity. What no single range can say is in ``__post_init__``. Ranges are checked in files; code that builds a struct isn't.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from kalshi_alpha.model.instruments import SYMBOLS, Series, Symbol
from kalshi_alpha.plain_toml import PlainTomlError, parse_toml
from kalshi_alpha.regular_file import read_regular

CANCEL_TOKENS: Final = 2
"""What the venue charges its write budget for a cancel."""
_SHOWN: Final = 80
"""Characters of a refused value that are worth showing."""
_TOLD: Final = 240
"""Characters of a whole refusal that are."""

PathText = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]+$")]
OptionalPathText = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
OptionalLabel = Annotated[str, msgspec.Meta(max_length=60)]
LegName = Annotated[str, msgspec.Meta(pattern=r"^(?!(polygon|massive|none)$)[a-z][a-z0-9_]{0,19}$")]
LimitUsd = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
LeadS = Annotated[int, msgspec.Meta(ge=61, le=3_600)]
"""Longer than the final minute."""
DailySdBp = Annotated[float, msgspec.Meta(ge=5.0, le=1_000.0)]
"""From less than the calmest year's to about twice the wildest weeks'."""


class ConfigError(ValueError):
    """The settings are unusable; the message names the file, the key and the value."""


class FeedLegConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One leg of the index feed."""

    url: str
    """WebSocket address, ``wss://socket.massive.com/indices``."""
    api_key_file: PathText
    """A file readable by its owner only."""
    slo_ms: Annotated[int, msgspec.Meta(ge=1_000, le=5_000)] = 2_000
    """Freshness limit: the feed ticks once a second."""
    vendor: Label = "Massive"
    """Whose values these are: legs of one vendor are redundant in their path only."""
    path: OptionalLabel = ""
    """Which way they come; empty: the address's host."""

    @property
    def way(self) -> str:
        """Return which way its values come."""
        return self.path or self.url.partition("://")[2].partition("/")[0]


class FurtherLegConfig(FeedLegConfig, frozen=True, forbid_unknown_fields=True):
    """A further leg: its values are held against the pair's and never quoted from."""

    tolerance_bp: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)] = 0.0
    """Another vendor's values may differ by this much, basis points; 0: the same values at the same event times."""


class FeedsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both legs. Where they are one vendor's, that is path redundancy, not source redundancy."""

    polygon: FeedLegConfig
    massive: FeedLegConfig
    further: Annotated[dict[LegName, FurtherLegConfig], msgspec.Meta(max_length=4)] = {}
    """Witnesses of the pair, by name."""
    account_label: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """The vendor's name for the account, for tickets; never a key."""
    recovery_s: Annotated[float, msgspec.Meta(ge=5.0, le=600.0)] = 5.0
    """Polygon must be fresh this long without a miss before it is active again."""
    recovery_max_s: Annotated[float, msgspec.Meta(ge=5.0, le=3_600.0)] = 300.0
    """The most that repeated failures can make of it."""
    flap_half_life_s: Annotated[float, msgspec.Meta(ge=10.0, le=86_400.0)] = 300.0
    """In which half of the failures so far is forgotten."""
    dwell_s: Annotated[float, msgspec.Meta(ge=0.0, le=600.0)] = 5.0
    """Massive, once active and well, stays so for at least this long."""
    late_ms: Annotated[int, msgspec.Meta(ge=1_001, le=5_000)] = 1_100
    """A value older than this is late: quotes widen."""
    late_weight: Annotated[float, msgspec.Meta(ge=0.0, le=25.0)] = 4.0
    """How many times the variance of a late value's time is added to that of the quotes' distance."""
    frozen_s: Annotated[float, msgspec.Meta(ge=2.0, le=300.0)] = 3.0
    """A leg that repeats its value for this long in the regular session,"""
    frozen_bp: Annotated[float, msgspec.Meta(ge=0.01, le=10.0)] = 0.05
    """while the other leg has moved this far away from it, basis points, is frozen."""
    implied_tolerance_bp: Annotated[float, msgspec.Meta(ge=0.5, le=100.0)] = 4.0
    """The venue's ladder may imply a level this far from ours, basis points, beyond its own uncertainty."""
    implied_widen_s: Annotated[float, msgspec.Meta(ge=1.0, le=600.0)] = 3.0
    """A greater gap that lasts this long widens the quotes,"""
    implied_stand_down_s: Annotated[float, msgspec.Meta(ge=1.0, le=600.0)] = 10.0
    """and one that lasts this long pulls them."""
    jump_bp: Annotated[float, msgspec.Meta(ge=1.0, le=700.0)] = 10.0
    """A move larger than this times the root of its seconds, basis points, is used when both legs show it."""
    rest_url: str = ""
    """The vendor's REST service, ``https://api.massive.com``, asked with polygon's key for a snapshot in doubt; empty: never."""
    probes_per_hour: Annotated[int, msgspec.Meta(ge=1, le=3_600)] = 300
    """So often at most, and at most once a second."""
    ack_deadline_s: Annotated[float, msgspec.Meta(ge=0.5, le=60.0)] = 3.0
    first_data_deadline_s: Annotated[float, msgspec.Meta(ge=1.0, le=120.0)] = 5.0
    final_minute_lag_ms: Annotated[int, msgspec.Meta(ge=50, le=2_000)] = 700
    final_minute_age_ms: Annotated[int, msgspec.Meta(ge=1_000, le=5_000)] = 1_400


class VenueConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The exchange."""

    rest_url: str
    ws_url: str
    key_id_file: PathText
    private_key_file: PathText
    """PEM, RSA or Ed25519; readable by its owner only."""
    subaccount: Annotated[int, msgspec.Meta(ge=0, le=63)] = 0
    request_timeout_s: Annotated[float, msgspec.Meta(ge=0.1, le=10.0)] = 2.0
    write_tokens_per_s: Annotated[int, msgspec.Meta(ge=10, le=9_600)] = 100
    """Basic tier. The effective values may be lower than the account's, never higher."""
    write_bucket: Annotated[int, msgspec.Meta(ge=20, le=28_800)] = 100


class QuotingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What we want to rest."""

    count_contracts: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 10
    """Contracts per quote."""
    rungs_each_side: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20
    """Rungs quoted below and above the money in each ladder."""
    edge_p: Annotated[float, msgspec.Meta(ge=0.001, le=0.15)] = 0.012
    """Least distance between a quote and fair value, in probability."""
    vol_edge_s: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 4.0
    """Quotes also keep the standard deviation of fair value over this many seconds as distance."""
    min_p: Annotated[float, msgspec.Meta(ge=0.0, le=0.4)] = 0.03
    """Rungs with fair value outside [min_p, 1 - min_p] aren't quoted."""
    max_width_p: Annotated[float, msgspec.Meta(ge=0.001, le=0.15)] = 0.12
    """Rungs whose needed distance exceeds this aren't quoted."""
    skew_p_per_contract: Annotated[float, msgspec.Meta(ge=0.0, le=0.01)] = 0.0002
    """How far a rung's quotes shift against our position, per contract held; never more than half of ``edge_p``."""
    ttl_s: Annotated[int, msgspec.Meta(ge=10, le=60)] = 20
    ttl_final_minute_s: Annotated[int, msgspec.Meta(ge=5, le=60)] = 10
    max_open_orders: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 40
    """So many that cancelling them all always fits the write bucket."""
    group_contracts_limit: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 2_000
    """Contracts matched in 15 s after which the venue itself stops us."""


class RiskConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hard limits in whole dollars. The ladder's exact worst-case loss with adversarial fills is the binding one."""

    strike_usd: LimitUsd = 1_000
    ladder_usd: LimitUsd = 1_500
    family_usd: LimitUsd = 2_200
    portfolio_usd: LimitUsd = 3_200
    daily_loss_usd: LimitUsd = 2_000
    weekly_loss_usd: LimitUsd = 6_000
    max_order_contracts: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100


class PricingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fixed parameters of the variance clock."""

    daily_sd_bp: dict[Symbol, DailySdBp] = msgspec.field(default_factory=lambda: {"I:SPX": 52.0, "I:NDX": 75.0})
    """Standard deviation of the log return over one regular session, basis points."""
    settle_sd_bp: Annotated[float, msgspec.Meta(ge=0.0, le=20.0)] = 0.3
    """Basis between our feed and the settlement print."""

    def __post_init__(self) -> None:
        """Refuse to price with a volatility that isn't there."""
        missing = [symbol for symbol in SYMBOLS if symbol not in self.daily_sd_bp]
        if missing:
            message = f"daily_sd_bp is {self.daily_sd_bp!r}: expected {' and '.join(missing)}, too"
            raise ValueError(message)


class WindowsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which series are quoted into which targets."""

    hourly_targets_et: tuple[str, ...] = ("10:00", "11:00", "12:00", "13:00", "14:00", "15:00")
    hourly_series: tuple[Series, ...] = ("INXU", "NASDAQ100U")
    hourly_lead_s: LeadS = 900
    close_series: tuple[Series, ...] = ("INX", "NASDAQ100")
    close_lead_s: LeadS = 600
    freeze_s: Annotated[int, msgspec.Meta(ge=1, le=59)] = 2
    special_hours_file: OptionalPathText = ""
    """Reviewed overrides of the calendar, read again when it changes; empty: none."""


class MaintenanceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the venue's maintenance is followed."""

    confirm: Literal["auto", "operator"] = "auto"
    """Whether green gates are enough to quote again, or somebody must confirm."""
    status_page_url: str = ""
    """A page of Statuspage's format, ``https://host``; empty: there is none."""
    rearm_share: Annotated[float, msgspec.Meta(ge=0.05, le=1.0)] = 0.5
    """Size of quotes in the first minutes afterwards, as a share of the usual."""
    rearm_s: Annotated[int, msgspec.Meta(ge=0, le=3_600)] = 300
    keep_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] = 30
    """What the housekeeping before it keeps."""


class AlertsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the operator is told."""

    targets_file: OptionalPathText = ""
    """Readable by its owner only: one apprise address a line, ``mailto://``, ``tgram://``, ``json://``; empty: nobody is told."""
    dead_man_file: OptionalPathText = ""
    """Readable by its owner only: one http address that is asked for while all is alive, so that its owner misses it; empty: none."""
    dead_man_every_s: Annotated[int, msgspec.Meta(ge=1, le=3_600)] = 30
    repeat_page_s: Annotated[int, msgspec.Meta(ge=30, le=86_400)] = 300
    """Until somebody acknowledges it."""
    repeat_ticket_s: Annotated[int, msgspec.Meta(ge=60, le=604_800)] = 14_400


class GuardianConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The guardian: a process of its own that can only cancel, with a key of its own."""

    key_id_file: PathText
    private_key_file: PathText
    """PEM, RSA or Ed25519; readable by its owner only; another key than the trading process's."""
    silent_s: Annotated[float, msgspec.Meta(ge=2.0, le=30.0)] = 3.0
    """Real seconds without a sign of life after which everything that rests is cancelled."""
    look_s: Annotated[float, msgspec.Meta(ge=0.05, le=0.5)] = 0.2
    """Real seconds between looks at the signs of life."""
    venue_every_s: Annotated[float, msgspec.Meta(ge=1.0, le=60.0)] = 5.0
    """Real seconds between reads of the venue while all is well."""


class ClockConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Simulated time for demos and drills; absent in production."""

    plan_file: PathText


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
    alerts: AlertsConfig = AlertsConfig()
    guardian: GuardianConfig | None = None
    """None: none runs."""
    clock: ClockConfig | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that are sensible each, but not together: no quote could ever rest, or not all could be cancelled."""
        quoting, count = self.quoting, self.quoting.count_contracts
        bounds = [
            ("quoting.max_open_orders", quoting.max_open_orders, self.venue.write_bucket // CANCEL_TOKENS, "half of venue.write_bucket"),
            ("quoting.ttl_final_minute_s", quoting.ttl_final_minute_s, quoting.ttl_s, "quoting.ttl_s"),
            ("quoting.edge_p", quoting.edge_p, quoting.max_width_p, "quoting.max_width_p"),
            ("quoting.count_contracts", count, quoting.group_contracts_limit, "quoting.group_contracts_limit"),
            ("quoting.count_contracts", count, self.risk.max_order_contracts, "risk.max_order_contracts"),
        ]
        bounds += [
            ("quoting.count_contracts", count, getattr(self.risk, name), f"risk.{name}: a contract can lose a dollar")
            for name in ("strike_usd", "ladder_usd", "family_usd", "portfolio_usd")
        ]
        for key, value, most, why in bounds:
            if value > most:
                message = f"{key} is {value!r}: expected at most {most!r} ({why})"
                raise ValueError(message)

    def content_hash(self) -> str:
        """Return 16 hex digits that identify these settings."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


def load_config(path: Path) -> Config:
    """Read and check the settings file.

    Raises:
        ConfigError: missing, not TOML, an unknown key or a wrong value; the message says which.

    """
    try:
        text = read_regular(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: {getattr(error, 'strerror', error)}"
        raise ConfigError(message) from error
    return parse_config(text, str(path))


def parse_config(text: str, source: str) -> Config:
    """Check settings.

    Args:
        text: TOML.
        source: Its name, for messages.

    Raises:
        ConfigError: as above.

    """
    try:
        raw = parse_toml(text)
    except PlainTomlError as error:
        reason = str(error).replace("at end of document", f"at line {len(text.splitlines())}, the end of the document")
        message = f"{source}: {_line(reason)}"
        raise ConfigError(message) from error
    try:
        return msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        message = f"{source}: {_line(_told(raw, str(error)))}"
        raise ConfigError(message) from error


def _told(raw: object, text: str) -> str:
    """Return a refusal as one line that begins with the key and, where it isn't a whole section, its value."""
    reason, _, place = text.rpartition(" - at `$.")
    if not reason:
        return text
    key = place.removesuffix("`")
    value = _at(raw, key.removesuffix("[...]").replace("[...]", "*").split("."))
    # A section's refusal names what is in it; in a list or table of values the place isn't told, so all of it is shown.
    if isinstance(value, dict) and not key.endswith("[...]"):
        return f"{key}: {reason}"
    return f"{key} is {_shown(value)}: {reason[:1].lower()}{reason[1:]}"


def _at(value: object, names: list[str]) -> object:
    """Return what is at a place; behind a name with a star, what is there in each of its tables."""
    for number, name in enumerate(names):
        value = value.get(name.removesuffix("*"), {}) if isinstance(value, dict) else {}
        if name.endswith("*") and isinstance(value, dict):
            return [f"{table}: {_shown(_at(one, names[number + 1 :]))}" for table, one in value.items()]
    return value


def _line(text: str) -> str:
    """Return a refusal as one short line, whatever it quotes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text[:_TOLD])


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write a number of thousands of digits
        return "a number too long to show"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
