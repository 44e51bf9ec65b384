"""Errors: what of them arrives, and what is printed."""

from __future__ import annotations

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import System


class Vault:
    """Fails some frames deep."""

    def unlock(self) -> None:
        self._turn("pearl")

    def _turn(self, key: str) -> None:
        secret = key * 2
        self._push(len(secret))

    def _push(self, force: int) -> None:
        raise PermissionError(f"{force} is not enough")

    def rob(self) -> None:
        shelf: dict[str, int] = {}
        try:
            shelf["pearl"]
        except KeyError as missing:
            error = ValueError("nothing there", 7, 2.5)
            error.add_note("it was sold")
            raise error from missing

    def shut(self) -> str:
        return "shut"


@behaviour("P35", "A printed remote error shows the remote frames, and no values of local variables")
def printed(system: System) -> None:
    with system.opened(Vault) as vault:
        with raises(PermissionError) as caught:
            vault.unlock()
        text = system.printed(caught.error)
        assert -1 < text.find("_turn") < text.find("_push"), "the remote frames are not there"
        assert "10 is not enough" in text, "the text of the error is not there"
        # Half of it stands in the source.
        assert "pearlpearl" not in text, "the value of a local variable is there"


@behaviour("P42", "An error arrives with its arguments, notes and cause")
def whole(system: System) -> None:
    with system.opened(Vault) as vault:
        with raises(ValueError) as caught:
            vault.rob()
        error = caught.error
        assert error.args == ("nothing there", 7, 2.5), "the arguments are others"
        assert "it was sold" in getattr(error, "__notes__", []), "the notes are lost"
        assert isinstance(error.__cause__, KeyError), "the cause is lost"
        assert error.__cause__.args == ("pearl",), "the arguments of the cause are others"
        assert vault.shut() == "shut"
