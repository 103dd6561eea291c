"""Records what the code under it asks of the disk, and says which files a power cut may leave.

The model is the one of Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014), at its weakest: what was written to a file
since its last sync is there or not, each write by itself, whole or torn; names made, changed and removed in a folder since that folder's
last sync are there up to some point; folders and files don't wait for each other.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

FOLDER = 0
"""The node of every folder."""
TORN_MAX = 2
"""So many unsynced writes of a file are torn in all combinations."""


@dataclass(frozen=True)
class Wrote:
    node: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class WasCut:
    node: int
    length: int


@dataclass(frozen=True)
class Named:
    """A name begins to mean another node, or (None) nothing; ``was`` disappears with it."""

    folder: str
    name: str
    node: int | None
    was: str = ""


@dataclass(frozen=True)
class Synced:
    """A file's node, or a folder's path."""

    what: int | str


@dataclass(frozen=True)
class Acknowledged:
    count: int


Op = Wrote | WasCut | Named | Synced | Acknowledged


class Killed(BaseException):
    """SIGKILL: nothing in the program catches it."""


@dataclass
class Recorder:
    """The operations below one folder, in order."""

    base: str
    ops: list[Op] = field(default_factory=list)
    kill_at: int | None = None
    """The process dies before its operation of this number."""
    half: bool = False
    """A write that it dies in is done by half."""
    _nodes: dict[str, int] = field(default_factory=dict)
    _lengths: dict[int, int] = field(default_factory=dict)
    _open: dict[int, tuple[str, int]] = field(default_factory=dict)

    def note(self, op: Op) -> None:
        """Take down what is about to happen."""
        if len(self.ops) != self.kill_at:
            self.ops.append(op)
            return
        if self.half and isinstance(op, Wrote):
            self.ops.append(Wrote(op.node, op.offset, op.data[: len(op.data) // 2]))
        raise Killed

    def bury(self) -> None:
        """Do what the kernel does with a dead process's descriptors."""
        self.kill_at = None
        for fd in list(self._open):
            os.close(fd)
        self._open.clear()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Stand between Python and the system's calls; every call is still made."""
        wraps: dict[str, Callable[..., Any]] = {
            "open": self._on_open, "close": self._on_close, "write": self._on_write, "ftruncate": self._on_cut,
            "fsync": self._on_sync, "fdatasync": self._on_sync, "mkdir": self._on_mkdir, "rename": self._on_rename,
            "replace": self._on_rename, "link": self._on_link, "unlink": self._on_unlink,
        }  # fmt: skip
        real = {name: getattr(os, name) for name in wraps}
        for name, wrap in wraps.items():
            setattr(os, name, _wrapped(wrap, real[name]))
        try:
            yield
        finally:
            for name, call in real.items():
                setattr(os, name, call)

    def _is_ours(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and f"{os.fspath(path)}/".startswith(f"{self.base}/")

    def _on_open(self, call: Callable[..., int], path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if not self._is_ours(path):
            return call(path, flags, *rest, **more)
        name = os.fspath(path)
        if name not in self._nodes and flags & os.O_CREAT:
            node = len(self._lengths) + 1
            self.note(Named(*os.path.split(name), node))
            self._nodes[name], self._lengths[node] = node, 0
        elif flags & os.O_TRUNC:
            self.note(WasCut(self._nodes[name], 0))
            self._lengths[self._nodes[name]] = 0
        fd = call(path, flags, *rest, **more)
        self._open[fd] = (name, FOLDER if flags & os.O_DIRECTORY else self._nodes[name])
        return fd

    def _on_close(self, call: Callable[..., None], fd: int) -> None:
        self._open.pop(fd, None)
        call(fd)

    def _on_write(self, call: Callable[..., int], fd: int, data: Any) -> int:
        if fd in self._open:
            node = self._open[fd][1]
            before = len(self.ops)
            try:
                self.note(Wrote(node, self._lengths[node], bytes(data)))
            finally:
                # Also the half of it that a dying process wrote.
                done = sum(len(op.data) for op in self.ops[before:] if isinstance(op, Wrote))
                self._lengths[node] += done
                if done < len(data):
                    call(fd, data[:done])
        return call(fd, data)

    def _on_cut(self, call: Callable[..., None], fd: int, length: int) -> None:
        if fd in self._open:
            node = self._open[fd][1]
            self.note(WasCut(node, length))
            self._lengths[node] = length
        call(fd, length)

    def _on_sync(self, call: Callable[..., None], fd: int) -> None:
        if fd in self._open:
            name, node = self._open[fd]
            self.note(Synced(name if node == FOLDER else node))
        call(fd)

    def _on_mkdir(self, call: Callable[..., None], path: Any, *rest: Any, **more: Any) -> None:
        if self._is_ours(path) and not Path(path).exists() and Path(path).parent.exists():
            self.note(Named(*os.path.split(os.fspath(path)), FOLDER))
        call(path, *rest, **more)

    def _on_rename(self, call: Callable[..., None], old: Any, new: Any) -> None:
        if os.fspath(old) in self._nodes:
            (folder, was), (to, name) = os.path.split(os.fspath(old)), os.path.split(os.fspath(new))
            assert folder == to, "a rename between folders isn't modelled"
            node = self._nodes.pop(os.fspath(old))
            self._nodes[os.fspath(new)] = node
            self.note(Named(folder, name, node, was))
        call(old, new)

    def _on_link(self, call: Callable[..., None], old: Any, new: Any) -> None:
        if os.fspath(old) in self._nodes:
            self._nodes[os.fspath(new)] = self._nodes[os.fspath(old)]
            self.note(Named(*os.path.split(os.fspath(new)), self._nodes[os.fspath(old)]))
        call(old, new)

    def _on_unlink(self, call: Callable[..., None], path: Any) -> None:
        if os.fspath(path) in self._nodes:
            self.note(Named(*os.path.split(os.fspath(path)), None))
            del self._nodes[os.fspath(path)]
        call(path)


def _wrapped(wrap: Callable[..., Any], call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **more: wrap(call, *arguments, **more)


Files = dict[str, bytes]
"""Path below the base -> contents; a folder's path ends with a slash."""


@dataclass(frozen=True)
class CrashState:
    cut: int
    """The power went after so many operations."""
    acknowledged: int
    files: Files


def crash_states(base: str, ops: Sequence[Op], tears: Callable[[bytes], list[bytes]], from_cut: int = 0) -> Iterator[CrashState]:
    """Yield what a power cut may leave, at every cut, each different state once."""
    seen: set[tuple[int, tuple[tuple[str, bytes], ...]]] = set()
    for cut in range(from_cut, len(ops) + 1):
        issued = ops[:cut]
        acknowledged = max((op.count for op in issued if isinstance(op, Acknowledged)), default=0)
        for files in _left(base, issued, tears):
            key = acknowledged, tuple(sorted(files.items()))
            if key not in seen:
                seen.add(key)
                yield CrashState(cut, acknowledged, files)


def _left(base: str, issued: Sequence[Op], tears: Callable[[bytes], list[bytes]]) -> Iterator[Files]:
    folders = sorted({op.folder for op in issued if isinstance(op, Named)})
    choices = []
    for folder in folders:
        names = [(index, op) for index, op in enumerate(issued) if isinstance(op, Named) and op.folder == folder]
        synced = max((index for index, op in enumerate(issued) if op == Synced(folder)), default=-1)
        durable = sum(index < synced for index, _ in names)
        choices.append([[op for _, op in names[:kept]] for kept in range(durable, len(names) + 1)])
    contents: dict[int, list[bytes]] = {}
    for chosen in product(*choices):
        names_in = {folder: _applied(kept) for folder, kept in zip(folders, chosen, strict=True)}
        reachable = dict(_tree(base, names_in))
        for node in set(reachable.values()) - contents.keys():
            contents[node] = _contents(node, issued, tears)
        nodes = sorted(set(reachable.values()))
        for what in product(*(contents[node] for node in nodes)):
            of = dict(zip(nodes, what, strict=True))
            yield {path: of[node] for path, node in reachable.items()}


def _applied(ops: Sequence[Named]) -> dict[str, int]:
    entries: dict[str, int] = {}
    for op in ops:
        entries.pop(op.was, None)
        if op.node is None:
            entries.pop(op.name, None)
        else:
            entries[op.name] = op.node
    return entries


def _tree(folder: str, names_in: dict[str, dict[str, int]], below: str = "") -> Iterator[tuple[str, int]]:
    for name, node in names_in.get(folder, {}).items():
        if node == FOLDER:
            yield f"{below}{name}/", FOLDER
            yield from _tree(f"{folder}/{name}", names_in, f"{below}{name}/")
        elif not name.startswith(".") and name != "lock":  # nobody reads those
            yield below + name, node


def _contents(node: int, issued: Sequence[Op], tears: Callable[[bytes], list[bytes]]) -> list[bytes]:
    """Return what a file may hold: its synced changes, and any part of the others."""
    if node == FOLDER:
        return [b""]
    synced = max((index for index, op in enumerate(issued) if op == Synced(node)), default=-1)
    changes = [(index, op) for index, op in enumerate(issued) if isinstance(op, Wrote | WasCut) and op.node == node]
    fixed = [op for index, op in changes if index < synced]
    pending = [op for index, op in changes if index > synced]
    # A writer that leaves many writes unsynced has states beyond counting; torn is then the last one only.
    options = [_outcomes(op, tears if len(pending) <= TORN_MAX or op is pending[-1] else lambda _data: []) for op in pending]
    return sorted({_filled([*fixed, *(op for op in chosen if op is not None)]) for chosen in product(*options)})


def _outcomes(op: Wrote | WasCut, tears: Callable[[bytes], list[bytes]]) -> list[Wrote | WasCut | None]:
    if isinstance(op, WasCut):
        return [None, op]
    return [None, op, *(Wrote(op.node, op.offset, torn) for torn in tears(op.data))]


def _filled(ops: Sequence[Wrote | WasCut]) -> bytes:
    data = bytearray()
    for op in ops:
        if isinstance(op, WasCut):
            del data[op.length :]
            continue
        data.extend(bytes(max(0, op.offset - len(data))))
        data[op.offset : op.offset + len(op.data)] = op.data
    return bytes(data)


def put(files: Files, base: Path) -> None:
    """Make these files."""
    for path, data in files.items():
        target = base / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.write_bytes(data)
