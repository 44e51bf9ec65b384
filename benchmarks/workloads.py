"""What is timed: one call each, and the answer it must give."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.contender import ENTRIES, KEY, VALUE, Contender, Session

__all__ = ["WORKLOADS", "Workload"]

KIB = 1 << 10
SMALL = random.Random(1).randbytes(64 * KIB)
LARGE = random.Random(2).randbytes(1024 * KIB)


def visit(contender: Contender, port: int) -> object:
    with contender.connect(port) as session:
        return session.null()


@dataclass(frozen=True)
class Workload:
    """One thing to do again and again.

    Attributes:
        name: its row in the table.
        answer: what each call returns.
        prepare: makes the call, from a contender, the port of its server, and a session that is open there.
    """

    name: str
    answer: object
    prepare: Callable[[Contender, int, Session], Callable[[], object]]


WORKLOADS = (
    Workload("null call", None, lambda _contender, _port, session: session.null),
    Workload("add(1, 2)", 3, lambda _contender, _port, session: partial(session.add, 1, 2)),
    Workload("attribute", VALUE, lambda _contender, _port, session: session.attribute),
    Workload("item of a dict", ENTRIES[KEY], lambda _contender, _port, session: partial(session.item, KEY)),
    Workload("echo 64 KiB", SMALL, lambda _contender, _port, session: partial(session.echo, SMALL)),
    Workload("echo 1 MiB", LARGE, lambda _contender, _port, session: partial(session.echo, LARGE)),
    Workload("connect, call, close", None, lambda contender, port, _session: partial(visit, contender, port)),
)
