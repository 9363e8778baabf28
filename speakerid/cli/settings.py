"""The environment's settings under the options that were typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speakerid.errors import SettingsError

if TYPE_CHECKING:
    from speakerid.settings import Settings


def read_settings(**typed: Any) -> Settings:
    """An option that is None was not typed. Raises SettingsError, naming the setting that is wrong."""
    from pydantic import ValidationError  # 0.2 s with pydantic-settings: not before a command runs

    from speakerid.settings import Settings

    try:
        return Settings(**{name: value for name, value in typed.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"The setting '{name}' is wrong: {first['msg']}. Correct SPEAKERID_{name.upper()} or the option for it."
        ) from None
