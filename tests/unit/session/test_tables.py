"""Who holds what: counts go up and down on both sides alike, and no handle comes twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.errors import Code, LimitExceeded, ProtocolError
from limpet.session.tables import Exports, Import, Imports, Types


class Thing:
    """All of them are equal, and none is another."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


# ---------------------------------------------------------------- exports


def test_handles_count_up_and_never_come_again() -> None:
    exports = Exports(10)
    things = [Thing() for _ in range(3)]
    assert [exports.grant(thing, 1).handle for thing in things] == [1, 2, 3]
    exports.drop(2, 1)
    assert exports.grant(things[1], 1).handle == 4
    exports.check()


def test_an_object_has_one_handle_for_each_view() -> None:
    exports, thing = Exports(10), Thing()
    first, other = exports.grant(thing, 1), exports.grant(thing, 2)
    assert first is not other
    assert exports.grant(thing, 1) is first
    assert (first.count, other.count) == (2, 1)
    assert (first.target, first.view, other.target, other.view) == (thing, 1, thing, 2)
    exports.check()


def test_equal_objects_are_not_the_same() -> None:
    exports = Exports(10)
    first, second = Thing(), Thing()
    assert exports.grant(first, 1).target is first
    assert exports.grant(second, 1).target is second


def test_what_is_exported_is_kept_alive_and_only_so_long() -> None:
    exports = Exports(10)
    for _ in range(100):
        # Were the object gone, the next one could have its address.
        exports.drop(exports.grant(Thing(), 1).handle, 1)
    assert not exports.by_handle
    assert not exports._by_identity
    exports.check()


def test_an_entry_dies_with_its_last_reference() -> None:
    exports, thing = Exports(10), Thing()
    handle = exports.grant(thing, 1).handle
    for _ in range(4):
        exports.grant(thing, 1)
    exports.drop(handle, 2)
    assert exports.by_handle[handle].count == 3
    exports.drop(handle, 3)
    assert not exports.by_handle
    exports.check()


@pytest.mark.parametrize(("handle", "count"), [(1, 0), (1, 3), (1, 1 << 31), (2, 1), (0, 1), (1 << 64, 1)])
def test_nothing_is_dropped_that_was_not_given(handle: int, count: int) -> None:
    exports, thing = Exports(10), Thing()
    exports.grant(thing, 1)
    exports.grant(thing, 1)
    with pytest.raises(ProtocolError, match=f"a Release of {count} references of handle {handle}") as caught:
        exports.drop(handle, count)
    assert caught.value.code is Code.MALFORMED
    assert exports.by_handle[1].count == 2
    exports.check()


def test_room_counts_new_objects_once() -> None:
    exports = Exports(3)
    known, new, other = Thing(), Thing(), Thing()
    exports.grant(known, 1)
    assert exports.room_for([(known, 1)] * 9)
    assert exports.room_for([(known, 1), (new, 1), (new, 1), (new, 2)])
    assert exports.room_for([(known, 2), (new, 1)])
    assert not exports.room_for([(known, 2), (new, 1), (other, 1)])
    assert exports.room_for([])


def test_exports_are_forgotten() -> None:
    exports = Exports(10)
    exports.grant(Thing(), 1)
    exports.clear()
    assert not exports.by_handle
    exports.check()
    assert exports.grant(Thing(), 1).handle == 2


def test_the_check_of_exports_sees_what_is_wrong() -> None:
    for spoil in (
        lambda exports: exports._by_identity.clear(),
        lambda exports: setattr(exports.by_handle[1], "count", 0),
        lambda exports: setattr(exports.by_handle[1], "handle", 7),
        lambda exports: setattr(exports, "_last", 0),
        lambda exports: setattr(exports, "limit", 0),
        lambda exports: setattr(exports.by_handle[1], "view", 2),
    ):
        exports = Exports(10)
        exports.grant(Thing(), 1)
        spoil(exports)
        with pytest.raises((AssertionError, KeyError)):
            exports.check()


# ---------------------------------------------------------------- imports


def arrive(imports: Imports, handle: int = 1, view: int = 1) -> Import:
    return imports.arrive(handle, b"type", view)


def test_references_are_counted_as_they_arrive() -> None:
    imports = Imports(10, 100)
    entry = arrive(imports)
    assert arrive(imports) is entry
    assert (entry.handle, entry.descriptor, entry.view, entry.count, entry.uses) == (1, b"type", 1, 2, 2)
    assert entry.proxy is None
    imports.check()


def test_what_nobody_uses_is_released_with_all_its_references() -> None:
    imports = Imports(10, 100)
    first, other = arrive(imports, 1), arrive(imports, 2)
    arrive(imports, 1)
    imports.dropped.extend([first, other])
    imports.check()
    assert imports.collect() == [(2, 1)]
    assert list(imports.by_handle) == [1]
    imports.dropped.append(first)
    assert imports.collect() == [(1, 2)]
    assert imports.collect() == []
    imports.check()


