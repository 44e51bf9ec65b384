"""What proxies look like, and what they are for their own side."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableSequence, Sequence

from limpet import expose
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import Feature, System


class Keeper:
    def __init__(self) -> None:
        self._kept: object = None

    def keep(self, thing: object) -> None:
        self._kept = thing

    def give(self) -> object:
        return self._kept


class Pebble:
    """The client's own."""

    def weight(self) -> int:
        return 3


@behaviour("R20", "A client's object that comes back to it is that very object")
def comes_back(system: System) -> None:
    pebble = Pebble()
    with system.opened(Keeper) as keeper:
        keeper.keep(system.reference(pebble))
        assert keeper.give() is pebble, "another object comes back"


@expose
class Shell:
    def size(self) -> int:
        return 1

    def __repr__(self) -> str:
        return "<a shell>"

    def __str__(self) -> str:
        return "shell"


class Beach:
    def __init__(self) -> None:
        self._shell = Shell()
        self._sizes = [1, 2, 3]

    def find(self) -> Shell:
        return self._shell

    def other(self) -> Shell:
        return Shell()

    def is_mine(self, shell: object) -> bool:
        return shell is self._shell

    def sizes(self) -> list[int]:
        return self._sizes

    def is_list(self, sizes: object) -> bool:
        return isinstance(sizes, list)


@behaviour("R31", "A proxy sent back home arrives as the object: isinstance() there says list", Feature.REFERENCES)
def sent_home(system: System) -> None:
    with system.opened(Beach) as beach:
        assert beach.is_list(beach.sizes())
        assert beach.is_mine(beach.find()), "the object arrives as another"


@behaviour("R35", "An object that arrives twice is the same for its client, and tells its class's name")
def the_same(system: System) -> None:
    with system.opened(Beach) as beach:
        first, second = beach.find(), beach.find()
        assert first == second, "it is another each time"
        assert first != beach.other()
        assert "Shell" in type(first).__name__, f"its class is called {type(first).__name__}"


@behaviour("R41", "repr() and str() of a proxy are those of the object")
def texts(system: System) -> None:
    with system.opened(Beach) as beach:
        shell = beach.find()
        assert str(shell) == "shell", "str() is another"
        assert repr(shell) == "<a shell>", "repr() is another"


@behaviour("R40", "A proxy of a list is a sequence, and its type has a list's methods")
def a_sequence(system: System) -> None:
    with system.opened(list, [1, 2, 3]) as numbers:
        assert isinstance(numbers, Sequence), "it is no Sequence"
        assert isinstance(numbers, MutableSequence), "it is no MutableSequence"
        assert type(numbers).__getitem__(numbers, 0) == 1
        assert type(numbers).index(numbers, 3) == 2


class Harbour(Mapping[str, int]):
    """Boats by name."""

    def __init__(self) -> None:
        self._boats = {"Ada": 3, "Grace": 5}

    def __getitem__(self, name: str) -> int:
        return self._boats[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._boats)

    def __len__(self) -> int:
        return len(self._boats)


@behaviour("R21", "`in` tells what is and what is not in a remote mapping, and leaves no error behind")
def contained(system: System) -> None:
    with system.opened(Harbour) as harbour:
        assert "Ada" in harbour
        assert "Nobody" not in harbour
        assert harbour["Grace"] == 5
        with raises(KeyError) as caught:
            harbour["Nobody"]
        assert caught.error.__context__ is None, "an earlier error hangs on a later one"


class Bag:
    """What has these three is a collection, and no sequence."""

    def __contains__(self, thing: object) -> bool:
        return thing == 1

    def __iter__(self) -> Iterator[int]:
        return iter([1])

    def __len__(self) -> int:
        return 1


@behaviour("R39", "isinstance() tells which interface of collections.abc a user's class has, for all its proxies")
def interfaces(system: System) -> None:
    for _connection in range(2):
        with system.opened(Harbour) as harbour, system.opened(Bag) as bag, system.opened(Keeper) as keeper:
            assert isinstance(bag, Collection), "what has its methods is no Collection"
            assert not isinstance(bag, Sequence), "what is no Sequence is one"
            assert not isinstance(keeper, Collection), "what has none of its methods is a Collection"
            assert isinstance(harbour, Mapping), "a Mapping is none"
            with raises(TypeError):
                isinstance(harbour, "Mapping")  # type: ignore[arg-type]  # is what is tested


class Plain:
    """Hashed by identity."""

    def colour(self) -> str:
        return "white"


class Card:
    def __init__(self, number: int) -> None:
        self._number = number

    def number(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Card) and other._number == self._number

    def __hash__(self) -> int:
        return hash(self._number)


class Unhashable:
    """Equal to anything, as far as anybody asks, and so never a key."""

    def __eq__(self, other: object) -> bool:
        return True

    def colour(self) -> str:
        return "white"

    __hash__ = None  # type: ignore[assignment]  # as a class that defines __eq__ alone has it


@behaviour("R38", "hash() of a proxy is the same each time; what cannot be hashed raises TypeError")
def hashes(system: System) -> None:
    with system.opened(Card, 7) as card, system.opened(Plain) as plain, system.opened(Unhashable) as unhashable:
        assert hash(card) == hash(card)
        assert hash(plain) == hash(plain)
        assert len({card, card, plain, plain}) == 2
        with raises(TypeError):
            hash(unhashable)


class Named(type):
    """A metaclass that says more of its classes."""

    def __repr__(cls) -> str:
        return f"<a kind of {cls.__name__}>"

    def __getattr__(cls, name: str) -> object:
        raise AttributeError(name)


@expose
class Pearl(metaclass=Named):
    def shine(self) -> str:
        return "white"


class Oyster:
    def open(self) -> Pearl:
        return Pearl()


@behaviour("R30", "An instance of a class with a metaclass of its own is returned and printed")
def metaclass(system: System) -> None:
    with system.opened(Oyster) as oyster:
        pearl = oyster.open()
        assert pearl.shine() == "white"
        assert f"{pearl}" == f"{pearl!s}"
        assert repr(pearl)
