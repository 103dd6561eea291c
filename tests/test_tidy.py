"""What no other tool checks: sizes, dead code, what may be tracked, and that the docs name only what exists."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from vulture import Vulture  # type: ignore[import-untyped]  # it has no type hints

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "kalshi_alpha"
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tools").glob("*.py")])
DOCS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

# An inline span may break over a line, but not over a paragraph.
CODE = re.compile(r"^```[^\n]*\n(?P<block>.*?)^```|`(?P<span>[^`]+)`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\S*/)?"
    r"(?:python3? (?P<module>-m (?:kalshi_alpha|tools)[\w.]*)|kalshi-alpha (?P<sub>[a-z][\w-]*)|make (?P<target>[a-z][\w-]*))"
)
REPO_PATH = re.compile(r"^(?:src|docs|configs|tools|tests|\.ci)/[\w./-]+$|^[\w-]+(?:/[\w-]+)+\.py$")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tracked() -> tuple[str, ...]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return tuple(path for path in listing.stdout.split("\0") if path and (ROOT / path).is_file())


def code_of(doc: Path) -> list[str]:
    """Return the lines of a page's code blocks, and its inline code."""
    found: list[str] = []
    for match in CODE.finditer(doc.read_text()):
        block = match["block"]
        found += block.splitlines() if block is not None else [" ".join(match["span"].split())]
    return found


def commands() -> list[str]:
    """Return what the docs tell the reader to type, as arguments of Python."""
    found = [match for doc in DOCS for line in code_of(doc) if (match := COMMAND.match(line))]
    return sorted({match["module"] or f"-m kalshi_alpha {match['sub']}" for match in found if not match["target"]})


def test_files_have_at_most_400_lines() -> None:
    long = {name(path): lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > 400}

    assert not long


def test_functions_have_at_most_50_lines() -> None:
    long = {
        f"{name(path)}:{node.lineno} {node.name}": lines
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (lines := (node.end_lineno or 0) - node.lineno + 1) > 50
    }

    assert not long


def fields_of(path: Path) -> set[int]:
    """Return the lines of a file on which a class declares a field."""
    classes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef))
    return {field.lineno for node in classes for field in node.body if isinstance(field, ast.AnnAssign)}


def test_everything_is_used_by_something_other_than_its_tests() -> None:
    # A message's field may be for a reader elsewhere, but a setting is for us. Unused arguments are the linter's business.
    # What asyncio, httptools and http.server call by name.
    called = [
        "do_POST",
        "log_message",
        "connection_made",
        "connection_lost",
        "data_received",
        "on_message_begin",
        "on_header",
        "on_body",
        "on_message_complete",
    ]
    vulture = Vulture(ignore_names=called)
    vulture.scavenge([str(PACKAGE), str(ROOT / "tools")])
    messages = {path: fields_of(path) for path in SOURCES if path.name != "config.py"}

    dead = [
        item.get_report()
        for item in vulture.get_unused_code(min_confidence=60)
        if item.typ != "variable" or (item.confidence < 100 and item.first_lineno not in messages.get(Path(item.filename).resolve(), set()))
    ]

    assert not dead, "\n".join(dead)


def test_sources_have_no_unfinished_business() -> None:
    marker = re.compile(r"\b(?:TODO|FIXME|XXX)\b")

    assert [name(path) for path in SOURCES if marker.search(path.read_text())] == []


def test_no_path_of_one_machine_stands_in_sources_or_docs() -> None:
    machine = re.compile(r"(?<![\w.~-])/(?:work|root|tmp|home)/")
    configs = sorted((ROOT / "configs").rglob("*.toml"))

    assert [name(path) for path in [*SOURCES, *DOCS, *configs] if machine.search(path.read_text())] == []


def test_no_address_of_a_package_index_is_tracked() -> None:
    address = re.compile(rb"--(?:extra-)?index-url|/simp[l]e/|/packages/[0-9a-f]{2}/[0-9a-f]{2}/|pypi\.[o]rg|pythonhosted\.[o]rg")

    assert [path for path in tracked() if address.search((ROOT / path).read_bytes())] == []


def test_nothing_generated_is_tracked() -> None:
    generated = re.compile(
        r"(?:^|/)(?:uv\.lock|pylock\.toml|\.python-version|node_modules/|\.venv/|__pycache__/)|^(?:reports|data|demo-run[^/]*)/|^REPORT\.md$"
    )

    assert [path for path in tracked() if generated.search(path)] == []


@pytest.mark.parametrize(
    ("lock", "groups"), [("requirements.txt", ["build"]), ("requirements-dev.txt", ["build", "dev"]), ("requirements-uv.txt", [])]
)
def test_locks_hold_what_the_project_asks_for(lock: str, groups: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = project["project"]["dependencies"] if groups else project["dependency-groups"]["installer"]
    asked = asked + [line for group in groups for line in project["dependency-groups"][group] if isinstance(line, str)]
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE))

    missing = [line for line in asked if (wish := Requirement(line)).name not in locked or not wish.specifier.contains(locked[wish.name])]

    assert not missing, "run make lock"


def test_both_locks_hold_the_same_version_of_what_the_system_uses() -> None:
    runtime, dev = (
        set(re.findall(r"^[\w.-]+==[^\s;]+", (ROOT / lock).read_text(), re.MULTILINE))
        for lock in ("requirements.txt", "requirements-dev.txt")
    )

    assert runtime <= dev


@pytest.mark.parametrize("command", commands())
def test_every_command_in_the_docs_explains_itself(command: str) -> None:
    answer = subprocess.run([sys.executable, *command.split(), "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert answer.returncode == 0, answer.stderr
    assert len(answer.stdout) >= 40


def test_every_make_target_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {match["target"] for doc in DOCS for line in code_of(doc) if (match := COMMAND.match(line)) and match["target"]}

    assert named <= targets


def test_every_path_in_the_docs_exists() -> None:
    named = {(name(doc), code) for doc in DOCS for code in code_of(doc) if REPO_PATH.match(code)}

    missing = [(page, path) for page, path in sorted(named) if not any((base / path).exists() for base in (ROOT, PACKAGE))]

    assert not missing


def test_every_link_between_the_docs_leads_somewhere() -> None:
    links = {(doc, link) for doc in DOCS for link in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", doc.read_text())}

    assert sorted((name(doc), link) for doc, link in links if not (doc.parent / link).exists()) == []