def test_an_arrival_between_drop_and_release_keeps_the_entry() -> None:
    imports = Imports(10, 100)
    entry = arrive(imports)
    imports.dropped.append(entry)
    assert arrive(imports) is entry
    assert imports.collect() == []
    imports.dropped.append(entry)
    assert imports.collect() == [(1, 2)]


def test_an_entry_that_was_released_comes_anew() -> None:
    imports = Imports(10, 100)
    entry = arrive(imports)
    imports.dropped.append(entry)
    imports.collect()
    again = arrive(imports)
    assert again is not entry
    assert again.count == 1
    assert imports.by_handle[1] is again


def test_imports_have_a_limit() -> None:
    imports = Imports(2, 100)
    arrive(imports, 1)
    arrive(imports, 2)
    arrive(imports, 1)
    with pytest.raises(LimitExceeded, match="more than 2 references held"):
        arrive(imports, 3)


def test_a_handle_keeps_its_view() -> None:
    imports = Imports(2, 100)
    arrive(imports, 1, view=1)
    with pytest.raises(ProtocolError, match="another view"):
        arrive(imports, 1, view=2)


def test_descriptors_that_came_along_have_a_limit_together() -> None:
    imports = Imports(10, 8)
    first = imports.arrive(1, b"type", 1, is_inline=True)
    imports.arrive(2, b"type", 1, is_inline=True)
    imports.arrive(2, b"type", 1, is_inline=True)
    imports.arrive(3, b"a remembered one", 1)
    imports.dropped.append(first)
    imports.collect()
    imports.arrive(4, b"type", 1, is_inline=True)
    with pytest.raises(LimitExceeded, match="over 8 bytes of descriptors"):
        imports.arrive(5, b"t", 1, is_inline=True)


def test_imports_are_forgotten() -> None:
    imports = Imports(10, 8)
    imports.dropped.append(imports.arrive(1, b"inline", 1, is_inline=True))
    imports.clear()
    assert not imports.by_handle
    assert imports.collect() == []
    imports.arrive(1, b"inline", 1, is_inline=True)


def test_the_check_of_imports_sees_what_is_wrong() -> None:
    for field, value in (("handle", 7), ("count", 0), ("uses", 0)):
        imports = Imports(10, 100)
        setattr(arrive(imports), field, value)
        with pytest.raises(AssertionError):
            imports.check()


@given(st.lists(st.tuples(st.sampled_from(["send", "drop", "release", "deliver"]), st.integers(0, 3)), max_size=60))
def test_both_sides_count_the_same_however_releases_cross(steps: list[tuple[str, int]]) -> None:
    exports, imports, things = Exports(10), Imports(10, 100), [Thing() for _ in range(4)]
    out: list[int] = []
    back: list[tuple[int, int]] = []
    held: list[Import] = []
    for step, number in [*steps, ("deliver", 0)]:
        if step == "send":
            out.append(exports.grant(things[number], 1).handle)
        elif step == "drop" and held:
            imports.dropped.append(held.pop(number % len(held)))
        elif step == "release":
            back += imports.collect()
        elif step == "deliver":
            held += [arrive(imports, handle) for handle in out]
            out.clear()
            for entry in back:
                exports.drop(*entry)
            back.clear()
        exports.check()
        imports.check()
    imports.dropped.extend(held)
    for handle, count in imports.collect():
        exports.drop(handle, count)
    assert not exports.by_handle
    assert not imports.by_handle


# ---------------------------------------------------------------- types


def test_equal_descriptors_have_one_number() -> None:
    types = Types(10, 100)
    assert [types.number(content) for content in (b"a", b"b", b"a", b"c", b"b")] == [1, 2, 1, 3, 2]


def test_over_the_limit_there_is_no_number() -> None:
    types = Types(2, 100)
    assert [types.number(content) for content in (b"a", b"b", b"c", b"a")] == [1, 2, None, 1]
    assert len(types.sent) == 2


def test_numbers_are_learnt_in_turn() -> None:
    types = Types(3, 100)
    types.learn(1, b"a")
    types.learn(0, b"only for this message")
    types.learn(2, b"b")
    for number in (1, 2, 4, 1 << 31):
        with pytest.raises(ProtocolError, match=f"type {number} is out of turn"):
            types.learn(number, b"c")
    assert types.received == {1: b"a", 2: b"b"}


def test_what_is_learnt_has_limits() -> None:
    types = Types(1, 3)
    types.learn(1, b"abc")
    with pytest.raises(LimitExceeded, match="more than 1 types"):
        types.learn(2, b"b")
    for number in (0, 2):
        with pytest.raises(LimitExceeded, match="a descriptor of 4 bytes; the limit is 3"):
            types.learn(number, b"abcd")
    types.learn(0, b"abc")
