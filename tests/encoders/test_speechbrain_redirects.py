from __future__ import annotations

import sys
from subprocess import run

import pytest

# Apart, because this must hold in a process that imports SpeechBrain for the first time.
WALK = """
import sys, warnings
warnings.simplefilter("error")
import speakerid.encoders.speechbrain
for module in list(sys.modules.values()):
    if module.__name__.startswith("speechbrain"):
        getattr(module, "__file__", None)
"""


@pytest.mark.slow
def test_the_module_table_can_be_walked_after_importing_speechbrain() -> None:
    done = run([sys.executable, "-c", WALK], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
