import hashlib
import math
from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from statistics import correlation, fmean, median, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_alpha.model.clock import NS_PER_S, utc_ns_of
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.sched.calendar import session
from kalshi_alpha.sim.world import IndexPath, WorldError, bridged_day, generated_day
from kalshi_alpha.sim.world_profile import variance_shares

REGULAR = session(date(2026, 11, 23))
EARLY = session(date(2026, 11, 27))
MINUTES = Path(__file__).parents[3] / "shared/data/index_minutes"
real_bars = pytest.mark.skipif(not MINUTES.exists(), reason=f"no real minute bars at {MINUTES}")
HEADER = "ts_utc,open,high,low,close\n"


def ns(text: str) -> int:
    return utc_ns_of(datetime.fromisoformat(text))


def printed(path: IndexPath, symbol: str, from_ns: int, to_ns: int) -> list[float]:
    """Every second's level, both ends included."""
    return [path.level(symbol, at) for at in range(from_ns, to_ns + 1, NS_PER_S)]


def log_moves(path: IndexPath, symbol: str, step_s: int) -> list[float]:
    instants = range(path.open_ns, path.close_ns + 1, step_s * NS_PER_S)
    levels = [math.log(path.level(symbol, at)) for at in instants]
    return [after - before for before, after in pairwise(levels)]


def write_bars(root: Path, name: str, lines: str, folders: tuple[str, ...] = ("SPX", "NDX")) -> None:
    for folder in folders:
        (root / folder).mkdir(exist_ok=True)
        (root / folder / name).write_text(HEADER + lines)


# A generated day


def test_a_seed_always_makes_the_same_day() -> None:
    first, second = generated_day(7, REGULAR), generated_day(7, REGULAR)

    for symbol in SYMBOLS:
        assert printed(first, symbol, first.open_ns, first.end_ns) == printed(second, symbol, second.open_ns, second.end_ns)


def test_a_seed_makes_this_day_on_every_python_version() -> None:
    path = generated_day(7, REGULAR)

    levels = " ".join(f"{level:.2f}" for level in printed(path, "I:SPX", path.open_ns, path.end_ns))
    assert hashlib.sha256(levels.encode()).hexdigest()[:16] == "e6da79fe8e95ebc3"
    assert f"{path.level('I:NDX', path.close_ns):.2f}" == "25380.20"


def test_other_seeds_and_other_dates_make_other_days() -> None:
    ends = [
        generated_day(seed, found).level("I:SPX", found.close_ns)
        for seed, found in ((1, REGULAR), (2, REGULAR), (1, session(date(2026, 11, 24))))
    ]

    assert len(set(ends)) == 3


def test_a_level_holds_for_a_whole_second() -> None:
    path = generated_day(3, REGULAR)
    at = ns("2026-11-23T12:00:00-05:00")

    assert path.level("I:SPX", at + NS_PER_S - 1) == path.level("I:SPX", at)
    changed = sum(path.level("I:SPX", at + (s + 1) * NS_PER_S) != path.level("I:SPX", at + s * NS_PER_S) for s in range(600))
    assert changed > 400


def test_outside_the_day_the_level_is_the_previous_close_or_the_last_value() -> None:
    path = generated_day(3, REGULAR)
    last = path.level("I:NDX", ns("2026-11-23T16:05:00-05:00"))

    assert path.level("I:NDX", path.open_ns - 1) == path.previous_close("I:NDX") != path.level("I:NDX", path.open_ns)
    assert path.level("I:NDX", ns("2026-11-23T23:00:00-05:00")) == last
    assert path.end_ns == ns("2026-11-23T16:05:00-05:00")
    assert path.level("I:NDX", path.close_ns) != last


def test_an_early_close_ends_the_day_at_thirteen_five() -> None:
    path = generated_day(3, EARLY)

    assert (path.close_ns, path.end_ns) == (ns("2026-11-27T13:00:00-05:00"), ns("2026-11-27T13:05:00-05:00"))
    assert path.level("I:SPX", ns("2026-11-27T15:00:00-05:00")) == path.level("I:SPX", path.end_ns)


def test_levels_have_the_venues_decimals_and_plausible_sizes() -> None:
    path = generated_day(5, REGULAR)

    for symbol, decimals, around in (("I:SPX", 2, 6_850.0), ("I:NDX", 4, 25_300.0)):
        levels = printed(path, symbol, path.open_ns, path.end_ns)
        assert levels == [float(f"{level:.{decimals}f}") for level in levels]
        assert all(0.85 * around < level < 1.15 * around for level in levels)


