"""Keys in files: read and written so that nobody else of the machine ever has them.

A line is ``limpet-key NAME SECRET``, the secret in hexadecimal digits; lines that are empty
or begin with ``#`` are left alone. A client's file has one key, a server's any number.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from limpet.errors import ConfigurationError
from limpet.framing.keys import KEY_BYTES, Key, KeyRing

__all__ = ["NAME", "KeyFile", "add_key", "new_key", "read_key", "read_keys", "remove_keys", "write_key"]

_WORD: Final = "limpet-key"
_FILE_BYTES: Final = 1 << 20
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""What the owner of a key can be called."""


class KeyFile:
    """A server's file of keys, which is read again when it was changed.

    Args:
        path: the file.

    Raises:
        ConfigurationError: as `read_keys` and `KeyRing`.
    """

    __slots__ = ("_seen", "path", "ring")

    def __init__(self, path: Path) -> None:
        self.path: Path = path
        self._seen = self._look()
        self.ring: KeyRing = KeyRing(read_keys(path))
        """The keys that were in it when it was last right."""

    def refresh(self) -> bool:
        """Read the file again if it was changed since it was read; tell whether it was.

        Raises:
            ConfigurationError: if it is not right any more, or cannot be read now.
        """
        seen = self._look()
        if seen == self._seen:
            return False
        ring = KeyRing(read_keys(self.path))
        if self._look() != seen:
            return False  # It is being written; the next look will tell.
        self._seen, self.ring = seen, ring
        return True

    def _look(self) -> tuple[int, ...]:
        try:
            found = self.path.stat()
        except OSError:
            return ()
        times = found.st_mtime_ns, found.st_ctime_ns
        return found.st_dev, found.st_ino, *times, found.st_size, found.st_mode, found.st_uid


def new_key(name: str) -> Key:
    """Return a key that did not exist before.

    Raises:
        ConfigurationError: if nobody can be called ``name``.
    """
    return Key(secrets.token_bytes(KEY_BYTES), _checked(name))


def read_keys(path: Path) -> list[Key]:
    """Return the keys in a file, in its order.

    Raises:
        ConfigurationError: if it is not there, others could read or change it, or a line is not right.
    """
    return [_parse(line, path, number) for number, line in _lines(_read(path)) if _is_key(line)]


def read_key(path: Path) -> Key:
    """Return the one key in a client's file.

    Raises:
        ConfigurationError: as `read_keys`, or if it has none or several.
    """
    keys = read_keys(path)
    if len(keys) != 1:
        raise ConfigurationError(f"{path} has {len(keys)} keys; a client's file has one")
    return keys[0]


def write_key(path: Path, key: Key) -> None:
    """Write a file with one key that its owner alone can read.

    Raises:
        ConfigurationError: if there is something by that name.
        OSError: if it cannot be written.
    """
    try:
        _write(path, _format(key))
    except FileExistsError:
        raise ConfigurationError(f"{path} is there already; a key is not written over another") from None


def add_key(path: Path, key: Key) -> None:
    """Add a key to a server's file, which is made if it is not there.

    Raises:
        ConfigurationError: if the name has two keys already, or the file is not right.
        OSError: if it cannot be written.
    """
    with _changing(path) as place:
        text = _read(place)
        names = [known.name for known in read_keys(place)] if text else []
        if names.count(key.name) >= 2:
            raise ConfigurationError(
                f"{key.name!r} has two keys in {path} already; revoke them, or one once clients have the other"
            )
        separator = "\n" if text and not text.endswith("\n") else ""
        _replace(place, f"{text}{separator}{_format(key)}")


def remove_keys(path: Path, name: str, *, key_id: bytes | None = None) -> list[Key]:
    """Take keys out of a server's file, and return them.

    Args:
        path: the file.
        name: whose.
        key_id: which one, if only that.

    Raises:
        ConfigurationError: if there is none, or the file is not right.
        OSError: if it cannot be written.
    """
    removed: list[Key] = []
    kept: list[str] = []
    _read(path)  # Not there, it is not made.
    with _changing(path) as place:
        for number, line in _lines(_read(place)):
            key = _parse(line, path, number) if _is_key(line) else None
            if key is not None and key.name == name and key_id in (None, key.id):
                removed.append(key)
            else:
                kept.append(line)
        if not removed:
            raise ConfigurationError(f"{path} has no such key of {name!r}")
        _replace(place, "".join(f"{line}\n" for line in kept))
    return removed


# ---------------------------------------------------------------- text


def _lines(text: str) -> Iterable[tuple[int, str]]:
    return enumerate(text.splitlines(), 1)


def _is_key(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _parse(line: str, path: Path, number: int) -> Key:
    # No part of the line is in any error: it may be a secret that stands in the wrong place.
    match line.split():
        case [word, name, digits] if word == _WORD and NAME.fullmatch(name):
            with suppress(ValueError):
                secret = bytes.fromhex(digits)
                return Key(secret, name)
        case _:
            pass
    raise ConfigurationError(f"{path}, line {number}: not `{_WORD} NAME SECRET` as `limpet keys new` writes it")


def _format(key: Key) -> str:
    return f"{_WORD} {_checked(key.name)} {key.reveal().hex()}\n"


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r:.80} cannot name a key: up to 64 letters, digits, dots, dashes, underscores and at signs"
        )
    return name


# ---------------------------------------------------------------- files


def _read(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigurationError(f"cannot read keys from {path}: {error.strerror}") from error
    try:
        # Of the file that is open: by its name it could be another one a moment later.
        _check_file(os.fstat(descriptor), path)
        data = os.read(descriptor, _FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read keys from {path}: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(data) > _FILE_BYTES:
        raise ConfigurationError(f"{path} has over {_FILE_BYTES} bytes; that is no file of keys")
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is no file of keys") from None


def _check_file(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"{path} is no file")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(f"{path} belongs to another user, who could have put the keys there")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigurationError(f"{path} can be read or changed by others; chmod 600 it, and make new keys")


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - made with its mode
        file.write(text)
        file.flush()
        os.fsync(descriptor)


@contextmanager
def _changing(path: Path) -> Generator[Path]:
    """Keep others out of the file while it is read and replaced; give its own place, which a link leads to."""
    place = Path(os.path.realpath(path))
    descriptor = _lock(place, path)
    try:
        yield place
    finally:
        os.close(descriptor)


def _lock(place: Path, path: Path) -> int:
    """Return a locked descriptor of the file, which is made if it is not there. Nobody else could open, or lock, it."""
    while True:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK, 0o600)
        try:
            _check_file(os.fstat(descriptor), path)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Whoever had the lock before may have put another file in its place.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), place.stat()):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    """Put ``text`` in the place of the file, all of it or nothing."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(beside, text)
        beside.replace(path)
        # A name that was put in place outlasts a loss of power only once its folder is written. Not all can be.
        with suppress(OSError):
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    finally:
        beside.unlink(missing_ok=True)
