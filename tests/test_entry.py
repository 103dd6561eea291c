"""The installed program's start."""

import subprocess
import sys

import pytest

INTERRUPT_AT = """
import sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from kalshi_alpha.entry import entry
sys.argv = ["kalshi-alpha", "run", "--help"]
entry()
"""


@pytest.mark.parametrize(
    "module", ["kalshi_alpha.cli", "argparse", "msgspec", "kalshi_alpha.__main__", "kalshi_alpha.exec.runners.trade", "asyncio"]
)
def test_ctrl_c_while_the_program_is_loaded_says_nothing(module: str) -> None:
    done = subprocess.run([sys.executable, "-S", "-c", prepared(module)], capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def prepared(module: str) -> str:
    # Without the site module nothing is loaded that the program would load; its paths are then given by hand.
    return f"import sys; sys.path += {sys.path!r}\n" + INTERRUPT_AT.format(module=module)


def test_the_entry_point_loads_nothing_before_it_can_be_interrupted() -> None:
    lines = [
        f"import sys; sys.path += {sys.path!r}",
        "before = set(sys.modules)",
        "import kalshi_alpha.entry",
        "print(sorted(set(sys.modules) - before))",
    ]

    done = subprocess.run([sys.executable, "-S", "-c", "\n".join(lines)], capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout == "['kalshi_alpha', 'kalshi_alpha.entry']\n"
