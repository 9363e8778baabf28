"""Keeps SpeechBrain's import-time side effects from breaking other libraries.

Importing SpeechBrain 1.1 puts placeholders such as `speechbrain.k2_integration` into `sys.modules`. Whoever walks
that table and asks a placeholder for an attribute (hypothesis does, picklers and reloaders too) makes it import
packages that are not installed, and gets an ImportError or a warning.
"""

from __future__ import annotations

import sys

PLACEHOLDER = "DeprecatedModuleRedirect"  # the class in speechbrain.utils.importutils


def forget_redirects() -> None:
    """Take the placeholders out; SpeechBrain's packages keep them as attributes, so old YAML files still resolve."""
    for name, module in list(sys.modules.items()):
        if name.startswith("speechbrain.") and type(module).__name__ == PLACEHOLDER:
            del sys.modules[name]
