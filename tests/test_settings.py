"""Every setting is explained, in the class and in the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.settings import Settings

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_is_documented(name: str) -> None:
    field = Settings.model_fields[name]
    assert field.description is not None
    assert field.description.endswith(".")
    default = "" if field.default is None else f"`{field.default}`"
    assert f"| `SPEAKERID_{name.upper()}` | {default} | {field.description} |" in README


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("example", False),
    ],
)
def test_knows_loopback(host: str, loopback: bool) -> None:
    assert Settings(host=host).loopback is loopback


def test_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEAKERID_PORT", "9000")
    monkeypatch.setenv("SPEAKERID_STORE", "")
    assert (Settings().port, Settings().store) == (9000, "voices.db")
