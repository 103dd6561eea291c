from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.exec.housekeep_plan import Archive, Archives, Found, History, Hold, Item, Plan, Segment, Temporary, plan

DAY = 86_400_000_000_000
NOW_NS = 20_783 * DAY + DAY // 3  # 2026-11-26T08:00Z
ARCHIVES = Archives("a/journal", "a/monitors")
SPARSE = st.sampled_from([0, 1, 2, 25, 29, 30, 31, 60])


def planned(found: Found, keep_days: int = 30) -> Plan:
    return plan(found, ARCHIVES, NOW_NS, keep_days)


def segment(number: int, days: float, *, trouble: str = "", sets: frozenset[str] = frozenset()) -> Segment:
    at_ns = NOW_NS - round(days * DAY)
    return Segment(number, f"j/{number}", 100, at_ns - 5, at_ns, 7, sets, (f"ledger-{number}",), trouble)


def journal(*segments: Segment, restart_seq: int = 1_000, holds: tuple[Hold, ...] = ()) -> Found:
    return Found(segments=(*segments, Segment(999, "j/open", 1)), restart_seq=restart_seq, holds=holds)


def done(found: Found) -> list[tuple[str, str]]:
    return [(action.does, action.path) for action in planned(found).actions]


def why(found: Found) -> dict[str, str]:
    return {item.path: item.why for item in planned(found).kept}


def test_a_segment_is_old_from_its_last_record_on() -> None:
    assert done(journal(segment(1, 30), segment(2, 29.999), segment(3, 1), segment(4, 0.999))) == [
        ("retire", "j/1"),
        ("compact", "j/2"),
        ("compact", "j/3"),
    ]


def test_a_compacted_segment_goes_to_the_ledger_and_to_a_file_that_names_its_days() -> None:
    [action] = planned(journal(segment(7, 2))).actions

    assert action.to == ("ledger-7", "a/journal/journal-000000000007_2026-11-24_2026-11-24.parquet")


def test_a_retired_segment_goes_to_the_ledger() -> None:
    [action] = planned(journal(segment(7, 40))).actions

    assert action.to == ("ledger-7",)


def test_what_a_restart_reads_stays_however_old_it_is() -> None:
    found = journal(segment(1, 90), segment(2, 80), segment(3, 70), restart_seq=2)

    assert done(found) == [("retire", "j/1")]
    assert why(found)["j/2"] == "a restart reads it"


def test_without_a_known_place_of_the_snapshot_every_segment_stays() -> None:
    found = Found(segments=(segment(1, 90), segment(2, 80)), restart_why="there is no snapshot")

    assert done(found) == []
    assert why(found)["j/1"] == "there is no snapshot"


def test_the_newest_segment_stays_even_when_a_restart_would_not_read_it() -> None:
    assert done(Found(segments=(segment(1, 90), segment(2, 80)), restart_seq=1_000)) == [("retire", "j/1")]


def test_nothing_goes_from_behind_a_segment_that_stays() -> None:
    found = journal(segment(1, 90), segment(2, 80, trouble="corrupt"), segment(3, 70))

    assert done(found) == [("retire", "j/1")]
    assert planned(found).left == (Item("j/2", "corrupt"),)
    assert why(found) == {"j/3": "comes after j/2, which stays", "j/open": "comes after j/2, which stays"}


def test_a_latch_counts_where_it_was_set_last_and_all_else_where_it_began() -> None:
    latch = frozenset({"latch:operator_stop"})
    position = frozenset({"position:T"})

    assert done(journal(segment(1, 90, sets=latch), segment(2, 80, sets=latch), segment(3, 70))) == [("retire", "j/1")]
    assert done(journal(segment(1, 90), segment(2, 80, sets=position), segment(3, 70, sets=position))) == [("retire", "j/1")]
    assert done(journal(segment(1, 90, sets=position), segment(2, 80, sets=position))) == []


def test_evidence_holds_off_retiring_but_not_compacting() -> None:
    hold = Hold("the open incident 7", NOW_NS - 80 * DAY, NOW_NS - 80 * DAY)
    actions = planned(journal(segment(1, 90), segment(2, 80), segment(3, 70), holds=(hold,))).actions

    assert [(action.does, action.path) for action in actions] == [("retire", "j/1"), ("compact", "j/2"), ("retire", "j/3")]
    assert actions[1].why == "needed by the open incident 7"


def test_a_file_that_evidence_names_is_not_touched() -> None:
    hold = Hold("the drill record d.json", 0, -1, frozenset({"j/2", "h/1", "a/x"}))
    found = Found(
        segments=(segment(1, 90), segment(2, 80), segment(3, 70), segment(4, 0)),
        restart_seq=1_000,
        histories=(History("h/1", NOW_NS - 50 * DAY, 1), History("h/2", NOW_NS, 1)),
        archives=(Archive("a/x", "journal", NOW_NS - 91 * DAY, NOW_NS - 90 * DAY, 1),),
        holds=(hold,),
    )

    assert done(found) == [("retire", "j/1")]
    assert {path: why(found)[path] for path in ("j/2", "h/1", "a/x")} == dict.fromkeys(
        ("j/2", "h/1", "a/x"), "named by the drill record d.json"
    )


def test_a_day_of_history_is_compacted_a_day_after_its_end_and_retired_when_old() -> None:
    midnight = NOW_NS - NOW_NS % DAY
    histories = tuple(History(f"h/{days}", midnight - days * DAY, 1) for days in (31, 30, 2, 1, 0))

    assert done(Found(histories=histories)) == [("retire", "h/31"), ("compact", "h/30"), ("compact", "h/2")]


