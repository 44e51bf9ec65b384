"""Behaviours without a test: every number is here, or a test has it.

Whoever writes the test of a behaviour takes its line from here into the test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["DOES_NOT_APPLY", "LETTERED", "NOT_YET", "SUITES", "Reason"]

SUITES: Final[Mapping[str, int]] = {"R": 65, "P": 75, "M": 14, "X": 13}
"""How many numbers each suite has."""
LETTERED: Final = (
    *("P12b", "P22b", "P29b", "P37b", "P37c", "P69b", "P69c", "P69d", "P69e"),
    *("M12b", "M12c", "M12d", "M12e", "M12f"),
)
"""Numbers that stand beside those without a letter."""


class Reason(NamedTuple):
    """A behaviour that limpet does not have, and why."""

    line: str
    why: str


DOES_NOT_APPLY: Final[Mapping[str, Reason]] = {
    "R10": Reason("A setting that allows all lets clients reach private names", "no setting opens private names"),
    "R19": Reason("A client runs code on the server, and its names stay there", "no code comes from the wire"),
    "R33": Reason("A server is installed and started on another machine, used, and ended", "needs ssh"),
    "R34": Reason("An object is reached through an interpreter embedded in a debugger", "needs gdb"),
    "R43": Reason("A NumPy array as argument arrives as one, and so does the result", "needs NumPy and pickle"),
    "R47": Reason("A server enters its name in a registry, clients find it there", "needs a registry"),
    "R48": Reason("A registry forgets servers that do not renew their entries", "needs a registry"),
    "R49": Reason("A registry lists the servers of one machine", "needs a registry"),
    "R54": Reason(
        "An object handed on from process to process and back arrives as itself",
        "an object of one session is not handed to another",
    ),
    "R56": Reason("Calls through a tunnel work like direct ones", "needs ssh"),
    "R61": Reason("A client ships a function with all it needs to the server", "no code comes from the wire"),
    "R65": Reason("Calls go over named and anonymous pipes, both ways", "needs Windows"),
    "P6": Reason("The tables of one proxy are edited without effect on another", "proxies have no tables"),
    "P19": Reason("The server's own control object is replaced by another", "there is no control object"),
    "P36": Reason("A gateway gives web clients access to some of the objects", "needs HTTP"),
    "P37": Reason("A name server finds objects by name, prefix, pattern and tags", "needs a registry"),
    "P37b": Reason("Names are removed from a name server, its own is not", "needs a registry"),
    "P37c": Reason("A name server with a database answers like one in memory", "needs a registry"),
    "P38": Reason("A name server drops entries that cannot be reached, and is found by broadcast", "needs a registry"),
    "P40": Reason("The names of the version before work or fail loudly", "there was no version before"),
    "P55": Reason(
        "Data beside a call reaches the method, and data beside its answer the client", "calls carry arguments"
    ),
    "P58": Reason(
        "An object that the server lets go while clients hold it is gone for them", "a reference keeps its object"
    ),
    "P65": Reason("A copied or pickled proxy opens a connection of its own", "a proxy belongs to its session"),
    "M10": Reason("A function given to the server runs once when it starts", "a server starts in its user's process"),
    "X6": Reason("A bad reference to a third party's object fails one call alone", "no references to third parties"),
}

NOT_YET: Final[Mapping[str, Reason]] = {
    "R52": Reason("A folder is sent to the server and fetched back, and is the same", "file transfer"),
    "R57": Reason("A client with the right certificate is let in", "TLS"),
    "R58": Reason("A client whose certificate an unknown authority signed is refused", "TLS"),
    "R59": Reason("A client without the certificate it needs is refused", "TLS"),
    "R60": Reason("A server that asks for no certificate lets a client without one in", "TLS"),
    "P12": Reason("Calls sent as one batch give their results in order, up to the first error", "batches"),
    "P12b": Reason("A batch sent without waiting returns nothing, and can be filled again", "batches"),
    "P68": Reason("A generator goes on after its client lost the connection and came back in time", "resume"),
    "P73": Reason("A client's certificate is asked for, and the server's name is checked", "TLS"),
    "M13": Reason("Either side refuses the other if it has the wrong key", "keys"),
    "X4": Reason("A client whose connection broke tries again until told to stop", "reconnection"),
    "X8": Reason("An error in a call fails the calls on its result that were sent meanwhile", "pipelining"),
    "X9": Reason("A function over the items of a result runs on the server in one round trip", "a map on the server"),
}
