"""Each figure says whether its goal is met."""

import json

import pytest

from kalshi_alpha.sim.bench import Figure, Goal, day_figure, figure_of, report

HUNDRED = [float(n) for n in range(1, 101)]


@pytest.mark.parametrize(("took_s", "met"), [(9.9, True), (10.0, False), (11.0, False)])
def test_less_than_the_goal_is_met(took_s: float, met: bool) -> None:
    figure = day_figure(took_s, "", quick=False)["virtual_day_s"]

    assert (figure.value, figure.goal, figure.met) == (took_s, "< 10", met)


@pytest.mark.parametrize(("rate", "met"), [(400_001.0, True), (400_000.0, False)])
def test_a_rate_must_be_above_its_goal(rate: float, met: bool) -> None:
    figure = figure_of("1/s", Goal("value", 400_000, is_least=True), [rate], samples=5)

    assert (figure.goal, figure.met, figure.samples) == ("> 400,000", met, 5)


@pytest.mark.parametrize(("of", "met"), [("p50", True), ("p99", False)])
def test_of_several_values_the_goals_quantile_counts(of: str, met: bool) -> None:
    figure = figure_of("us", Goal(of, 90.0), HUNDRED)

    assert (figure.p50, figure.p99, figure.samples) == (51.0, 100.0, 100)
    assert (figure.goal, figure.met) == (f"{of} < 90", met)


def test_nothing_measured_meets_no_goal() -> None:
    assert figure_of("us", Goal("p99", 200.0), []).met is False


def test_one_window_isnt_called_a_day_and_has_no_goal() -> None:
    figures = day_figure(1.0, "", quick=True)

    assert list(figures) == ["virtual_window_s"]
    assert figures["virtual_window_s"].met is None


FIGURES: dict[str, Figure] = {
    "fast_us": figure_of("us", Goal("p99", 200.0), HUNDRED),
    "slow_s": figure_of("s", Goal("value", 10), [12.0], samples=1),
    **day_figure(1.0, "", quick=True),
}


def test_the_text_marks_what_was_missed(capsys: pytest.CaptureFixture[str]) -> None:
    report(FIGURES, as_json=False)

    fast, slow, window = capsys.readouterr().out.splitlines()[1:]
    assert "met: goal p99 < 200" in fast
    assert "MISSED: goal < 10" in slow
    assert "goal" not in window


def test_the_document_says_it_of_each_figure(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    report(FIGURES, as_json=True)

    figures = json.loads(capsysbinary.readouterr().out)["figures"]
    assert {name: figure["met"] for name, figure in figures.items()} == {"fast_us": True, "slow_s": False, "virtual_window_s": None}
