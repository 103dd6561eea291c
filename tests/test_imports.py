"""What a start costs: nothing heavy is imported, and every command answers at once. A restart pays this before it can quote."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import timeit
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
    """Return the best wall-clock time of a child process, and say it: the slower tries were the machine's."""
    best_ms = min(timeit.repeat(lambda: python(*arguments), number=1, repeat=4)) * 1e3
    sys.stdout.write(f"{' '.join(arguments)}: {best_ms:.0f} ms\n")
    return best_ms


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

    # The goal is 200 ms; a busy machine gets more.
    assert took_ms < 1_000
