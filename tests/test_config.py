"""The settings' ranges: every number has one, and what lies outside is refused by one line with its key and value."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec import inspect

from kalshi_alpha.config import Config, ConfigError, load_config

EXAMPLE = Path(__file__).resolve().parent.parent / "configs" / "example.toml"
Number = inspect.IntType | inspect.FloatType


def numbers(found: inspect.Type, key: str = "") -> Iterator[tuple[str, Number]]:
    """Yield every number of the settings with its dotted key; those of a table of values once, as ``[...]``."""
    match found:
        case inspect.IntType() | inspect.FloatType():
            yield key, found
        case inspect.StructType():
            for field in found.fields:
                yield from numbers(field.type, f"{key}.{field.encode_name}".removeprefix("."))
        case inspect.DictType():
            yield from numbers(found.value_type, f"{key}[...]")
        case inspect.UnionType():
            for case in found.types:
                yield from numbers(case, key)
        case inspect.VarTupleType():
            yield from numbers(found.item_type, f"{key}[...]")
        case _:
            pass


NUMBERS = dict(numbers(inspect.type_info(Config)))


def refused(folder: Path, text: str) -> str:
    """Return the line with which these settings are refused, without the file's name."""
    file = folder / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    told = str(caught.value)
    assert "\n" not in told
    assert told.startswith(f"{file}: ")
    return told.removeprefix(f"{file}: ")


def changed(key: str, value: str) -> str:
    """Return the example with one key's value replaced in its section, or put there."""
    section, _, name = key.rpartition(".")
    head, header, tail = EXAMPLE.read_text().partition(f"[{section}]" if section else "schema_version = 1")
    body, bracket, rest = tail.partition("\n[")
    body = re.sub(rf'^"?{re.escape(name)}"? *=.*\n?', "", body, flags=re.MULTILINE)
    return f'{head}{header}{body}\n"{name}" = {value}{bracket}{rest}'


def placed(key: str) -> str:
    """Return a key of one value: of a table of values, its first."""
    return key.replace("further[...]", "further.witness").replace("[...]", ".I:SPX")


def test_the_search_for_numbers_finds_them_all() -> None:
    sections = {key.partition(".")[0] for key in NUMBERS}

    assert {"venue", "feeds", "quoting", "risk", "pricing", "windows"} <= sections
    assert {"feeds.polygon.slo_ms", "pricing.daily_sd_bp[...]", "venue.subaccount", "windows.freeze_s"} <= set(NUMBERS)


@pytest.mark.parametrize("key", sorted(NUMBERS))
def test_every_number_has_a_range_with_both_ends(key: str) -> None:
    number = NUMBERS[key]

    assert number.ge is not None or number.gt is not None
    assert number.le is not None or number.lt is not None


@pytest.mark.parametrize("key", sorted(NUMBERS))
def test_a_number_that_cannot_be_meant_is_refused_with_its_key_and_value(tmp_path: Path, key: str) -> None:
    for value in ("nan", "inf", "-inf", "-1", "-0.5", "1e300", str(2**63 - 1), "1" * 400):
        told = refused(tmp_path, changed(placed(key), value))

        assert told.startswith(f"{key} is ")
        assert value[:40] in told.replace("1e+300", "1e300")


