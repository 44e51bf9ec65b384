"""The one gate for names that a peer chooses: of members, of keyword arguments, of services."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from limpet.policy.decision import ALLOW, Decision, Deny

__all__ = ["NamePolicy"]

_NOT_TEXT: Final = Deny("a name must be str")
_TOO_LONG: Final = Deny("a name that long is not accepted")
_NOT_A_NAME: Final = Deny("not an identifier")
_PRIVATE: Final = Deny("a name that begins with an underscore is private")
_NOT_NORMAL: Final = Deny("a name must be in its own NFKC form")


@dataclass(frozen=True, slots=True)
class NamePolicy:
    """Accepts an identifier that is not private, of exactly the type `str`.

    A subclass of `str` may answer each question as it likes. A name that is not its own
    NFKC form is another name wherever Python reads it as source, and six characters
    become an underscore that way. One with an invisible character looks like another.

    Attributes:
        characters: the longest name that is accepted.
    """

    characters: int = 64

    def judge(self, name: object, /) -> Decision:
        """Decide whether ``name`` may be looked up at all. No denial repeats it."""
        # Exact: a subclass could override what is asked of it below.
        if type(name) is not str:
            return _NOT_TEXT
        # Before all else that takes time in proportion to it.
        if len(name) > self.characters:
            return _TOO_LONG
        if not name.isidentifier():
            return _NOT_A_NAME
        if name[0] == "_":
            return _PRIVATE
        if not name.isascii():
            if unicodedata.normalize("NFKC", name) != name:
                return _NOT_NORMAL
            # Since Unicode 15.1, and so Python 3.13, invisible joiners may stand in identifiers.
            if any(unicodedata.category(character) == "Cf" for character in name):
                return _NOT_A_NAME
        return ALLOW
