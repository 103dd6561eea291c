"""Frames of the index feed: the vendor's examples, and everything that was ever seen instead of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.adapters.massive import wire

VALUE = '{"ev":"V","val":3988.5,"T":"I:SPX","t":1678220098130}'


def values(frame: str | bytes) -> list[wire.IndexValue | None]:
    return [wire.index_value(message) for message in wire.decode(frame) if message.ev == "V"]


@pytest.mark.parametrize("frame", [f"[{VALUE}]", f"[{VALUE}]".encode()])
def test_the_vendors_example_is_read(frame: str | bytes) -> None:
    assert values(frame) == [wire.IndexValue("I:SPX", 3_988.5, 1_678_220_098_130)]


def test_one_frame_may_mix_everything() -> None:
    aggregate = '{"ev":"A","sym":"I:SPX","op":3985.67,"o":3985.67,"c":3985.67,"h":3985.67,"l":3985.67,"s":1678220675805,"e":1678220675805}'
    status = '{"ev":"status","status":"success","message":"subscribed to: V.I:SPX"}'

    messages = wire.decode(f'[{status},{VALUE},{aggregate},{{"ev":"LULD","x":[1,{{}}]}},{{"new":true}}]')

    assert [message.ev for message in messages] == ["status", "V", "A", "LULD", ""]
    assert (messages[0].status, messages[0].message) == ("success", "subscribed to: V.I:SPX")


@pytest.mark.parametrize("val", ["3988", '"3988.0"', "3988.0", '"3988"', "3.988e3"])
def test_a_level_is_a_number_or_a_numeric_string(val: str) -> None:
    assert values(f'[{{"ev":"V","val":{val},"T":"I:SPX","t":1678220098130}}]') == [wire.IndexValue("I:SPX", 3_988.0, 1_678_220_098_130)]


@pytest.mark.parametrize(
    "val",
    [
        "null",
        "NaN",
        "Infinity",
        "-1",
        "0",
        '""',
        '"abc"',
        '"NaN"',
        '"6_850"',
        "true",
        "[]",
        "{}",
        "1e300",
        '"1e999"',
        '"\u0665"',
        '" 5"',
        '"5."',
        '".5"',
        '"+5"',
        '"0x5"',
        '"Infinity"',
        '"' + "9" * 5_000 + '"',
    ],
)
def test_what_is_no_level_is_no_value_and_costs_no_neighbour(val: str) -> None:
    found = values(f'[{{"ev":"V","val":{val},"T":"I:SPX","t":1678220098130}},{VALUE}]')

    assert [value for value in found if value is not None] == [wire.IndexValue("I:SPX", 3_988.5, 1_678_220_098_130)]


@pytest.mark.parametrize(
    "stamp",
    [
        "1678220098",
        "1678220098130000",
        "1678220098130000000",
        "1678220098130.5",
        '"2023-03-07T20:14:58Z"',
        '"1678220098130"',
        "null",
        "true",
        "-1",
    ],
)
def test_a_stamp_that_is_no_integer_of_milliseconds_is_refused(stamp: str) -> None:
    assert values(f'[{{"ev":"V","val":3988.5,"T":"I:SPX","t":{stamp}}},{VALUE}]')[-1] is not None
    assert [value for value in values(f'[{{"ev":"V","val":3988.5,"T":"I:SPX","t":{stamp}}}]') if value is not None] == []


@pytest.mark.parametrize("missing", ["val", "T", "t"])
def test_a_missing_field_is_no_value(missing: str) -> None:
    message = {key: value for key, value in json.loads(VALUE).items() if key != missing}

    assert values(json.dumps([message])) == [None]


@pytest.mark.parametrize(
    "frame",
    ["", "hello", VALUE, "1", "null", '"x"', f"[{VALUE}", b"\xff\xfe[]", "[" * 100_000, f"[{VALUE}] []", f"[{VALUE}]" + " " * 131_072],
)
def test_what_is_no_array_is_a_frame_error(frame: str | bytes) -> None:
    with pytest.raises(wire.FrameError):
        wire.decode(frame)


@pytest.mark.parametrize("field", ["ev", "status", "message", "T"])
def test_half_of_a_character_makes_its_message_unreadable_and_no_other(field: str) -> None:
    messages = wire.decode(f'[{{"{field}":"\\ud800"}},{VALUE}]')

    assert [message.ev for message in messages] == [wire.UNREADABLE, "V"]


def test_a_status_without_text_stays_a_status() -> None:
    message = wire.decode('[{"ev":"status","status":"auth_failed","message":null}]')[0]

    assert (message.ev, message.status, message.message) == ("status", "auth_failed", None)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_read_or_refused(document: object) -> None:
    frame = json.dumps([document, json.loads(VALUE)])

    try:
        messages = wire.decode(frame)
    except wire.FrameError:
        pytest.fail("an array of JSON values was refused")

    assert wire.index_value(messages[-1]) == wire.IndexValue("I:SPX", 3_988.5, 1_678_220_098_130)


@given(st.binary() | st.text())
def test_any_bytes_are_read_or_refused(frame: str | bytes) -> None:
    try:
        for message in wire.decode(frame):
            wire.index_value(message)
    except wire.FrameError:
        pass


def test_what_we_send_is_a_single_object_with_its_key_escaped() -> None:
    assert json.loads(wire.auth('k"ey')) == {"action": "auth", "params": 'k"ey'}
    assert wire.subscribe(("V.I:SPX", "V.I:NDX")) == '{"action":"subscribe","params":"V.I:SPX,V.I:NDX"}'