def test_a_day_without_trading_makes_no_world() -> None:
    with pytest.raises(WorldError, match=r"2026-11-26 has no session \(holiday\)"):
        generated_day(1, session(date(2026, 11, 26)))


def test_days_are_as_volatile_as_measured_and_the_indices_move_together() -> None:
    days = [generated_day(seed, REGULAR) for seed in range(20)]

    # Root of the summed squared 1-minute moves: 52 bp and 75 bp on the median day.
    for symbol, expected in (("I:SPX", 52e-4), ("I:NDX", 75e-4)):
        realised = [math.sqrt(math.fsum(move * move for move in log_moves(day, symbol, 60))) for day in days]
        assert median(realised) == pytest.approx(expected, rel=0.25)
        assert max(realised) > 1.3 * min(realised)
    assert fmean(correlation(log_moves(day, "I:SPX", 60), log_moves(day, "I:NDX", 60)) for day in days) == pytest.approx(0.85, abs=0.03)


def test_one_second_moves_have_fat_tails() -> None:
    path = generated_day(11, REGULAR)
    moves = log_moves(path, "I:NDX", 1)
    lunch = moves[2 * 3600 : 4 * 3600]

    deviation = pstdev(lunch)
    kurtosis = fmean((move / deviation) ** 4 for move in lunch)
    assert kurtosis > 5.0  # 3 for a normal distribution


def test_the_true_deviation_is_that_of_the_moves() -> None:
    # 360 moves, each its own forecast: standardised by the truth they have unit variance.
    standardised = []
    for seed in range(30):
        path = generated_day(seed, REGULAR)
        for hour in range(6):
            start, end = path.open_ns + hour * 3600 * NS_PER_S, path.open_ns + (hour + 1) * 3600 * NS_PER_S
            for symbol in SYMBOLS:
                move = path.level(symbol, end) - path.level(symbol, start)
                standardised.append(move / path.sd_points(symbol, start, end))

    assert math.sqrt(fmean(z * z for z in standardised)) == pytest.approx(1.0, abs=0.12)


def test_the_true_deviation_follows_the_days_wandering_volatility() -> None:
    # At lunch the profile is flat: only the wandering level makes one block of 10 minutes more volatile than another.
    true, realised = [], []
    for seed in range(8):
        path = generated_day(seed, REGULAR)
        daily = path.sd_points("I:SPX", path.open_ns, path.close_ns)
        for block in range(12, 23):
            start = path.open_ns + block * 600 * NS_PER_S
            levels = printed(path, "I:SPX", start, start + 600 * NS_PER_S)
            true.append((path.sd_points("I:SPX", start, start + 600 * NS_PER_S) / daily) ** 2)
            realised.append(math.fsum((after - before) ** 2 for before, after in pairwise(levels)) / daily**2)

    assert correlation(true, realised) > 0.8
    assert pstdev(true) > 0.2 * fmean(true)


def test_deviations_add_in_squares_and_stop_at_the_days_end() -> None:
    path = generated_day(2, REGULAR)
    start, middle, end = path.open_ns, path.open_ns + 3_600_500_000_000, path.close_ns
    relative = [
        path.sd_points("I:SPX", from_ns, to_ns) / path.level("I:SPX", from_ns)
        for from_ns, to_ns in ((start, middle), (middle, end), (start, end))
    ]

    assert math.hypot(relative[0], relative[1]) == pytest.approx(relative[2])
    assert path.sd_points("I:SPX", path.end_ns, path.end_ns + NS_PER_S) == 0.0
    assert path.sd_points("I:SPX", end, start) == 0.0
    assert path.sd_points("I:SPX", start - 1, start) > 0.002 * path.previous_close("I:SPX")  # overnight


def test_the_profile_is_one_day_of_variance_with_its_bursts() -> None:
    shares = variance_shares(REGULAR.open_ns, REGULAR.close_ns)
    minute = {f"{9 + (30 + m) // 60:02d}:{(30 + m) % 60:02d}": shares[m * 60] for m in range(390)}

    assert math.fsum(shares[: 390 * 60]) == pytest.approx(1.0)
    # Root mean square moves of a minute as measured, against 2.2 bp at lunch.
    lunch = minute["12:30"]
    for at, rms_bp in (("09:32", 4.9), ("10:00", 4.8), ("11:00", 3.0), ("15:50", 5.3), ("15:55", 4.5), ("15:59", 6.5)):
        assert math.sqrt(minute[at] / lunch) == pytest.approx(rms_bp / 2.2)
    assert minute["10:00"] > minute["09:59"]
    assert 0.0 < math.fsum(shares[390 * 60 :]) < 0.002


