"""What of an object is shown, and what is done with what is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from limpet import expose, hide
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import Feature, System


class Diary:
    def __init__(self) -> None:
        self._secret = "pearl"

    @property
    def title(self) -> str:
        return "shells"

    @property
    @hide
    def secret(self) -> str:
        return self._secret

    @secret.setter
    def secret(self, secret: str) -> None:
        self._secret = secret

    @hide
    def burn(self) -> str:
        self._secret = "ashes"
        return self._secret

    def is_kept(self) -> bool:
        return self._secret == "pearl"


@behaviour("P53", "hasattr() tells the truth, and what is not shown can be neither read nor set", Feature.PROPERTIES)
def hidden_members(system: System) -> None:
    with system.opened(Diary) as diary:
        for name, is_there in {
            "title": True,
            "is_kept": True,
            "secret": False,
            "burn": False,
            "missing": False,
        }.items():
            assert hasattr(diary, name) is is_there, f"hasattr of {name} is {not is_there}"
        for name in ("secret", "_secret", "burn", "missing"):
            with raises(*system.denied):
                getattr(diary, name)()
            with raises(*system.denied):
                setattr(diary, name, "ashes")
        assert diary.title == "shells"
        assert diary.is_kept()


# Of classes Pyro5 refuses private ones. In limpet no client names a class, so that the mark of one has its use.
@behaviour("P69", "Exposing a private method fails where it is written")
def private_marks(system: System) -> None:
    def _private() -> None: ...

    def __mangled() -> None: ...

    def public() -> None: ...

    def __len__() -> int:  # noqa: N807 - a special method is what is marked
        return 0

    for private in (_private, __mangled):
        with raises(*system.misuse):
            system.mark(private)
    for allowed in (public, __len__):
        assert system.mark(allowed) is allowed


def shapes(mark: Callable[[Any], Any]) -> type:
    """Return a class with marks on class methods and static methods, above and below the other decorator."""

    class Shapes:
        @mark
        @classmethod
        def name(cls) -> str:
            return cls.__name__

        @classmethod
        @mark
        def plural(cls) -> str:
            return f"{cls.__name__}es"

        @mark
        @staticmethod
        def corners(sides: int) -> int:
            return sides

        @staticmethod
        @mark
        def sides(corners: int) -> int:
            return corners

        def area(self) -> int:
            return 0

    return Shapes


@behaviour("P69b", "Class and static methods are exposed, in either order of the decorators")
def order_of_decorators(system: System) -> None:
    with system.opened(shapes(system.mark)) as marked:
        assert [marked.name(), marked.plural()] == ["Shapes", "Shapeses"]
        assert [marked.corners(3), marked.sides(4)] == [3, 4]
        with raises(*system.denied):
            marked.area()


@expose
class Vessel:
    def sail(self) -> str:
        return "sails"

    def anchor(self) -> str:
        return "anchors"


class Ferry(Vessel):
    @expose
    def load(self) -> str:
        return "loads"

    def scuttle(self) -> str:
        return "sinks"


@behaviour("P69c", "A subclass that marks some methods shows those, and what its marked base shows")
def marks_of_a_subclass(system: System) -> None:
    with system.opened(Ferry) as ferry:
        assert [ferry.sail(), ferry.anchor(), ferry.load()] == ["sails", "anchors", "loads"]
        with raises(*system.denied):
            ferry.scuttle()


class Heater:
    def __init__(self) -> None:
        self._target = 20

    @property
    def target(self) -> int:
        return self._target

    @target.setter
    def target(self, target: int) -> None:
        if target > 30:
            raise ValueError("too hot")
        self._target = target

    @property
    def measured(self) -> int:
        return self._target - 1

    @property
    @hide
    def fuse(self) -> int:
        return self._target

    @fuse.setter
    def fuse(self, fuse: int) -> None:
        self._target = fuse


@behaviour("P69d", "A property is read and set as far as it is shown and has the accessor", Feature.PROPERTIES)
def accessors(system: System) -> None:
    with system.opened(Heater) as heater:
        heater.target = 22
        assert [heater.target, heater.measured] == [22, 21]
        with raises(ValueError):
            heater.target = 31
        with raises(*system.denied):
            heater.measured = 25
        with raises(*system.denied):
            heater.fuse = 25
        with raises(*system.denied):
            _ = heater.fuse
        assert heater.target == 22


class Engine:
    def __init__(self) -> None:
        self.oil = "full"

    def start(self) -> str:
        return "starts"


class Car:
    def __init__(self) -> None:
        self.engine = Engine()
        self._keys = Engine()

    def drive(self) -> str:
        return self.engine.oil


@behaviour("P69e", "Names with dots lead nowhere")
def dotted_names(system: System) -> None:
    with system.opened(Car) as car:
        for name in ("engine.start", "engine.oil", "_keys.start", "drive.__globals__", "engine.__class__.__init__"):
            with raises(*system.denied):
                getattr(car, name)()
            assert not hasattr(car, name), f"there is {name}"
            # It may make an attribute with a dot in its name, as Python does.
            with suppress(*system.denied):
                setattr(car, name, "empty")
            assert car.drive() == "full", f"{name} is set"
