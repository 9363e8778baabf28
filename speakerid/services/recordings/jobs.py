"""Rows become jobs, as the world sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from speakerid.db.models import RecordingRow
from speakerid.errors import DataDamaged
from speakerid.types import (
    JobError,
    JobOptions,
    JobStage,
    JobState,
    RecordingJob,
    RecordingResult,
    SpeakerRef,
    from_json,
)


def job(row: RecordingRow) -> RecordingJob:
    return RecordingJob(**_fields(row))


def result(row: RecordingRow, recording: Any) -> RecordingResult:
    return RecordingResult(**_fields(row), result=recording)


def options(row: RecordingRow) -> JobOptions:
    """The usual ones where they cannot be read: then the recording ends as one that cannot be read either."""
    try:
        return from_json(JobOptions, row.options)
    except ValueError:
        return JobOptions()


def require_readable(row: RecordingRow) -> None:
    """Raises DataDamaged."""
    try:
        from_json(JobOptions, row.options)
    except ValueError:
        raise DataDamaged(f"recording {row.id}") from None


def without(values: dict[str, Any], gone: Collection[str], known: Mapping[str, SpeakerRef]) -> dict[str, Any]:
    """Stored options without the ids of `gone`, unless as the speaker who they became."""
    asked = values.get("candidates")
    if asked is None:
        return values
    staying = {known[one].id if one in known else one for one in asked if one in known or one not in gone}
    return values | {"candidates": sorted(staying)}


def _fields(row: RecordingRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": cast(JobState, row.state),
        "stage": cast(JobStage | None, row.stage) if row.state == "running" else None,
        "progress": 100.0 if row.state == "done" else round(100.0 * row.progress, 1),
        "cancelling": row.cancelling and row.state == "running",
        "options": options(row),
        "error": JobError(row.error_code, row.error_detail or "") if row.error_code else None,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }
