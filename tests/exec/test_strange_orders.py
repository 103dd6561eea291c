"""Orders that nobody here knows: their cancels are paid for, sent in batches, and repeated until the venue says that they are gone."""

from kalshi_alpha.exec.facts import EngineFacts
from kalshi_alpha.exec.strange_orders import StrangeOrders
from kalshi_alpha.model.clock import NS_PER_S, Now
from kalshi_alpha.model.commands import CancelOrders, CancelTarget
from tests.exec.harness import settings

START = Now(1_795_449_600 * NS_PER_S, 55_000 * NS_PER_S)


def after(seconds: float) -> Now:
    return Now(START.utc_ns + int(seconds * NS_PER_S), START.mono_ns + int(seconds * NS_PER_S))


class Kept:
    def __init__(self) -> None:
        self.facts = EngineFacts(settings())
        self.strange = StrangeOrders(self.facts)

    def find(self, *numbers: int, now: Now = START) -> None:
        for number in numbers:
            self.strange.found(CancelTarget(f"c-{number}", f"v-{number}", "T", 0), now)

    def asked(self, now: Now) -> list[list[str]]:
        """Return the orders of each batch sent now."""
        self.facts.out.clear()
        self.strange.cancel(now)
        return [[target.order_id for target in sent.targets] for sent in self.facts.out if isinstance(sent, CancelOrders)]


def test_all_that_are_found_in_a_step_go_in_one_batch_and_make_one_incident() -> None:
    kept = Kept()
    kept.find(1, 2, 3)
    kept.find(2)

    assert kept.asked(START) == [["v-1", "v-2", "v-3"]]
    assert [noted.title for noted in kept.facts.incidents] == ["3 orders rest at the venue and are unknown here"]
    assert kept.facts.tokens_spent == 6


def test_the_write_budget_decides_how_many_and_when_there_are_more() -> None:
    kept = Kept()
    kept.find(*range(80))

    batches = [batch for tenth in range(12) for batch in kept.asked(after(tenth / 10))]

    # 100 tokens at hand are 50 cancels; a tenth of a second pays for 5 more; after a second the first are asked for once more.
    assert [len(batch) for batch in batches[:7]] == [50, 5, 5, 5, 5, 5, 5]
    assert len({name for batch in batches for name in batch}) == 80
    assert kept.facts.bucket.available(after(1.1).mono_ns) >= 0


def test_one_is_asked_for_once_a_second_until_it_is_gone() -> None:
    kept = Kept()
    kept.find(1)
    early = kept.asked(START), kept.asked(after(0.9))
    kept.find(1, now=after(0.9))

    assert (early, kept.asked(after(0.95))) == (([["v-1"]], []), [])
    assert kept.facts.deadlines["strange_orders"] >= after(1.0).mono_ns
    assert kept.asked(after(1.0)) == [["v-1"]]
    kept.strange.gone("v-1", after(1.1))
    kept.strange.gone("v-2", after(1.1))
    assert kept.asked(after(5.0)) == []
    assert "strange_orders" not in kept.facts.deadlines


def test_without_a_token_it_waits_for_some_and_does_not_spin() -> None:
    kept = Kept()
    kept.facts.bucket.take(150, START.mono_ns)
    kept.find(1)

    assert kept.asked(START) == []
    assert kept.facts.deadlines["strange_orders"] > after(0.5).mono_ns
    assert kept.asked(after(0.6)) == [["v-1"]]


def test_a_lagging_read_brings_none_back_and_a_later_one_does_without_another_incident() -> None:
    kept = Kept()
    kept.find(1)
    kept.asked(START)
    kept.strange.gone("v-1", after(0.1))
    kept.find(1, now=after(0.5))
    lagging = kept.asked(after(0.5))

    kept.find(1, now=after(2.2))

    assert (lagging, kept.asked(after(2.2))) == ([], [["v-1"]])
    assert len(kept.facts.incidents) == 1
