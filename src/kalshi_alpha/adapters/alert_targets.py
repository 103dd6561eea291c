"""Who is told: the addresses of alerts and the dead man's, from files of their owner alone. They are secrets: errors name the line only."""

from pathlib import Path
from urllib.parse import urlsplit

from kalshi_alpha.adapters.secret_file import SecretFileError, read_secret, read_secret_bytes


def read_targets(path: Path) -> tuple[str, ...]:
    """Return the apprise addresses of a file, one a line; empty lines and ``#`` lines are none.

    Raises:
        SecretFileError: the file can't be used, or a line of it is no address.

    """
    try:
        lines = read_secret_bytes(path).decode().splitlines()
    except UnicodeDecodeError as error:
        message = f"{path}: not plain text"
        raise SecretFileError(message) from error
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip() and not line.strip().startswith("#")]
    for number, line in numbered:
        if "://" not in line or " " in line:
            message = f"{path}: line {number} is no address like mailto://... or json://..."
            raise SecretFileError(message)
    if not numbered:
        message = f"{path}: no address in it"
        raise SecretFileError(message)
    return tuple(line for _, line in numbered)


def read_dead_man(path: Path) -> str:
    """Return the http address in a file.

    Raises:
        SecretFileError: the file can't be used, or what is in it is no http address.

    """
    address = read_secret(path)
    if urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).hostname:
        message = f"{path}: expected one http address"
        raise SecretFileError(message)
    return address
