"""What a driver must do with objects: open, use, copy, refuse, share, let go."""

# ruff: noqa: S101 - a contract is made of assertions

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

from limpet.errors import AccessDenied, CallError, EncodeError
from limpet.objects.proxy import copy, is_proxy, release
from limpet.objects.wrappers import functions, ref
from limpet.testing.driver import Driver, Task, raises, until
from limpet.testing.served import Gate, Workshop, living, names_of_living

__all__ = ["ObjectContract"]

_MEBIBYTE = 1 << 20


class ObjectContract:
    """Objects through a driver. A subclass sets `driver`."""

    driver: Driver

    # Using one.

    def test_open_makes_an_instance_with_the_arguments(self) -> None:
        """``open`` passes positional and keyword arguments."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open("mine", size=3)
            assert is_proxy(workshop)
            assert (workshop.name, workshop.size) == ("mine", 3)

    def test_open_passes_on_what_making_the_instance_raised(self) -> None:
        """An error in ``__init__`` is the caller's; the session lives."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            with raises(TypeError):
                session.open(1, 2, 3, 4)
            assert session.open().size == 0

    def test_methods_take_arguments_and_keywords(self) -> None:
        """A call changes the object that stays on the server."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            assert workshop.add(2) == 2
            assert workshop.add(2, times=3) == 8

    def test_attributes_are_read_set_and_deleted(self) -> None:
        """Data attributes are one round trip each."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open("old")
            workshop.name = "new"
            assert workshop.name == "new"
            del workshop.name
            with raises(AccessDenied):
                _ = workshop.name
            assert workshop.size == 0

    def test_items_length_and_membership(self) -> None:
        """A container is used as one."""
        with self.driver.serve(ref({"a": 1})) as url, self.driver.connect(url) as session:
            table = session.open()
            table["b"] = 2
            del table["a"]
            assert (table["b"], len(table), "b" in table, "a" in table) == (2, 1, True, False)
            with raises(KeyError):
                _ = table["a"]

    def test_a_mapping_is_matched(self) -> None:
        """A default that cannot travel stays with the caller; ``match`` uses such a one."""
        with self.driver.serve(ref({"a": [1]})) as url, self.driver.connect(url) as session:
            table = session.open()
            match table:
                case {"b": _}:
                    raise AssertionError("there is no such key")
                case {"a": found}:
                    assert found[0] == 1
                case _:
                    raise AssertionError("a proxy of a dict is a mapping")
            default = object()
            assert table.get("b", default) is default
            assert table.get("b") is None

    def test_iteration_over_a_container(self) -> None:
        """Every item comes, in order, however many chunks that takes."""
        with self.driver.serve(ref(list(range(1_000)))) as url, self.driver.connect(url) as session:
            numbers = session.open()
            assert list(numbers) == list(range(1_000))
            assert list(reversed(numbers))[:2] == [999, 998]

    def test_a_generator_runs_no_further_than_asked(self) -> None:
        """A generator is advanced one by one."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            numbers = iter(workshop.numbers(10))
            assert [next(numbers), next(numbers)] == [0, 1]
            assert copy(workshop.seen()) == [0, 1]
            assert list(numbers) == [2, 3, 4, 5, 6, 7, 8, 9]

    def test_a_copy_is_a_local_value(self) -> None:
        """``limpet.copy`` takes a snapshot, or fails as a whole."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            items = workshop.items
            taken = copy(items)
            workshop.shelf().append(4)
            assert (taken, copy(items)) == ([1, 2, 3], [1, 2, 3, 4])
            with raises(EncodeError):
                copy(workshop)

    def test_values_keep_their_types(self) -> None:
        """What travels by value arrives as what it was."""
        values: list[Any] = [None, True, 1 << 70, 1.5, 1j, "é", b"\0", (1, (2,)), frozenset({1}), date(2026, 1, 1)]
        values += [Fraction(1, 3), slice(1, 2), range(3), ...]
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            for value in values:
                answer = workshop.echo(value)
                assert (type(answer), answer) == (type(value), value)
                assert workshop.kind(value) == type(value).__name__

    def test_a_proxy_sent_home_is_the_object(self) -> None:
        """The server sees its own object again."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            item = workshop.kept_item("mine")
            assert workshop.is_kept(item) is True
            assert workshop.is_kept(workshop.item("other")) is False

    def test_large_values_go_both_ways(self) -> None:
        """A message of many frames arrives whole, as argument and as result, at once in both directions."""
        data = bytes(range(256)) * 4 * 8_192
        with self.driver.serve(Workshop, concurrent=True) as url, self.driver.connect(url) as session:
            workshop = session.open()
            assert workshop.echo(data) == data
            tasks = [Task(workshop.echo, data) for _ in range(4)]
            assert all(task.result(30) == data for task in tasks)
            assert len(workshop.big(20 * _MEBIBYTE)) == 20 * _MEBIBYTE
            assert workshop.echo([data[:9]] * 3)[2] == data[:9]

    # Errors and refusals.

    def test_an_error_arrives_and_the_session_lives(self) -> None:
        """The type, the text and the server's stack come; nothing else ends."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            with raises(ValueError, "such a day"):
                workshop.fail("such a day")
            assert workshop.add(1) == 1

    def test_no_error_ends_the_server(self) -> None:
        """``SystemExit`` of served code is one call's failure."""
        with self.driver.serve(Workshop) as url:
            with self.driver.connect(url) as session:
                workshop = session.open()
                with raises(CallError):
                    workshop.leave()
                assert workshop.add(1) == 1
            with self.driver.connect(url) as another:
                assert another.open().add(1) == 1

    def test_what_is_not_shown_is_refused(self) -> None:
        """Hidden, missing and foreign names look alike; the session lives."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            for name in ("_secret", "__class__x", "__dict__", "missing", "a.b", "", "ｎame"):  # noqa: RUF001
                with raises(AccessDenied):
                    getattr(workshop, name)
                with raises(AccessDenied):
                    setattr(workshop, name, 1)
            with raises(AccessDenied):
                setattr(workshop, "add", 1)  # noqa: B010 - a checker would believe the assignment
            with raises(AccessDenied):
                workshop.items.append(4)
            assert workshop.add(1) == 1

    def test_what_cannot_travel_is_refused_and_nothing_is_sent(self) -> None:
        """An argument that cannot travel fails its call alone."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            with raises(EncodeError):
                workshop.keep(Gate())
            assert workshop.add(1) == 1

    # Sharing.

    def test_two_sessions_share_no_instances(self) -> None:
        """A class is served as an instance for each ``open``."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as one, self.driver.connect(url) as other:
            first, second, third = one.open(), other.open(), one.open()
            first.add(1)
            assert (first.size, second.size, third.size) == (1, 0, 0)
            with raises(EncodeError):
                second.echo(first)

    def test_an_object_is_shared_by_all(self) -> None:
        """An object is served as itself; ``open`` takes no arguments, and nobody sets its attributes."""
        shared = Workshop()
        with self.driver.serve(shared) as url, self.driver.connect(url) as one, self.driver.connect(url) as other:
            one.open().add(1)
            assert other.open().add(1) == 2
            with raises(AccessDenied):
                one.open("mine")
            with raises(AccessDenied):
                one.open().size = 7
        assert shared.size == 2

    def test_functions_are_called_by_their_names(self) -> None:
        """``limpet.functions`` is plain remote procedure calls."""

        def double(number: int) -> int:
            return 2 * number

        with self.driver.serve(functions(double, largest=max)) as url, self.driver.connect(url) as session:
            table = session.open()
            assert (table.double(4), table.largest(1, 5, 3)) == (8, 5)
            with raises(AccessDenied):
                table.smallest(1)

    def test_services_have_names(self) -> None:
        """A dict is a table of services; without a name there is none."""
        shared: list[int] = []
        services = {"workshop": Workshop, "shared": ref(shared)}
        with self.driver.serve(services) as url, self.driver.connect(url) as session:
            assert session.service("workshop").open("mine").name == "mine"
            session.service("shared").open().append(1)
            assert shared == [1]
            with raises(AccessDenied):
                session.service("missing").open()
            with raises(AccessDenied):
                session.open()

    def test_results_can_be_copies(self) -> None:
        """``results="copy"`` sends plain results by value."""
        with self.driver.serve(Workshop, results="copy") as url, self.driver.connect(url) as session:
            assert session.open().items == [1, 2, 3]

    # Letting go.

    def test_what_nobody_uses_is_freed_within_a_second(self) -> None:
        """The last proxy takes its object along, whether or not another call is made."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open("freed:workshop")
            item = workshop.item("freed:item")
            name = item
            del item
            assert name.shout() == "FREED:ITEM"
            assert "freed:item" in names_of_living()
            del name
            until(lambda: "freed:item" not in names_of_living(), 1.5)
            assert "freed:workshop" in names_of_living()
            assert workshop.name == "freed:workshop"

    def test_release_lets_go_now(self) -> None:
        """A released proxy is of no use, and its object is freed."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            item = workshop.item("released:item")
            release(item)
            release(item)
            with raises(CallError, "released"):
                item.shout()
            until(lambda: "released:item" not in names_of_living(), 1.5)

    def test_a_closed_session_frees_its_objects(self) -> None:
        """Closing lets go of all, although proxies live on."""
        with self.driver.serve(Workshop) as url:
            with self.driver.connect(url) as session:
                proxies = [session.open("closed:1"), session.open("closed:2")]
                assert [proxy.name for proxy in proxies] == ["closed:1", "closed:2"]
            until(lambda: not [name for name in names_of_living() if name.startswith("closed:")])

    def test_a_client_that_vanishes_frees_its_objects(self) -> None:
        """So does a break of the connection, and no other session notices."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as other:
            staying = other.open("stays")
            with self.driver.connect(url) as session:
                vanishing = [session.open("vanishing:workshop")]
                vanishing.append(vanishing[0].item("vanishing:item"))
                self.driver.break_off(session)
                until(lambda: not [name for name in names_of_living() if name.startswith("vanishing:")])
            assert staying.name == "stays"

    def test_functions_of_the_client_are_freed_with_their_last_use(self) -> None:
        """What a client lent is its own again when the server lets go."""

        class Listener:
            def __init__(self) -> None:
                self.name = "listener"

            def hear(self) -> None: ...

        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            listener = Listener()
            living.add(listener)
            workshop.keep(listener.hear)
            del listener
            assert "listener" in names_of_living()
            workshop.keep_nothing()
            until(lambda: "listener" not in names_of_living(), 1.5)
