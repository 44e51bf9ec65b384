from __future__ import annotations

from typing import Any

import pytest

from limpet.codec import Referred
from limpet.errors import AccessDenied, DecodeError, EncodeError
from limpet.objects.marshal import Broken, Entry, Inbound, Outbound, Snapshot, outcome
from limpet.objects.proxy import Proxy, RemoteFunction, make_proxy
from limpet.session.body import NO_SUCH_OBJECT, UNKNOWN, Mine
from limpet.session.schedule import Promise
from limpet.session.tables import Export, Import


class Nobody:
    """A caller that is never asked."""

    def ask(self, kind: int, target: int, value: object, flags: int = 0) -> Any:
        raise AssertionError

    begin = tell = ask

    def describe_error(self, error: BaseException) -> object:
        raise AssertionError

    def give_up(self, entry: Import) -> None: ...


class Customs:
    """Lets all out but secrets, and makes one proxy for each entry."""

    def __init__(self) -> None:
        self.made: dict[Import, Proxy | RemoteFunction] = {}
        self.lends: bool | None = None

    def declare(self, value: object, *, lends: bool) -> Entry:
        self.lends = lends
        if value == "secret":
            raise AccessDenied("it may not leave")
        return Mine(value, 1, b"")

    def proxy(self, entry: Import) -> tuple[Proxy | RemoteFunction, bool]:
        if entry in self.made:
            return self.made[entry], False
        self.made[entry] = proxy = make_proxy(Proxy, Nobody(), entry)
        return proxy, True


def promise(value: object = None, *, failure: bytes | None = None, view: int = 0) -> Promise:
    kept = Promise()
    kept.value, kept.failure, kept.view = value, failure, view
    return kept


def inbound(*references: object, buffers: tuple[bytes, ...] = ()) -> Inbound:
    return Inbound([*references], [*buffers], Customs())


def test_what_leaves_is_counted_in_order() -> None:
    body = Outbound(Customs())
    first, second = object(), object()
    assert [body.refer(first), body.refer(second), body.refer(first)] == [0, 1, 2]
    assert [entry.target for entry in body.references if isinstance(entry, Mine)] == [first, second, first]
    assert [body.attach(b"a"), body.attach(b"b")] == [0, 1]
    assert body.buffers == [b"a", b"b"]
    assert body.payload == b""


@pytest.mark.parametrize("lends", [True, False])
def test_customs_hear_whether_the_user_hands_it_out(lends: bool) -> None:
    customs = Customs()
    Outbound(customs, lends=lends).refer(object())
    assert customs.lends is lends
    Outbound(customs).refer(object())
    assert customs.lends is False


def test_what_may_not_leave_is_not_recorded() -> None:
    body = Outbound(Customs())
    with pytest.raises(AccessDenied):
        body.refer("secret")
    assert not body.references
    assert body.refer("more") == 0


def test_a_snapshot_has_no_references_but_buffers() -> None:
    body = Snapshot(Customs())
    with pytest.raises(EncodeError, match="a list cannot travel by value"):
        body.refer([])
    assert not body.references
    assert body.attach(b"a") == 0


def test_an_import_is_a_proxy_that_takes_over_the_messages_use() -> None:
    entry = Import(1, b"", 1)
    customs = Customs()
    references: list[object] = [entry, entry]
    resolver = Inbound(references, [], customs)
    proxy = resolver.reference(0)
    assert proxy is customs.made[entry]
    assert references == [proxy, entry]
    assert resolver.reference(1) is proxy
    assert references == [proxy, entry], "the second use stays the message's"


def test_a_reference_named_twice_is_one_proxy() -> None:
    for kind in (Proxy, RemoteFunction):
        proxy = make_proxy(kind, Nobody(), Import(1, b"", 1))
        resolver = inbound(proxy)
        assert resolver.reference(0) is proxy
        assert resolver.reference(0) is proxy


def test_what_comes_home_is_the_object_itself() -> None:
    home = object()
    came = inbound(Export(1, home, 1)).reference(0)
    assert type(came) is Referred
    assert came.value is home


def test_a_promise_is_its_value_or_its_error() -> None:
    assert inbound(promise([1])).reference(0) == Referred([1])
    with pytest.raises(Broken) as broken:
        inbound(promise(failure=b"why")).reference(0)
    assert broken.value.payload == b"why"


def test_the_outcome_has_its_view() -> None:
    assert outcome(promise("kept", view=2)) == ("kept", 2)
    with pytest.raises(Broken):
        outcome(promise(failure=b"why"))


@pytest.mark.parametrize("reference", [UNKNOWN, None, 5], ids=repr)
def test_what_stands_for_nothing_is_told_in_constant_words(reference: object) -> None:
    with pytest.raises(AccessDenied) as caught:
        inbound(reference).reference(0)
    assert str(caught.value) == NO_SUCH_OBJECT


@pytest.mark.parametrize("index", [1, 65_535])
def test_an_index_past_the_table_is_malformed(index: int) -> None:
    resolver = inbound(UNKNOWN, buffers=(b"a",))
    with pytest.raises(DecodeError, match=f"reference {index} of 1"):
        resolver.reference(index)
    with pytest.raises(DecodeError, match=f"buffer {index} of 1"):
        resolver.buffer(index)
    assert resolver.buffer(0) == b"a"
