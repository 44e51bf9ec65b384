"""The contract of drivers: whatever carries limpet's sessions must pass all of this."""

from __future__ import annotations

from limpet.testing.contract_calls import CallContract
from limpet.testing.contract_endings import EndingContract
from limpet.testing.contract_face import FaceContract
from limpet.testing.contract_objects import ObjectContract

__all__ = ["DriverContract"]


class DriverContract(ObjectContract, FaceContract, CallContract, EndingContract):
    """Everything a driver must do, as methods that a test runner collects.

    A subclass sets `driver` and has a name that the runner looks for:

        class TestMine(DriverContract):
            driver = MyDriver()

    Nothing here needs a certain runner: a method that returns has passed.
    """
