"""The engine's promises, told as a day would tell them."""

from tests.exec.harness import quoting


def test_a_reconciled_engine_in_a_window_quotes_both_indices() -> None:
    rig = quoting()

    assert {order.intent.series for order in rig.live("resting")} == {"INXU", "NASDAQ100U"}
