"""What a driver must do with all that Python can ask of an object: operators, blocks, generators, calls in between."""

# ruff: noqa: S101 - a contract is made of assertions

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import Any

from limpet.errors import AccessDenied, EncodeError
from limpet.objects.proxy import is_proxy, later, oneway
from limpet.objects.proxy_class import prefetch
from limpet.objects.wrappers import ref
from limpet.testing.driver import Driver, raises, until
from limpet.testing.served import Gate, Item, Workshop

__all__ = ["FaceContract"]


def _fail(error: Exception) -> None:
    raise error


class FaceContract:
    """Operators and the like through a driver. A subclass sets `driver`."""

    driver: Driver

    # Operators.

    def test_arithmetic_happens_at_home(self) -> None:
        """Operators, reflected and in-place ones too, run the object's own methods."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            item = workshop.item("a")
            assert (item + "b").name == "ab"
            assert ("b" + item).name == "ba"
            assert (item + workshop.item("c")).name == "ac"
            assert (-item, int(item), f"{item:>3}") == ("a", 1, "  a")
            same = item
            same += "d"
            assert same is item
            assert item.name == "ad"

    def test_what_no_side_can_do_is_a_type_error(self) -> None:
        """An operand that nobody knows ends as it does between local objects."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            item = session.open().item("a")
            with raises(TypeError):
                _ = item - 1
            with raises(TypeError):
                _ = item * object()

    def test_containers_are_joined_and_combined(self) -> None:
        """Built-in containers have their operators; what changes them needs a writable view."""
        with self.driver.serve({"list": ref([1]), "set": ref({1, 2})}) as url, self.driver.connect(url) as session:
            numbers, chosen = session.service("list").open(), session.service("set").open()
            more, twice = numbers.__add__([2]), numbers * 2
            assert [*more, *twice] == [1, 2, 1, 1]
            assert [0] + numbers == [0, 1]  # noqa: RUF005 - a list that goes on in a remote one
            numbers += [3]
            assert [*numbers] == [1, 3]
            assert {*(chosen & {2, 3})} == {2}
            assert {*({2, 3} - chosen)} == {3}
            with raises(ValueError, "repetition"):
                _ = numbers * 10**9
            with raises(ValueError, "range"):
                numbers += range(10**9)

    # Blocks and generators.

    def test_a_block_is_entered_and_left_at_home(self) -> None:
        """``with`` runs there; an error of the block is seen there, and raised here unchanged."""
        error = LookupError("gone")
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            with workshop.shift("early") as item:
                assert item.shout() == "EARLY"
            caught: list[Exception] = []
            try:
                with workshop.shift("late"):
                    _fail(error)
            except LookupError as raised:
                caught.append(raised)
            assert caught == [error]
            with workshop.shift("odd"):
                _fail(ValueError())
            seen = [*workshop.seen()]
            assert seen == ["begun", "ended", "begun", "failed: gone", "begun", "swallowed"]

    def test_a_generator_is_sent_values_and_errors(self) -> None:
        """``send``, ``throw`` and ``close`` reach it, and its return value comes back."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            echoes = session.open().echoes("one")
            assert next(echoes) == "one"
            assert echoes.send("two") == "two"
            assert echoes.throw(KeyError("three")) == "caught three"
            returned = []
            try:
                echoes.send("")
            except StopIteration as end:
                returned.append(end.value)
            assert returned == ["silence"]
            assert [*echoes] == []
            with raises(LookupError, "four"):
                echoes.throw(LookupError("four"))

    def test_prefetch_runs_a_generator_ahead(self) -> None:
        """Items come in chunks of the size that was asked for, none is lost."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            numbers = prefetch(workshop.numbers(10), 4)
            assert next(numbers) == 0
            assert [*workshop.seen()] == [0, 1, 2, 3]
            assert [*numbers] == [1, 2, 3, 4, 5, 6, 7, 8, 9]

    # Calls in between.

    def test_a_call_for_later_is_answered_in_the_background(self) -> None:
        """A future has the result or the error; its callbacks run; nobody needs to wait."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            futures = [later(workshop.add, number) for number in range(1, 4)]
            assert [future.result(10) for future in futures] == [1, 3, 6]
            assert isinstance(later(workshop.fail, "no").exception(10), ValueError)
            heard: list[Any] = []
            later(workshop.add, 1).add_done_callback(lambda future: heard.append((future.result(), workshop.size)))
            until(lambda: heard == [(7, 7)])

    def test_a_call_for_later_may_call_back(self) -> None:
        """A function that comes with it is called, though no thread waits for the answer."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            assert later(workshop.call, lambda: workshop.add(2)).result(10) == 2

    def test_a_call_for_later_is_cancelled(self) -> None:
        """Cancelling the future reaches the method."""

        class Mine(Workshop):
            gate = Gate()

        with self.driver.serve(Mine, concurrent=True) as url, self.driver.connect(url) as session:
            future = later(session.open().wait_for_cancel)
            assert Mine.gate.entered.wait(10)
            assert future.cancel()
            assert Mine.gate.opened.wait(10)
            with raises(CancelledError):
                future.result()

    def test_a_one_way_call_runs_and_answers_nothing(self) -> None:
        """It runs in order with the others, and what it raises is nobody's."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            oneway(workshop.fail, "unheard")
            for _ in range(200):
                oneway(workshop.add, 1)
            assert workshop.size == 200

    def test_only_what_is_remote_can_be_called_for_later(self) -> None:
        """A local function, or an argument that cannot travel, is refused at once."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            for call in (later, oneway):
                with raises(TypeError, "method of a proxy"):
                    call(len, "abc")
                with raises(EncodeError):
                    call(workshop.echo, object())

    # Marks.

    def test_a_concurrent_method_passes_the_queue(self) -> None:
        """It runs while another call of the session does; without the mark a call waits."""

        class Mine(Workshop):
            gate = Gate()

        with self.driver.serve(Mine) as url, self.driver.connect(url) as session:
            workshop = session.open()
            waiting = later(workshop.wait)
            behind = later(workshop.add, 1)
            assert Mine.gate.entered.wait(10)
            assert not behind.done()
            assert workshop.open_gate() == "opened"
            assert (waiting.result(10), behind.result(10)) == (True, 1)

    def test_a_result_marked_by_value_is_a_copy(self) -> None:
        """Containers of it are local; it is a snapshot."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            taken = workshop.inventory()
            workshop.shelf().append(4)
            assert (taken, is_proxy(taken)) == ({"items": [1, 2, 3]}, False)

    def test_what_may_not_leave_does_not_leave_by_an_operator(self) -> None:
        """The result of an operator passes the same gate as that of a method."""

        class Safe(Workshop):
            def __add__(self, other: object) -> object:
                return open if other else Item("item")

        with self.driver.serve(Safe) as url, self.driver.connect(url) as session:
            safe = session.open()
            assert (safe + 0).name == "item"
            with raises(AccessDenied):
                _ = safe + 1
