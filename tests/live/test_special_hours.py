"""The running process follows its file of special hours, over real sockets."""

from pathlib import Path

from tests.live.venue import servers, wait_until

PLAIN = "schema_version = 1\n"
LATE = PLAIN + '[[day]]\ndate = 2026-11-23\nopen = "09:59"\nclose = "16:00"\nnote = "a late opening"\n'


def test_a_changed_file_pulls_the_quotes_a_bad_one_changes_nothing_and_a_restart_knows_it(tmp_path: Path) -> None:
    hours, report = tmp_path / "hours.toml", tmp_path / "REPORT.md"
    hours.write_text(PLAIN)
    with servers(tmp_path) as venue:
        settings = venue.config.read_text()
        assert "[windows]\n" in settings
        venue.config.write_text(settings.replace("[windows]\n", f'[windows]\nspecial_hours_file = "{hours}"\n'))
        venue.trader()
        wait_until(lambda: len(venue.resting()) > 10)

        hours.write_text(LATE)
        wait_until(lambda: not venue.resting())
        wait_until(lambda: "Special hours have changed" in report.read_text())
        placed = len(venue.accepted())
        hours.write_text(LATE.replace("16:00", "nine"))
        wait_until(lambda: "close is 'nine'" in report.read_text())
        hours.write_text(LATE)
        trader = venue.children["trader"]
        trader.kill()
        trader.end()
        venue.trader()
        wait_until(lambda: "Restarted as epoch" in report.read_text())
        wait_until(lambda: report.read_text().count("Special hours have changed") == 2)

        assert len(venue.accepted()) == placed
        assert venue.children["trader"].end() == 0
        assert not venue.resting()