def test_the_newest_day_of_history_stays_however_old_it_is() -> None:
    assert done(Found(histories=(History("h/1", NOW_NS - 90 * DAY, 1), History("h/2", NOW_NS - 80 * DAY, 1)))) == [("retire", "h/1")]


def test_history_that_evidence_needs_becomes_parquet() -> None:
    hold = Hold("the open incident 7", NOW_NS - 90 * DAY, NOW_NS)
    found = Found(histories=(History("h/1", NOW_NS - 90 * DAY, 1), History("h/2", NOW_NS, 1)), holds=(hold,))
    [action] = planned(found).actions

    assert (action.does, action.why, action.to) == ("compact", "needed by the open incident 7", ("a/monitors/2026-08-28.parquet",))


def test_archives_are_retired_when_old_unless_evidence_needs_them() -> None:
    hold = Hold("the open incident 7", NOW_NS - 50 * DAY, NOW_NS - 50 * DAY)
    ages = (60, 51, 30, 29)
    archives = tuple(Archive(f"a/{days}", "journal", NOW_NS - (days + 1) * DAY, NOW_NS - days * DAY, 1) for days in ages)
    found = Found(
        archives=(*archives[:1], Archive("a/held", "journal", NOW_NS - 51 * DAY, NOW_NS - 50 * DAY, 1), *archives[1:]), holds=(hold,)
    )

    assert done(found) == [("retire", "a/60"), ("retire", "a/51"), ("retire", "a/30")]
    assert why(found) == {"a/held": "needed by the open incident 7", "a/29": "not yet 30 days old"}


def test_what_frees_space_without_needing_any_comes_first() -> None:
    found = Found(
        segments=(segment(1, 90), segment(2, 0)),
        restart_seq=2,
        archives=(Archive("a/1", "journal", 0, DAY, 1),),
        temporaries=(Temporary("a/.x.tmp", 5),),
    )

    assert [action.does for action in planned(found).actions] == ["clean", "retire", "retire"]
    assert [action.path for action in planned(found).actions] == ["a/.x.tmp", "a/1", "j/1"]


def test_what_could_not_be_looked_at_is_left() -> None:
    assert planned(Found(left=(Item("x", "permission denied"),))).left == (Item("x", "permission denied"),)


@st.composite
def anything(draw: st.DrawFn) -> Found:
    ages = sorted(draw(st.lists(SPARSE, max_size=6)), reverse=True)
    things = st.frozensets(st.sampled_from(["latch:a", "order:b", "position:c"]), max_size=2)
    segments = [
        segment(number * 10, days, trouble=draw(st.sampled_from(["", "", "", "corrupt"])), sets=draw(things))
        for number, days in enumerate(ages, start=1)
    ]
    days = draw(st.sets(SPARSE, max_size=4))
    held = draw(st.sampled_from([0, 1, 25, 60]))
    return Found(
        segments=tuple(segments),
        restart_seq=draw(st.sampled_from([0, 10, 30, 60, 1_000])),
        histories=tuple(History(f"h/{age}", NOW_NS - age * DAY, 1) for age in days),
        archives=tuple(Archive(f"a/{age}", "monitors", NOW_NS - (age + 1) * DAY, NOW_NS - age * DAY, 1) for age in days),
        holds=draw(st.sampled_from([(), (Hold("it", NOW_NS - held * DAY, NOW_NS - held * DAY, frozenset({"j/20", "h/60"})),)])),
    )


@given(anything(), st.integers(1, 60))
def test_every_file_is_told_of_once_and_what_must_stay_stays(found: Found, keep_days: int) -> None:
    result = planned(found, keep_days)

    taken = [action.path for action in result.actions]
    spared = [item.path for item in (*result.kept, *result.left)]
    files: list[Segment | History | Archive] = [*found.segments, *found.histories, *found.archives]
    assert sorted(taken + spared) == sorted(file.path for file in files)

    # What is left of the journal is its end, and nothing in it that a restart reads, is young, in trouble or the newest was taken.
    goes = [one.path in taken for one in found.segments]
    assert goes == sorted(goes, reverse=True)
    for one in found.segments:
        if one.path in taken:
            assert one is not found.segments[-1]
            assert one.first_seq < found.restart_seq
            assert not one.trouble
            assert NOW_NS - one.to_ns >= DAY
            assert one.path != "j/20" or not found.holds
    staying = found.segments[sum(goes) :]
    for thing in {thing for one in found.segments for thing in one.sets}:
        assert any(thing in one.sets for one in staying)
    for action in result.actions:
        if action.does == "retire":
            [file] = [file for file in files if file.path == action.path]
            end_ns = file.day_ns + DAY if isinstance(file, History) else file.to_ns
            from_ns = file.day_ns if isinstance(file, History) else file.from_ns
            assert NOW_NS - end_ns >= keep_days * DAY
            assert not any(hold.from_ns <= end_ns and from_ns <= hold.to_ns for hold in found.holds)


@given(anything(), st.integers(1, 60))
def test_keeping_for_longer_never_retires_more(found: Found, keep_days: int) -> None:
    shorter, longer = (
        {action.path for action in planned(found, days).actions if action.does == "retire"} for days in (keep_days, keep_days + 7)
    )

    assert longer <= shorter
