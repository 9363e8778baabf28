"""Every setting of speakerid: environment variables `SPEAKERID_…` and, where it helps, command-line options."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once, at the start of a command; nothing below `bootstrap` sees it."""

    model_config = SettingsConfigDict(env_prefix="SPEAKERID_", env_ignore_empty=True)

    store: str = Field("voices.db", description="Where voices are kept: a file path (SQLite) or a postgresql:// URL.")
    encoder: str = Field(
        "default",
        description="The encoder: default (the best here), a name such as campplus or ecapa-mini, a .onnx file, a "
        "SpeechBrain model directory, or a model hub name.",
    )
    models: Path | None = Field(
        None, description="The folder of fetched models; by default `speakerid/models` in the user's data folder."
    )
    prior: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Probability, before listening, that a probe is of the speaker it is compared with; below one half "
        "it asks for more evidence where target_fpir would ask for less.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on; any but a loopback address needs an API key.")
    port: int = Field(8700, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    max_body_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="Largest request body accepted, in bytes; larger ones answer 413."
    )
    max_audio_seconds: float = Field(
        600.0, gt=0, description="Longest audio accepted by enroll, identify and verify, in seconds."
    )
    max_channels: int = Field(32, ge=1, description="Most channels accepted in one audio file.")
    max_queue: int = Field(64, ge=1, description="Recordings that may wait for the encoder; beyond it answers are 429.")
    max_body_memory_bytes: int = Field(
        128 * 1024 * 1024,
        ge=1024,
        description="Bytes of request bodies in memory, at least one largest body; beyond it answers are 429.",
    )
    max_recording_bytes: int = Field(
        2 * 1024**3, ge=1024, description="Largest recording accepted as a job, in bytes; larger ones answer 413."
    )
    max_recording_seconds: float = Field(
        12 * 3600.0, gt=0, description="Longest recording gone through to find who speaks when, in seconds."
    )
    max_recordings_waiting: int = Field(
        100, ge=1, description="Recordings of one API key that may wait to be worked on; beyond it answers are 429."
    )
    recording_workers: int = Field(
        1,
        ge=0,
        description="Recordings that `serve` works on at a time; 0 leaves them to `speakerid worker`.",
    )
    webhook_secret: SecretStr | None = Field(
        None, description="Signs webhooks (HMAC-SHA256, standardwebhooks.com); a plain text, or whsec_ and base64."
    )
    webhook_private: bool = Field(
        False, description="Whether webhooks may lead to loopback, private and link-local addresses."
    )
    max_streams: int = Field(
        16,
        ge=0,
        description="Live streams open at a time, half of them for one caller; beyond it they are refused with 4429.",
    )
    max_stream_seconds: float = Field(14_400.0, gt=0, description="Longest live stream, in seconds.")
    stream_idle_seconds: float = Field(
        30.0, gt=0, description="A live stream that brings no audio for so many seconds is closed."
    )

    @property
    def models_folder(self) -> Path:
        return self.models or user_data_path("speakerid", appauthor=False) / "models"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
