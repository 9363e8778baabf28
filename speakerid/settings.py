"""Every setting of speakerid: environment variables `SPEAKERID_…` and, where it helps, command-line options."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from speakerid.errors import SettingsError

DEFAULT_PORT = 8700
# What browsers send as Origin: no path, lower case.
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s*]+")
FETCH_HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*(:[0-9]{1,5})?")


class Settings(BaseSettings):
    """Read once, at the start of a command; nothing below `bootstrap` sees it."""

    model_config = SettingsConfigDict(env_prefix="SPEAKERID_", env_ignore_empty=True)

    store: str = Field("voices.db", description="Where voices are kept: a file path (SQLite) or a postgresql:// URL.")
    encoder: str = Field(
        "default",
        description="The encoder: default (the best here), a name such as campplus or ecapa-mini, a .onnx file, a "
        "SpeechBrain model directory, or a model hub name.",
    )
    other_encoders: str = Field(
        "",
        description="Encoders that `serve` and `worker` load beside it, with commas between them: for galleries that "
        "were made with them, and for those that are to move to them (`speakerid reembed`).",
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
    port: int = Field(DEFAULT_PORT, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    cors_origins: str = Field(
        "",
        description="Web origins whose pages may call the API, with commas between them, such as "
        "https://app.example.org; * for all, with keys only.",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="How the log on stderr is written: text, or json, a line an object, with one for each request.",
    )
    master_key_file: Path | None = Field(
        None,
        description="A file with 32 random bytes as base64: the store is encrypted with it, and opens with it alone.",
    )
    access_log_days: int = Field(
        90, ge=0, le=36_500, description="How long it is kept who asked or changed what; 0: it is not noted at all."
    )
    max_body_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="Largest request body accepted, in bytes; larger ones answer 413."
    )
    max_audio_seconds: float = Field(
        600.0, gt=0, description="Longest audio accepted by enroll, identify and verify, in seconds."
    )
    max_channels: int = Field(32, ge=1, description="Most channels accepted in one audio file.")
    workers: int = Field(
        1,
        ge=1,
        description="Processes of `serve` that decode and embed, a core each; 1: the service does it itself.",
    )
    max_queue: int = Field(
        64,
        ge=1,
        description="Recordings that may wait for the encoder, and as many for classifiers; beyond it answers are 429.",
    )
    max_wait_s: float = Field(
        5.0,
        gt=0,
        description="Longest that a recording to enroll, identify, verify or embed may wait for its turn, in seconds, "
        "by how long answers took lately; beyond it answers are 429.",
    )
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
        description="Recordings that `serve` works on at a time, in a process of its own that is there while there are "
        "any; 0 leaves them to `speakerid worker`.",
    )
    transcriber: str | None = Field(
        None,
        description="Whose words transcriptions have: the directory of a Whisper model for faster-whisper, or its hub "
        "name; without it they have speakers and no words.",
    )
    webhook_secret: SecretStr | None = Field(
        None, description="Signs webhooks (HMAC-SHA256, standardwebhooks.com); a plain text, or whsec_ and base64."
    )
    webhook_private: bool = Field(
        False, description="Whether webhooks may lead to loopback, private and link-local addresses."
    )
    fetch_hosts: str = Field(
        "",
        description="Hosts that recordings may be fetched from by URL, with commas between them, such as "
        "media.example.org or *.example.org; none by default.",
    )
    fetch_private: bool = Field(
        False, description="Whether these hosts may have loopback, private and link-local addresses."
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

    @field_validator("port", mode="before")
    @classmethod
    def _not_kubernetes(cls, value: object) -> object:
        """Kubernetes tells every container of a service named speakerid SPEAKERID_PORT=tcp://10.0.0.1:8700."""
        return DEFAULT_PORT if str(value).startswith(("tcp://", "udp://")) else value

    @property
    def snapshots_folder(self) -> Path:
        """Of a PostgreSQL store, by what of its URL is no secret; a SQLite store has them beside it."""
        place = re.sub(r"//[^/@]*@", "//", self.store).split("?")[0]
        folder = hashlib.sha256(place.encode()).hexdigest()[:16]
        return user_data_path("speakerid", appauthor=False) / "snapshots" / folder

    @property
    def models_folder(self) -> Path:
        return self.models or user_data_path("speakerid", appauthor=False) / "models"

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        if wrong := [one for one in _listed(value) if one != "*" and not ORIGIN.fullmatch(one)]:
            raise ValueError(
                f"{wrong[0]!r} is no web origin. Give scheme, host and port alone: https://app.example.org"
            )
        return value

    @field_validator("fetch_hosts")
    @classmethod
    def _are_hosts(cls, value: str) -> str:
        if wrong := [one for one in _listed(value) if not FETCH_HOST.fullmatch(one)]:
            raise ValueError(f"{wrong[0]!r} is no host. Give names alone: media.example.org or *.example.org")
        return value

    @property
    def allowed_fetch_hosts(self) -> tuple[str, ...]:
        return _listed(self.fetch_hosts)

    @property
    def encoders_beside(self) -> tuple[str, ...]:
        return _listed(self.other_encoders)

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        return _listed(self.cors_origins)

    @property
    def classifiers_folder(self) -> Path:
        return self.models_folder / "classifiers"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def _listed(text: str) -> tuple[str, ...]:
    return tuple(one.strip().rstrip("/").lower() for one in text.split(",") if one.strip())


def read_settings(**given: Any) -> Settings:
    """What is None was not given. Raises SettingsError, naming the setting that is wrong."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"The setting '{name}' is wrong: {first['msg']}. Correct SPEAKERID_{name.upper()} or the option for it."
        ) from None
