"""The fuzzer finds what it looks for, and finds nothing in any decoder of the project."""

import time
from collections.abc import Callable
from random import Random

import msgspec
import pytest

from kalshi_alpha.cli import UsageError
from tools.fuzz import Outcome, decoders, fuzz, main, shrunk
from tools.fuzz_decoder import Case, Decoder, json_cases, json_drawer, refuse_unwritable
from tools.fuzz_inputs import JsonInputs, spoiled, toml_inputs, tree_of

SAMPLES = json_cases("frame", {"price": "0.56", "count": 7, "side": "yes", "levels": [1, 2.5, None]})


def decoder(read: Callable[[Case], bool]) -> Decoder:
    return Decoder("odd", SAMPLES, read, json_drawer)


def told(capfd: pytest.CaptureFixture[str]) -> list[Outcome]:
    return msgspec.json.decode(capfd.readouterr().out, type=list[Outcome])


@pytest.mark.parametrize("known", decoders(), ids=lambda known: known.name)
def test_three_hundred_strange_inputs_get_nothing_out_of_a_decoder(known: Decoder) -> None:
    outcome = fuzz(known, inputs=300, seed=7)

    assert outcome.failures == ()
    assert outcome.inputs == 300
    assert outcome.accepted >= 20
    assert outcome.refused >= 20


@pytest.mark.parametrize("known", decoders(), ids=lambda known: known.name)
def test_a_decoder_reads_its_samples(known: Decoder) -> None:
    accepted = [known.read(sample) for sample in known.samples]

    assert any(accepted)


def naive(case: Case) -> bool:
    document = msgspec.json.decode(case.data)
    return int(document["count"]) > 0


def naps(case: Case) -> bool:
    if b"1E+1000000" in case.data:
        end_ns = time.thread_time_ns() + 51_000_000  # noqa: TID251 - a decoder that takes its time
        while time.thread_time_ns() < end_ns:  # noqa: TID251 - as above
            pass
    return True


def hands_over_half_a_character(case: Case) -> bool:
    refuse_unwritable("\ud800" if b"NaN" in case.data else "fine")
    return True


@pytest.mark.parametrize(
    ("read", "why"),
    [(naive, "DecodeError at naive:"), (naps, "slow"), (hands_over_half_a_character, "UnicodeEncodeError at refuse_unwritable:")],
    ids=["escape", "slow", "unwritable"],
)
def test_a_broken_decoder_is_reported_and_says_no(read: Callable[[Case], bool], why: str, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["--inputs", "300", "--workers", "1"]

    assert main([*arguments, "--json"], lambda: (decoder(read),)) == 1
    [outcome] = told(capfd)
    assert any(failure.why.startswith(why) for failure in outcome.failures)
    assert main(arguments, lambda: (decoder(read),)) == 1
    assert f"odd, seed 1, frame: {why}" in capfd.readouterr().out


def test_what_fails_is_cut_down_to_what_makes_it_fail() -> None:
    def fails(data: bytes) -> bool:
        return b"NaN" in data and b"!" in data

    assert shrunk(b"x" * 500 + b"NaN" + b"y" * 700 + b"!" + b"z", fails) == b"NaN!"


def test_a_slow_try_has_another_before_it_counts() -> None:
    tries = []

    def slow_once(case: Case) -> bool:
        tries.append(case)
        return naps(Case("", b"1E+1000000")) if len(tries) == 1 else True

    assert fuzz(decoder(slow_once), inputs=3, seed=1).failures == ()


def test_a_decoder_that_fails_in_many_ways_is_given_up_early() -> None:
    ways = [KeyError, OSError, ValueError, TypeError, IndexError, EOFError]

    def fails(case: Case) -> bool:
        raise ways[len(case.data) % len(ways)]

    outcome = fuzz(decoder(fails), inputs=1_000, seed=1)

    assert len(outcome.failures) == 5
    assert outcome.inputs < 1_000


def test_each_decoder_of_the_project_can_be_tried_alone_in_a_process_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--inputs", "30", "--only", "page", "--workers", "2", "--json"]) == 0

    [outcome] = told(capfd)
    assert (outcome.decoder, outcome.inputs) == ("page", 30)


def test_a_fine_run_is_a_table(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--inputs", "30", "--only", "control socket", "--workers", "1"]) == 0

    assert capfd.readouterr().out.splitlines()[1].startswith("control socket          30 ")


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--inputs", "0"], ["--workers", "0"]])
def test_wrong_use_is_refused(arguments: list[str]) -> None:
    with pytest.raises(UsageError, match=f"{arguments[0]} '?{arguments[1]}"):
        main(arguments)


def test_the_same_seed_draws_the_same_inputs_and_another_others() -> None:
    def drawn(seed: int) -> list[bytes]:
        rng = Random(seed)
        inputs = JsonInputs(rng, tuple(sample.data for sample in SAMPLES))
        return [spoiled(rng, inputs.draw(0), 1_000) for _ in range(200)] + [toml_inputs(rng, b"a = 1\n[b]\nc = 2\n") for _ in range(200)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_inputs_are_strange_in_every_way() -> None:
    rng = Random(1)
    inputs = JsonInputs(rng, tuple(sample.data for sample in SAMPLES))
    drawn = [spoiled(rng, inputs.draw(0), 200_000) for _ in range(3_000)]

    assert len(set(drawn)) > 1_500
    assert max(map(len, drawn)) > 90_000
    for strange in (b"1E+1000000", b"NaN", b"\\ud800", b"[" * 2_000, b'"count":', b"\xef\xbb\xbf", SAMPLES[0].data):
        assert any(strange in data for data in drawn), strange
    assert any(data.count(b'"price"') == 2 for data in drawn)
    assert any(b'"price"' not in data for data in drawn)


def test_numbers_of_a_sample_stay_as_they_are_written() -> None:
    assert tree_of(b'{"a":1.50}') == [("a", b"1.50")]
