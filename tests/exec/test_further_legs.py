"""A further leg in the engine: it stands us down, has its troubles told once, and is in every feed incident's evidence."""

from msgspec.structs import replace

from kalshi_alpha.config import FurtherLegConfig
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_S
from kalshi_alpha.model.reasons import Reason
from tests.exec.harness import LEVELS, Rig, quoting, settings

WITNESS = FurtherLegConfig(url="wss://127.0.0.1/indices", api_key_file="-", vendor="Other")


def watched() -> Rig:
    config = settings()
    rig = quoting(Rig(config=replace(config, feeds=replace(config.feeds, further={"backup": WITNESS}))))
    rig.tell(ev.FurtherStated("backup", connected=True, text="subscribed"))
    return rig


def witness(rig: Rig, seconds: int, off: float = 0.0) -> None:
    for second in range(seconds):
        level = rig.levels["I:SPX"] = LEVELS["I:SPX"] + second % 2 / 4
        rig.tick()
        rig.tell(ev.FurtherTicked("backup", "I:SPX", level + off, rig.utc_ns // NS_PER_S * 1_000))


def test_one_that_contradicts_both_legs_pulls_that_indexs_quotes_and_lets_go_when_it_agrees() -> None:
    rig = watched()
    witness(rig, 3)
    calm = rig.reasons

    witness(rig, 14, off=9.0)

    assert not calm
    assert (Reason.IMPLIED_LEVEL, "I:SPX") in {(held.reason, held.scope) for held in rig.engine.facts.reasons}
    [noted] = [incident for incident in rig.incidents("feed") if "the further leg backup" in incident.title]
    assert noted.title == "I:SPX: by the further leg backup the level is 13.1 bp from the feeds'"
    assert noted.facts["backup I:SPX"].endswith("FRESH")
    witness(rig, 6)
    assert not rig.engine.facts.reasons
    assert rig.incidents("feed")[-1].title == "I:SPX: the further leg backup and the feeds agree again"


def test_its_troubles_are_told_once_until_it_is_back() -> None:
    rig = watched()
    lost = ev.FurtherStated("backup", connected=False, text="lost: closed 1006")

    for event in (lost, lost, ev.FurtherStated("backup", connected=True, text="subscribed"), lost):
        rig.tell(event)
    witness(rig, 3)

    assert [incident.title for incident in rig.incidents("feed")] == ["backup, a further leg: lost: closed 1006"] * 2
    assert not rig.engine.facts.reasons