def test_an_early_close_has_its_closing_burst_and_less_than_a_days_variance() -> None:
    shares = variance_shares(EARLY.open_ns, EARLY.close_ns)
    regular = variance_shares(REGULAR.open_ns, REGULAR.close_ns)

    assert shares[209 * 60] == regular[389 * 60]
    assert shares[:10_000] == regular[:10_000]
    assert 0.6 < math.fsum(shares) < 0.85


# A bridged day


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_a_bridged_bar_meets_its_four_prices_exactly(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    low = data.draw(st.integers(600_000, 700_000))
    high = low + data.draw(st.integers(0, 900))
    opening, closing = (data.draw(st.sampled_from([low, high, data.draw(st.integers(low, high))])) for _ in range(2))
    root = tmp_path_factory.mktemp("bars")
    prices = [value / 100 for value in (opening, high, low, closing)]
    write_bars(root, "2026-11-23.csv", "2026-11-23T17:00:00Z," + ",".join(f"{price:.2f}" for price in prices) + "\n")

    path = bridged_day(root, date(2026, 11, 23), data.draw(st.integers(0, 99)))

    levels = printed(path, "I:SPX", ns("2026-11-23T17:00:00Z"), ns("2026-11-23T17:00:59Z"))
    assert [levels[0], max(levels), min(levels), levels[-1]] == prices


def test_a_bridged_bar_does_not_stick_to_its_high_and_low(tmp_path: Path) -> None:
    write_bars(tmp_path, "2026-11-23.csv", "2026-11-23T17:00:00Z,6800,6805,6795,6800\n")
    at_the_ends = 0
    for seed in range(20):
        path = bridged_day(tmp_path, date(2026, 11, 23), seed)
        levels = printed(path, "I:SPX", ns("2026-11-23T17:00:00Z"), ns("2026-11-23T17:00:59Z"))
        at_the_ends += levels.count(6805.0) + levels.count(6795.0)

    assert at_the_ends <= 2.5 * 20  # once each, and seldom by chance


def test_missing_bars_are_bridged_from_close_to_open(tmp_path: Path) -> None:
    write_bars(tmp_path, "2026-11-23.csv", "2026-11-23T14:30:00Z,6800,6805,6798,6801\n2026-11-23T14:40:00Z,6830,6832,6829,6831\n")

    path = bridged_day(tmp_path, date(2026, 11, 23), 1)

    gap = printed(path, "I:SPX", ns("2026-11-23T14:30:59Z"), ns("2026-11-23T14:40:00Z"))
    assert (gap[0], gap[-1]) == (6801.0, 6830.0)
    assert max(abs(after - before) for before, after in pairwise(gap)) < 3.0
    assert len(set(gap)) > 300
    assert path.level("I:SPX", path.close_ns) == 6831.0
    assert path.previous_close("I:SPX") == path.level("I:SPX", path.open_ns - 1) == 6800.0


def test_a_part_of_a_day_is_known_for_its_stretch(tmp_path: Path) -> None:
    write_bars(tmp_path, "2026-11-23_noon.csv", "2026-11-23T17:00:00Z,6800,6805,6798,6801\n2026-11-23T17:01:00Z,6801,6802,6799,6800\n")

    path = bridged_day(tmp_path, date(2026, 11, 23), 1)

    assert (path.first_ns, path.last_ns) == (ns("2026-11-23T17:00:00Z"), ns("2026-11-23T17:01:59Z"))
    assert path.level("I:SPX", ns("2026-11-23T15:00:00Z")) == 6800.0
    assert path.level("I:SPX", path.last_ns) == 6800.0


def test_bars_may_also_lie_in_the_folders_index_minutes(tmp_path: Path) -> None:
    (tmp_path / "index_minutes").mkdir()
    write_bars(tmp_path / "index_minutes", "2026-11-23.csv", "2026-11-23T14:30:00+00:00,6800.0,6801.0,6799.0,6800.5\n")

    outer, inner = (bridged_day(folder, date(2026, 11, 23), 1) for folder in (tmp_path, tmp_path / "index_minutes"))

    assert outer.level("I:SPX", outer.open_ns) == inner.level("I:SPX", inner.open_ns) == 6800.0


def test_a_folder_of_something_else_is_told_what_was_expected(tmp_path: Path) -> None:
    expected = r"no minute bars: expected SPX/2026-11-23\.csv and NDX/2026-11-23\.csv in it or in its index_minutes/"

    with pytest.raises(WorldError, match=expected):
        bridged_day(tmp_path, date(2026, 11, 23), 1)


def test_a_missing_index_is_an_error_that_names_its_file(tmp_path: Path) -> None:
    write_bars(tmp_path, "2026-11-23.csv", "2026-11-23T17:00:00Z,6800,6805,6798,6801\n", folders=("SPX",))

    with pytest.raises(WorldError, match=r"NDX/2026-11-23\.csv: no minute bars"):
        bridged_day(tmp_path, date(2026, 11, 23), 1)


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-23T17:00:00Z,6800,6805,6798",
        "2026-11-23T17:00:00Z,6800,6805,6798,nan",
        "2026-11-23T17:00:00Z,6800,inf,6798,6801",
        "2026-11-23T17:00:00Z,6800,6799,6798,6799",
        "2026-11-23T17:00:00Z,6800,6805,6801,6802",
        "2026-11-23T17:00:30Z,6800,6805,6798,6801",
        "2026-11-23T17:00:00,6800,6805,6798,6801",
    ],
)
def test_a_line_that_is_no_possible_bar_is_an_error_that_names_it(tmp_path: Path, line: str) -> None:
    write_bars(tmp_path, "2026-11-23.csv", line + "\n")

    with pytest.raises(WorldError, match=r"SPX/2026-11-23\.csv:2: not a minute bar"):
        bridged_day(tmp_path, date(2026, 11, 23), 1)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("2026-11-23T22:00:00Z,6800,6805,6798,6801\n", "no bar of 2026-11-23 is inside its session"),
        ("2026-11-23T17:00:00Z,6800,6805,6798,6801\n" * 2, "two bars of 2026-11-23"),
    ],
)
def test_bars_that_make_no_day_are_refused(tmp_path: Path, lines: str, message: str) -> None:
    write_bars(tmp_path, "2026-11-23.csv", lines)

    with pytest.raises(WorldError, match=message):
        bridged_day(tmp_path, date(2026, 11, 23), 1)


