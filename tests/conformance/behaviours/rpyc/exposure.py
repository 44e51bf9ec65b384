"""What clients reach of an object, and what they do not."""

from __future__ import annotations

from limpet import expose, hide
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import Feature, System


class Chest:
    """Says nothing of what is shown."""

    def __init__(self) -> None:
        self._coins = [1, 2, 5]

    def owner(self) -> str:
        return "Ada"

    def empty(self) -> str:
        self._coins.clear()
        return "empty"

    def _pick(self) -> str:
        return "picked"

    def __len__(self) -> int:
        return len(self._coins)

    def __getitem__(self, index: int) -> int:
        return self._coins[index]

    def __add__(self, coin: int) -> int:
        return sum(self._coins) + coin


@behaviour("R7", "A class that lists what it shows, shows exactly that")
def list_of_what_is_shown(system: System) -> None:
    with system.session(Chest, only=("owner", "__len__")) as session:
        chest = session.open()
        assert chest.owner() == "Ada"
        assert len(chest) == 3
        with raises(*system.denied):
            chest.empty()
        with raises(TypeError, *system.denied):
            chest[0]
        assert len(chest) == 3


@behaviour("R11", "With exposure off not even the served object's members are reached")
def nothing_shown(system: System) -> None:
    with system.session(Chest, only=()) as session:
        # Some refuse when they are asked for a proxy already, each with an error of its own.
        with raises(Exception):
            session.open().owner()
        with raises(Exception):
            len(session.open())


@behaviour("R12", "With operators not shown an operator fails, and the methods still work", Feature.OPERATORS)
def operators_not_shown(system: System) -> None:
    with system.session(Chest) as session:
        assert session.open() + 2 == 10
    with system.session(Chest, only=("owner",)) as session:
        chest = session.open()
        with raises(TypeError, *system.denied):
            chest + 2
        assert chest.owner() == "Ada"


@behaviour("R13", "Public members are reached when public ones are shown; private ones still are not")
def public_members(system: System) -> None:
    with system.opened(Chest) as chest:
        assert chest.owner() == "Ada"
        with raises(*system.denied):
            chest._pick()
        with raises(*system.denied):
            chest._coins.clear()
        assert chest.empty() == "empty"


@expose
class Drawer:
    def label(self) -> str:
        return "spoons"

    @hide
    def sell(self) -> str:
        return "sold"


class Cupboard:
    def top(self) -> Drawer:
        return Drawer()


@behaviour("R8", "What is shown of an object is so too if another object's method returned it", Feature.REFERENCES)
def shown_wherever_it_comes_from(system: System) -> None:
    with system.opened(Drawer) as opened, system.opened(Cupboard) as cupboard:
        for drawer in (opened, cupboard.top()):
            assert drawer.label() == "spoons"
            with raises(*system.denied):
                drawer.sell()


class Purse:
    """Marks what is shown."""

    def __init__(self) -> None:
        self._amount = 5

    @expose
    def amount(self) -> int:
        return self._amount

    @expose
    def __add__(self, more: int) -> int:
        return self._amount + more

    def spend(self) -> str:
        self._amount = 0
        return "spent"

    def _steal(self) -> str:
        return "stolen"


@behaviour("R9", "By default shown members and operators are reached, and private names are not", Feature.OPERATORS)
def members_operators_and_private_names(system: System) -> None:
    with system.opened(Purse) as purse:
        assert purse.amount() == 5
        assert purse + 2 == 7
        with raises(*system.denied):
            purse._steal()
        with raises(*system.denied):
            purse._amount += 1
        assert purse.amount() == 5


@behaviour("R27", "A member that is not shown raises, hasattr() of it is false, and marked ones are reached")
def marked_members(system: System) -> None:
    with system.opened(Purse) as purse:
        assert hasattr(purse, "amount")
        assert not hasattr(purse, "spend")
        with raises(*system.denied):
            purse.spend()
        assert purse.amount() == 5
