"""Key files: read only what is a regular file that nobody but its owner can read."""

import os
import stat
from pathlib import Path
from typing import Final

SECRET_BYTES_MAX: Final = 65_536


class SecretFileError(ValueError):
    """A key file is missing, unreadable or open to others; the message names it."""


def read_secret_bytes(path: Path) -> bytes:
    """Return a key file's content.

    Raises:
        SecretFileError: missing, unreadable, not a regular file, or readable by others.

    """
    try:
        # Non-blocking, so that a pipe in the file's place can't hang the start.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise SecretFileError(message) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            message = f"{path}: not a regular file"
            raise SecretFileError(message)
        if found.st_mode & 0o077:
            message = f"{path}: mode {stat.S_IMODE(found.st_mode):04o} lets others than its owner in, expected 0600"
            raise SecretFileError(message)
        return os.read(descriptor, SECRET_BYTES_MAX)
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise SecretFileError(message) from error
    finally:
        os.close(descriptor)


def read_secret(path: Path) -> str:
    """Return a one-line secret, an API key for example.

    Raises:
        SecretFileError: as above, or empty or not text.

    """
    try:
        text = read_secret_bytes(path).decode("ascii").strip()
    except UnicodeDecodeError as error:
        message = f"{path}: not plain text"
        raise SecretFileError(message) from error
    if not text or "\n" in text:
        message = f"{path}: expected one line with a key"
        raise SecretFileError(message)
    return text
