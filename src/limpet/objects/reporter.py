"""What is said of an error: to the peer, as the error policy allows; to the log, all of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from limpet.errors import AccessDenied
from limpet.logs import Refusals, full_name, printable
from limpet.objects.dispatch import Denied, Dispatch
from limpet.objects.failures import describe, for_log
from limpet.policy.redaction import Level
from limpet.session.connection import Connection

__all__ = ["Reporter"]

_log: Final = logging.getLogger("limpet.session")
_STACK_CHARACTERS: Final = 20_000


class Reporter:
    """Says what went wrong in one session.

    Args:
        connection: with its session begun.
        dispatch: of the objects that errors come from.
        owner: the session, as its peer's errors are marked.
        refusals: takes down what was denied; one of this session's own if not given.
    """

    __slots__ = ("_dispatch", "_level", "_limits", "_owner", "_peer", "_refusals")

    def __init__(
        self, connection: Connection, dispatch: Dispatch, owner: object, refusals: Refusals | None = None
    ) -> None:
        self._dispatch = dispatch
        self._owner = owner
        self._peer = connection.peer
        self._level = connection.profile.errors.level(connection.peer)
        self._refusals = refusals or Refusals(connection.clock)
        limits, agreement = connection.limits, connection.agreement
        assert agreement is not None  # noqa: S101 - there is a session
        # A failure must fit into a message: it is what is sent in place of one that did not.
        self._limits = replace(limits, error_bytes=min(limits.error_bytes, agreement.message_bytes // 2))

    def describe(self, error: BaseException, reference: str = "") -> dict[str, object]:
        """Return what the peer may be told of ``error``, as plain data. Never raises."""
        return describe(
            error,
            detail=self._level,
            limits=self._limits,
            reference=reference,
            served=self._dispatch.tables.packages,
            owner=self._owner,
        )

    def note_unheard(self, error: BaseException) -> None:
        """Take down that a one-way call failed: its caller hears nothing. Of many in a second the log has a count."""
        self._refusals.note("failed one-way", self._peer, printable(full_name(type(error))))

    def report(self, error: BaseException) -> tuple[dict[str, object], str]:
        """Take ``error`` down in the log, if that is where it belongs; return what the peer is told of it.

        Never raises, whatever the error's own code does.

        Returns:
            the failure, and the number under which the log has the error, if it does.
        """
        peer = self._peer
        if type(error) is Denied:
            told = f"{error}; {error.hint}" if error.hint else str(error)
            self._refusals.note("denied", peer, printable(told))
            error = AccessDenied(told if peer.is_local else str(error))
        elif type(error) is AccessDenied:
            self._refusals.note("denied", peer, printable(for_log(error)))
        reference = ""
        if self._level is Level.REFERENCE:
            reference = f"{next(self._dispatch.references):08d}"
            stack = for_log(error, stack=True)
            _log.error("reference %s for peer=%s: %s", reference, peer, printable(stack, _STACK_CHARACTERS))
        return self.describe(error, reference), reference
