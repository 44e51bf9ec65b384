"""For tests of users' own: a session in memory, and the contract that every driver keeps.

``memory_pair`` joins a client and a server without sockets or threads; ``DriverContract``
is what a driver must do, as a class of tests for any test runner.
"""

from limpet.testing.driver import Driver, DriverSession
from limpet.testing.driver_contract import DriverContract
from limpet.testing.memory import MemoryPair, MemoryService, memory_pair

__all__ = ["Driver", "DriverContract", "DriverSession", "MemoryPair", "MemoryService", "memory_pair"]
