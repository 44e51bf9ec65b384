"""The opcodes are those of pickle, all of them, by their names."""

from __future__ import annotations

import pickle
import pickletools

from limpet.codec.opcodes import NAMES


def test_names_and_numbers_are_those_of_pickle() -> None:
    assert {name: ord(entry.code) for entry in pickletools.opcodes if (name := entry.name)} == NAMES
    assert pickle.HIGHEST_PROTOCOL == 5
