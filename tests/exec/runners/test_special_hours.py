import asyncio
from collections.abc import Sequence
from pathlib import Path

from kalshi_alpha.exec.runners.special_hours import follow_special_hours, read_event
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import events as ev

TEXT = 'schema_version = 1\n[[day]]\ndate = 2026-11-23\nopen = "09:30"\nclose = "13:30"\nnote = "a notice"\n'


def test_a_good_file_is_hours_and_a_bad_one_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "hours.toml"
    path.write_text(TEXT)
    good = read_event(path)
    path.write_text(TEXT.replace("13:30", "09:00"))
    bad = read_event(path)

    assert isinstance(good, cal.SpecialHoursChanged)
    assert [day.date for day in good.hours.days] == ["2026-11-23"]
    assert isinstance(bad, cal.SpecialHoursRefused)
    assert bad.reason == f"{path}: day 1 (2026-11-23): open 09:30 isn't before close 09:00"


def test_each_change_of_the_file_is_handed_over_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "hours.toml"
    path.write_text(TEXT)
    heard: list[ev.Event] = []
    texts = iter([TEXT.replace("13:30", "nine"), None, TEXT])

    async def follow() -> None:
        done = asyncio.Event()

        def on_events(events: Sequence[ev.Event]) -> None:
            heard.extend(events)
            text = next(texts, "")
            if text is None:
                path.unlink()
            elif text:
                path.write_text(text)
            else:
                done.set()

        task = asyncio.create_task(follow_special_hours(path, on_events, every_s=0.001))
        async with asyncio.timeout(10):
            await done.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(follow())

    assert [type(event) for event in heard] == [
        cal.SpecialHoursChanged,
        cal.SpecialHoursRefused,
        cal.SpecialHoursRefused,
        cal.SpecialHoursChanged,
    ]
    refusals = [event.reason for event in heard if isinstance(event, cal.SpecialHoursRefused)]
    assert "close is 'nine'" in refusals[0]
    assert "No such file" in refusals[1]
