"""Tokens are counted exactly, never beyond the capacity and never twice for the same time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.data.token_bucket import TokenBucket

SECOND = 1_000_000_000


def test_a_new_bucket_is_full() -> None:
    assert TokenBucket(100, 250).available(5 * SECOND) == 250


def test_ten_creates_empty_the_basic_bucket_and_one_second_fills_it() -> None:
    bucket = TokenBucket(100, 100)

    for _ in range(10):
        bucket.take(10, SECOND)
    empty = bucket.available(SECOND)

    assert empty == 0
    assert bucket.available(SECOND + SECOND // 2) == 50
    assert bucket.available(2 * SECOND) == 100
    assert bucket.available(90 * SECOND) == 100


def test_a_debt_is_paid_before_tokens_are_available_again() -> None:
    bucket = TokenBucket(100, 100)

    bucket.take(150, 0)

    assert bucket.available(0) == -50
    assert bucket.ready_at_ns(10, 0) == SECOND * 6 // 10


def test_what_is_available_is_ready_now() -> None:
    assert TokenBucket(100, 100).ready_at_ns(100, 7) == 7


def test_more_than_the_bucket_holds_is_never_ready() -> None:
    with pytest.raises(ValueError, match="101 tokens never fit a bucket of 100"):
        TokenBucket(100, 100).ready_at_ns(101, 0)


def test_time_going_back_refills_nothing() -> None:
    bucket = TokenBucket(100, 100)
    bucket.take(100, 10 * SECOND)

    earlier = bucket.available(9 * SECOND)

    assert earlier == 0
    assert bucket.available(10 * SECOND) == 0


@given(st.integers(1, 997), st.integers(1, 500), st.integers(0, 400), st.integers(0, 10**12))
def test_tokens_are_there_at_the_promised_nanosecond_and_not_before(rate: int, capacity: int, taken: int, start: int) -> None:
    bucket = TokenBucket(rate, capacity)
    bucket.take(taken, start)

    ready = bucket.ready_at_ns(capacity, start)

    if ready > start:
        assert bucket.available(ready - 1) < capacity
    assert bucket.available(ready) >= capacity