@pytest.mark.parametrize("key", sorted(key for key in NUMBERS if not key.endswith("[...]")))
def test_the_example_says_each_range(key: str) -> None:
    number, (section, _, name) = NUMBERS[key], key.rpartition(".")
    assert isinstance(number.le, int | float)
    match = re.search(
        rf"^\[{re.escape(placed(section))}\][^\n]*\n(?:(?!\[).*\n)*?{name} = [^\n]*# ([^\n]*)", EXAMPLE.read_text(), re.MULTILINE
    )

    assert match is not None
    assert match[1].startswith(f"{number.ge:g} to {number.le:g}" if number.le < 1e6 else f"{number.ge} to {number.le}"), match[1]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("quoting.edge_p", "0.0", "quoting.edge_p is 0.0: expected `float` >= 0.001"),
        ("quoting.ttl_s", "61", "quoting.ttl_s is 61: expected `int` <= 60"),
        ("feeds.further.witness.slo_ms", "5001", "feeds.further[...].slo_ms is ['witness: 5001']: expected `int` <= 5000"),
        ("feeds.massive.slo_ms", "5001", "feeds.massive.slo_ms is 5001: expected `int` <= 5000"),
        ("venue.subaccount", "64", "venue.subaccount is 64: expected `int` <= 63"),
        ("quoting.max_open_orders", "51", "quoting.max_open_orders is 51: expected at most 50 (half of venue.write_bucket)"),
        ("venue.write_bucket", "79", "quoting.max_open_orders is 40: expected at most 39 (half of venue.write_bucket)"),
        ("quoting.ttl_final_minute_s", "21", "quoting.ttl_final_minute_s is 21: expected at most 20 (quoting.ttl_s)"),
        ("quoting.max_width_p", "0.011", "quoting.edge_p is 0.012: expected at most 0.011 (quoting.max_width_p)"),
        ("risk.max_order_contracts", "9", "quoting.count_contracts is 10: expected at most 9 (risk.max_order_contracts)"),
        ("quoting.group_contracts_limit", "9", "quoting.count_contracts is 10: expected at most 9 (quoting.group_contracts_limit)"),
        ("risk.family_usd", "9", "quoting.count_contracts is 10: expected at most 9 (risk.family_usd: a contract can lose a dollar)"),
        ("venue.key_id_file", '"keys/\\u0000"', "venue.key_id_file is 'keys/\\x00': expected `str` matching regex"),
        ("venue.subaccount", '"0"', "venue.subaccount is '0': expected `int`, got `str`"),
        ("mode", '"dry"', "mode is 'dry': invalid enum value"),
        ("windows.hourly_series", '["SPX"]', "windows.hourly_series"),
        ("quoting.edges", "1", "quoting: Object contains unknown field `edges`"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, key: str, value: str, told: str) -> None:
    assert refused(tmp_path, changed(key, value)).startswith(told)


@pytest.mark.parametrize(("left", "missing"), [('"I:SPX" = 52.0', "I:NDX"), ("", "I:SPX and I:NDX")])
def test_both_indices_need_a_volatility(tmp_path: Path, left: str, missing: str) -> None:
    head, _, tail = EXAMPLE.read_text().partition("[pricing.daily_sd_bp]")
    rest = tail[tail.index("[windows]") :]

    told = refused(tmp_path, f"{head}[pricing.daily_sd_bp]\n{left}\n{rest}")

    assert told.startswith("pricing: daily_sd_bp is {")
    assert told.endswith(f"expected {missing}, too")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a = " + "[" * 100_000, "brackets 33 deep (at line 1)"),
        ("a = " + "1" * 10_000, "digits"),
        (changed("quoting.ttl_s", "0x" + "f" * 9_000), "quoting.ttl_s is a number too long to show: "),
        (changed("mode", '"' + "x" * 1_000 + '"'), "mode is 'xxxxxxx"),
        ("schema_version = 1\nmode = = 1\n", "line 2"),
        ("schema_version = 1\nmode =", "line 2"),
        (changed("mode", r'"a\nb"'), r"mode is 'a\nb': invalid enum value 'a\nb'"),
        (changed(r"quoting.a\nb", "1"), r"quoting: Object contains unknown field `a\nb`"),
        ("", "missing required field"),
    ],
)
def test_a_hostile_file_is_one_short_line(tmp_path: Path, text: str, named: str) -> None:
    told = refused(tmp_path, text)

    assert named in told
    assert len(told) < 300


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match=r"config\.toml: 'utf-8' codec can't decode"):
        load_config(file)


def test_a_pipe_in_the_files_place_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.toml")

    with pytest.raises(ConfigError, match=r"config\.toml: not a regular file"):
        load_config(tmp_path / "config.toml")


def test_the_ends_of_every_range_are_accepted(tmp_path: Path) -> None:
    """Each number at its own ends, with what goes together with it moved along."""
    for key, number in NUMBERS.items():
        for end in (number.ge, number.le):
            document = tomllib.loads(EXAMPLE.read_text())
            document["venue"]["write_bucket"] = 28_800
            document["risk"] |= dict.fromkeys(("strike_usd", "ladder_usd", "family_usd", "portfolio_usd"), 1_000_000)
            document["risk"]["max_order_contracts"] = 10_000
            document["quoting"] |= {"count_contracts": 1, "group_contracts_limit": 1_000_000, "max_open_orders": 10, "edge_p": 0.001}
            document["quoting"] |= {"ttl_final_minute_s": 5, "max_width_p": 0.15, "ttl_s": 60}
            *sections, name = placed(key).split(".")
            table = document
            for section in sections:
                table = table.setdefault(section, {})
            table[name] = end

            msgspec.convert(document, Config)
