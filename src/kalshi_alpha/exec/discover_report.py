"""A day's check of the listings as one document, and as lines for people."""

from collections.abc import Mapping, Sequence

import msgspec

from kalshi_alpha.exec.discover import Expected, LadderFound, OtherEvent, Terms, check_ladder, other_events, terms_together
from kalshi_alpha.model.clock import iso_et, iso_utc
from kalshi_alpha.model.instruments import Series
from kalshi_alpha.model.listed_day import ListedDay
from kalshi_alpha.sched.calendar import Session


class DayHours(msgspec.Struct, frozen=True):
    """The day's session; times are None without trading."""

    kind: str
    open_et: str | None
    close_et: str | None
    source: str


class DiscoverReport(msgspec.Struct, frozen=True):
    """What ``scan_ladders --discover`` answers."""

    date: str
    now_utc: str
    session: DayHours
    ok: bool
    """Every expected ladder is listed as it should be, on accepted terms (or on terms that nobody has accepted yet)."""
    message: str
    ladders: tuple[LadderFound, ...]
    not_quoted: tuple[OtherEvent, ...]
    warnings: tuple[str, ...]
    markets_read: int
    accepted_file: str
    never_accepted: tuple[Series, ...]
    """Quoted series whose terms have never been accepted: there was nothing to compare them with."""
    accepted_now: tuple[Series, ...] = ()


class Look(msgspec.Struct, frozen=True):
    """One look at one day: what should be listed, what is, and what was accepted."""

    session: Session
    expected: tuple[Expected, ...]
    listed: dict[Series, ListedDay]
    accepted: dict[Series, Terms]


def discover_report(look: Look, utc_ns: int, accepted_file: str) -> DiscoverReport:
    """Return what one look at a day's listings comes to."""
    ladders = tuple(check_ladder(one, look.listed[one.series], look.accepted.get(one.series)) for one in look.expected)
    others = tuple(other for day in look.listed.values() for other in other_events(look.expected, day))
    quoted = dict.fromkeys(one.series for one in look.expected)
    hours = look.session
    return DiscoverReport(
        date=hours.date,
        now_utc=iso_utc(utc_ns),
        session=DayHours(
            hours.kind, iso_et(hours.open_ns) if hours.trades else None, iso_et(hours.close_ns) if hours.trades else None, hours.source
        ),
        ok=not any(ladder.faults or ladder.changed for ladder in ladders),
        message=_message(hours, ladders),
        ladders=ladders,
        not_quoted=others,
        warnings=_contradictions(hours, look.listed),
        markets_read=sum(len(day.markets) for day in look.listed.values()),
        accepted_file=accepted_file,
        never_accepted=tuple(series for series in quoted if series not in look.accepted),
    )


def acceptable(look: Look, report: DiscoverReport) -> dict[Series, Terms]:
    """Return the present terms of each series, those of its faulty ladders left out; a series without a sound ladder isn't there."""
    found: dict[Series, Terms] = {}
    for series, day in look.listed.items():
        sound = [one for one, ladder in zip(look.expected, report.ladders, strict=True) if one.series == series and not ladder.faults]
        if sound:
            found[series] = terms_together(sound, day)
    return found


def after_accepting(report: DiscoverReport, accepted: Mapping[Series, Terms]) -> DiscoverReport:
    """Return the report once the terms of these series are accepted: the differences stay shown, and no longer say no."""
    still_wrong = any(ladder.faults or (ladder.changed and ladder.series not in accepted) for ladder in report.ladders)
    return msgspec.structs.replace(
        report,
        ok=not still_wrong,
        accepted_now=tuple(accepted),
        never_accepted=tuple(series for series in report.never_accepted if series not in accepted),
    )


def as_lines(report: DiscoverReport) -> str:
    """Return the report for people."""
    hours = report.session
    span = f", {hours.open_et[11:16]} to {hours.close_et[11:16]} ET" if hours.open_et and hours.close_et else ""
    lines = [f"{report.date}  {hours.kind}{span}", report.message]
    for ladder in report.ladders:
        lines += _ladder_lines(ladder)
    lines += [f"  not quoted  {other.series:<11} {other.event_ticker}  {other.strikes} strikes" for other in report.not_quoted]
    lines += [f"warning: {warning}" for warning in report.warnings]
    if report.never_accepted:
        names = ", ".join(report.never_accepted)
        lines.append(f"no accepted terms of {names} in {report.accepted_file}: nothing to compare with; --accept records the present ones")
    if report.accepted_now:
        lines.append(f"accepted the present terms of {', '.join(report.accepted_now)} in {report.accepted_file}")
    return "\n".join(lines) + "\n"


def _ladder_lines(ladder: LadderFound) -> list[str]:
    verdict = "WRONG" if ladder.faults else ("CHANGED" if ladder.changed else "ok")
    kinds = ", ".join(f"{count} {kind or 'without a type'}" for kind, count in ladder.by_strike_type.items())
    grid = f", every {ladder.step_points:g} from {ladder.lowest:,.10g} to {ladder.highest:,.10g}" if ladder.step_points else ""
    terms = (
        f", {ladder.collateral or 'no netting'}, {ladder.fee_type} x {ladder.fee_multiplier:g}" if ladder.fee_multiplier is not None else ""
    )
    lines = [f"  {verdict:<7} {ladder.label:<12} {ladder.series:<11} {ladder.event_ticker or '-'}  {kinds or 'nothing'}{grid}{terms}"]
    lines += [f"          {fault}" for fault in ladder.faults]
    for change in ladder.changed:
        lines += [
            f"          {change.term} was {_values(change.accepted)}",
            f"          {' ' * len(change.term)} now {_values(change.found)}",
        ]
    return lines + [f"          note: {warning}" for warning in ladder.warnings]


def _values(values: Sequence[str]) -> str:
    return " | ".join(repr(value) for value in values) or "nothing"


def _message(hours: Session, ladders: Sequence[LadderFound]) -> str:
    if not ladders:
        return f"no windows on this day ({hours.kind}): no ladder is expected"
    wrong = sum(1 for ladder in ladders if ladder.faults)
    changed = sum(1 for ladder in ladders if ladder.changed)
    if not wrong and not changed:
        return f"{len(ladders)} ladders expected, all listed as they should be"
    return f"{len(ladders)} ladders expected, {wrong} wrong, {changed} on terms that weren't accepted"


def _contradictions(hours: Session, listed: Mapping[Series, ListedDay]) -> tuple[str, ...]:
    """Return where the venue lists what our calendar rules out: markets on a closed day, or that close after the session."""
    found = []
    for series, day in listed.items():
        late = sorted({market.event_ticker for market in day.markets if market.close_ns > hours.close_ns})
        if late:
            why = f"our calendar closes at {iso_et(hours.close_ns)[11:16]} ET" if hours.trades else f"our calendar says {hours.kind}"
            found.append(f"{series}: the venue lists {', '.join(late)}, but {why}")
    return tuple(found)
