"""Reads the special hours' file, and notices when it has become another one."""

from pathlib import Path
from typing import Final

from kalshi_alpha.config import WindowsConfig
from kalshi_alpha.model.hours import Closure, SpecialHours
from kalshi_alpha.sched.calendar import Sessions
from kalshi_alpha.sched.special_hours import SpecialHoursError, narrowed, parse_special_hours
from kalshi_alpha.sched.venue_hours import VenueHours
from kalshi_alpha.sched.windows import WindowSchedule

SHIPPED: Final = Path("configs/special_hours.toml")


def load_special_hours(path: Path) -> SpecialHours:
    """Read and check the file.

    Raises:
        SpecialHoursError: it can't be read, or something in it is wrong; the message names it.

    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise SpecialHoursError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: not UTF-8 at byte {error.start}"
        raise SpecialHoursError(message) from error
    return parse_special_hours(text, str(path))


def special_hours_of(config: WindowsConfig, named: Path | None = None) -> SpecialHours:
    """Return the special hours that hold: of the named file, else of the settings' file, else none.

    Raises:
        SpecialHoursError: there is such a file, and it is unusable.

    """
    path = named or (Path(config.special_hours_file) if config.special_hours_file else None)
    return load_special_hours(path) if path is not None else SpecialHours()


def schedule_of(config: WindowsConfig, special: SpecialHours, slots: tuple[Closure, ...] = ()) -> WindowSchedule:
    """Return the windows of these settings under these special hours, cut by these slots."""
    sessions: Sessions = narrowed(special)
    return WindowSchedule(config, sessions, VenueHours(slots=slots).closures)


class HoursFileWatch:
    """Tells when a file's content may have changed, by looking at it now and then."""

    def __init__(self, path: Path) -> None:
        """Take the file as it is now for known."""
        self.path = path
        self._seen = self._look()

    def changed(self) -> bool:
        """Return whether the file is another one than at the last look. Gone or unreadable counts, too."""
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        return True

    def _look(self) -> tuple[int, int, int] | str:
        try:
            found = self.path.stat()
        except OSError as error:
            return str(error.strerror)
        return found.st_mtime_ns, found.st_size, found.st_ino