def test_a_file_without_its_header_is_refused(tmp_path: Path) -> None:
    write_bars(tmp_path, "2026-11-23.csv", "")
    (tmp_path / "SPX/2026-11-23.csv").write_text("time,price\n")

    with pytest.raises(WorldError, match=r"first line isn't 'ts_utc,open,high,low,close'"):
        bridged_day(tmp_path, date(2026, 11, 23), 1)


# Real bars


@real_bars
def test_every_real_bar_is_met_exactly() -> None:
    path = bridged_day(MINUTES, date(2025, 10, 31), 4)

    for symbol in SYMBOLS:
        for line in (MINUTES / symbol[2:] / "2025-10-31.csv").read_text().splitlines()[1:]:
            stamp, *prices = line.split(",")
            levels = printed(path, symbol, ns(stamp), ns(stamp) + 59 * NS_PER_S)
            assert [levels[0], max(levels), min(levels), levels[-1]] == [float(price) for price in prices], stamp


@real_bars
def test_a_real_day_differs_by_seed_only_between_its_prices() -> None:
    first, second = (bridged_day(MINUTES, date(2025, 10, 31), seed) for seed in (1, 2))
    differing = Counter(
        second_of_minute
        for second_of_minute in range(60)
        for minute in range(390)
        if first.level("I:SPX", at := first.open_ns + (minute * 60 + second_of_minute) * NS_PER_S) != second.level("I:SPX", at)
    )

    assert (differing[0], differing[59]) == (0, 0)
    assert differing[30] > 300


@real_bars
@pytest.mark.parametrize("day", [date(2024, 8, 5), date(2024, 9, 18)])
def test_real_parts_of_a_day_cover_noon_and_the_close(day: date) -> None:
    path = bridged_day(MINUTES, day, 1)

    assert path.first_ns == ns(f"{day}T11:45:00-04:00")
    assert path.last_ns >= ns(f"{day}T16:00:00-04:00")
    # 2024-08-05 12:00 and 2024-09-18 12:00, the bars that start there.
    line = next(line for line in (MINUTES / f"NDX/{day}_noon.csv").read_text().splitlines() if line.startswith(f"{day}T16:00:00Z"))
    assert path.level("I:NDX", ns(f"{day}T12:00:00-04:00")) == float(line.split(",")[1])


@real_bars
def test_a_real_day_of_one_index_only_is_refused() -> None:
    with pytest.raises(WorldError, match=r"NDX/2021-01-04\.csv"):
        bridged_day(MINUTES, date(2021, 1, 4), 1)
