"""Every mutant still finds what it breaks, and a broken system is noticed."""

import subprocess
import sys

import pytest

from kalshi_alpha import cli
from tests.test_tidy import ROOT
from tools.mutants import MUTANTS, Verdict, main, tell

EACH_IN_A_CHILD = """
import os
from tools.mutants import MUTANTS
for name, apply in MUTANTS.items():
    child = os.fork()
    if not child:
        apply()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, name
"""


def test_every_mutant_still_finds_what_it_breaks() -> None:
    done = subprocess.run([sys.executable, "-c", EACH_IN_A_CHILD], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert len(MUTANTS) >= 20


def test_an_order_without_its_group_is_noticed_on_the_first_day() -> None:
    command = [sys.executable, "-m", "tools.mutants", "--only", "order group", "--windows", "14", "--workers", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert "orders without an order group" in done.stdout
    assert "I13" in done.stdout


def test_one_that_lives_is_told_in_capitals(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Verdict("quotes for ever", 200, ""))

    assert "LIVES" in capsys.readouterr().out


def test_a_name_that_no_mutant_has_is_refused() -> None:
    with pytest.raises(cli.UsageError, match="--only nonsense"):
        main(["--only", "nonsense"])
