"""What a start costs: nothing heavy is imported, and every command answers at once. A restart pays this before it can quote."""

import importlib.util
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src"
GUARD = re.compile(r"^if __name__ == .__main__.:", re.MULTILINE)
# Coverage would start in the child too, and be measured with it.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
HEAVY = ("aiohttp", "numpy", "pandas", "polars", "matplotlib", "rich", "pydantic", "exchange_calendars", "icalendar")


def python(*arguments: str) -> str:
    answer = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def fastest_ms(*arguments: str) -> float:
    """Return the least processor time of three runs: waiting for other processes doesn't count."""
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        python(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return min(took)


def modules_with_a_command() -> list[str]:
    paths = [
        path for folder in (SOURCES / "kalshi_alpha", ROOT / "tools") for path in folder.rglob("*.py") if GUARD.search(path.read_text())
    ]
    names = [path.relative_to(SOURCES if SOURCES in path.parents else ROOT).with_suffix("").as_posix() for path in paths]
    return sorted(name.replace("/", ".").removesuffix(".__main__") for name in names)


@pytest.mark.parametrize(
    "module",
    ["kalshi_alpha.exec.shell", "kalshi_alpha.exec.runners.trade", "kalshi_alpha.sched.windows_cli", "kalshi_alpha.sched.calendar_cli"],
)
def test_the_trading_process_and_the_calendars_commands_import_no_heavy_library(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} does not exist yet")

    loaded = json.loads(python("-c", f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"))

    assert module in loaded
    assert [library for library in HEAVY if library in loaded] == []


def test_importing_the_package_costs_next_to_nothing() -> None:
    bare_ms = fastest_ms("-c", "pass")
    package_ms = fastest_ms("-c", "import kalshi_alpha")

    # The goal is 15 ms; on a busy machine, what the bare interpreter takes.
    assert package_ms - bare_ms <= max(15.0, bare_ms)


@pytest.mark.parametrize("module", modules_with_a_command())
def test_every_command_answers_help_at_once(module: str) -> None:
    if module == "tools.make_calendar":
        pytest.skip("run once a year, with an exchange calendar's library")

    took_ms = fastest_ms("-m", module, "--help")

    # The goal is 200 ms; a busy machine's caches get more.
    assert took_ms < 1_000
