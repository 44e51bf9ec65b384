"""Credit: what both sides count comes out the same, and nothing legal waits for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.errors import Code, LimitExceeded
from limpet.session.flow import INITIAL_CALLS, Grant, Window


def test_every_side_begins_with_64_calls() -> None:
    assert INITIAL_CALLS == 64
    assert Window(100).calls == 64
    assert Grant(1_024, 100).opening_calls == 960
    assert Grant(64, 100).opening_calls == 0


def spend(window: Window, size: int) -> bool:
    """Charge a request as a session does, if it fits."""
    if not window.fits(size):
        return False
    window.calls -= 1
    window.spent += size
    return True


def refund(window: Window, size: int) -> None:
    window.calls += 1
    window.spent -= size


def test_a_window_is_full_by_calls() -> None:
    window = Window(1_000_000)
    assert all(spend(window, 40) for _ in range(64))
    assert not window.fits(40)
    refund(window, 40)
    assert spend(window, 40)
    assert not window.fits(0)


def test_a_window_is_full_by_bytes() -> None:
    window = Window(100)
    assert spend(window, 60)
    assert not window.fits(41)
    assert spend(window, 40)
    assert not window.fits(1)
    refund(window, 60)
    assert window.fits(60)


def test_a_request_alone_always_fits() -> None:
    window = Window(100)
    assert spend(window, 101)
    assert not window.fits(1)


def test_credit_gives_back_what_was_spent_and_then_more() -> None:
    window = Window(100)
    assert spend(window, 60)
    window.grow(1, 60)
    assert window.calls == 64
    assert spend(window, 10)
    window.grow(5, 30)
    assert window.calls == 68
    assert spend(window, 1)
    assert not window.fits(120)
    assert window.fits(119)


def test_absurd_credit_is_only_numbers() -> None:
    window = Window(100)
    assert spend(window, 50)
    for _ in range(10):
        window.grow((1 << 64) - 1, (1 << 64) - 1)
    refund(window, 50)
    assert window.fits(1 << 32)


def charge(grant: Grant, size: int) -> None:
    """Count a request as a session does."""
    grant.check(size)
    grant.calls += 1
    grant.size += size


def settle(grant: Grant, size: int) -> None:
    grant.calls -= 1
    grant.size -= size


def test_a_grant_ends_with_calls() -> None:
    grant = Grant(64, 1_000_000)
    for _ in range(64):
        charge(grant, 40)
    with pytest.raises(LimitExceeded, match="beyond the credit of 64 calls, 1000000 bytes") as caught:
        grant.check(40)
    assert caught.value.code is Code.LIMIT
    settle(grant, 40)
    grant.check(40)


def test_a_grant_ends_with_bytes() -> None:
    grant = Grant(64, 100)
    charge(grant, 60)
    charge(grant, 40)
    with pytest.raises(LimitExceeded):
        grant.check(1)


def test_a_grant_takes_one_of_any_size_alone() -> None:
    grant = Grant(64, 100)
    charge(grant, 101)
    with pytest.raises(LimitExceeded):
        grant.check(1)


def test_one_way_requests_are_owed_until_it_is_worth_a_message() -> None:
    grant = Grant(64, 1_000_000)
    charge(grant, 40)
    for place in range(32):
        charge(grant, 40)
        assert grant.owe(40) is (place == 31)
    assert grant.repay() == (32, 1_280)
    assert (grant.calls, grant.size) == (1, 40)
    assert grant.repay() == (0, 0)


def test_one_way_requests_are_owed_until_they_are_large() -> None:
    grant = Grant(64, 100)
    charge(grant, 40)
    charge(grant, 25)
    assert not grant.owe(25)
    charge(grant, 1)
    assert grant.owe(1)
    assert grant.repay() == (2, 26)


def test_one_way_requests_are_owed_no_longer_than_anything_is_in_flight() -> None:
    grant = Grant(64, 1_000_000)
    charge(grant, 40)
    charge(grant, 40)
    assert not grant.owe(40)
    assert grant.owe(40)
    assert grant.repay() == (2, 80)


@given(st.data())
def test_what_the_window_lets_go_the_grant_takes(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 500))
    window, grant = Window(size), Grant(64, size)
    open_: list[tuple[int, bool]] = []
    for step in data.draw(st.lists(st.integers(0, 600), max_size=100)):
        if step <= size:
            if spend(window, step):
                charge(grant, step)
                open_.append((step, data.draw(st.booleans())))
        elif open_:
            charged, is_wanted = open_.pop(data.draw(st.integers(0, len(open_) - 1)))
            if is_wanted:
                settle(grant, charged)
                refund(window, charged)
            elif grant.owe(charged):
                window.grow(*grant.repay())
    for charged, _ in open_:
        settle(grant, charged)
        refund(window, charged)
    window.grow(*grant.repay())
    assert (window.calls, window.spent, window.size) == (64, 0, size)
    assert (grant.calls, grant.size) == (0, 0)
