"""Which columns are secrets: each has its own place, and what is plain is so on purpose."""

from __future__ import annotations

from sqlalchemy import JSON, LargeBinary, String

from speakerid.db.models import Base
from speakerid.db.types import Json, Sealed

# Why each is no secret is said in docs/privacy.md.
PLAIN = {
    "access_events": {"key_id", "action", "gallery", "speaker_id", "outcome", "request_id"},
    "encryption": {"master_id", "unfinished"},
    "galleries": {"name", "encoder_name", "encoder_fingerprint", "combining", "calibration"},
    "gallery_keys": {"wrapped"},
    "hearings": {"label"},
    "keys": {"id", "name", "secret_sha256", "scopes", "galleries", "former_sha256"},
    "recordings": {"id", "key_id", "state", "stage", "options", "error_code", "worker"},
    "reembedded": {"id"},
    "reembeddings": {"id", "from_encoder", "encoder_name", "encoder_fingerprint", "state", "error_code", "worker"},
    "repairs": {"id", "kind", "state", "speaker_id", "into_id", "utterance_ids"},
    "repeats": {"id"},
    "speaker_tags": {"tag"},
    "speakers": {"id"},
    "unknown_voices": {"id", "encoder_name", "encoder_fingerprint"},
    "utterances": {"id", "accepted", "encoder_name", "encoder_fingerprint"},
}


def test_a_column_that_can_hold_a_secret_is_sealed_or_plain_on_purpose() -> None:
    plain = {
        table.name: {
            column.name
            for column in table.c
            if not isinstance(column.type, Sealed) and isinstance(column.type, String | LargeBinary | JSON | Json)
        }
        for table in Base.metadata.tables.values()
    }
    assert {table: found for table, found in plain.items() if found} == PLAIN


def test_each_sealed_column_is_bound_to_its_own_name() -> None:
    columns = [column for table in Base.metadata.tables.values() for column in table.c]
    sealed = [(column, column.type) for column in columns if isinstance(column.type, Sealed)]
    assert len(sealed) == 26
    elsewhere = {f"{column.table.name}.{column.name}": kind.column for column, kind in sealed}
    assert elsewhere.pop("reembedded.embedding") == "utterances.embedding"  # where it is put without being opened
    assert list(elsewhere) == list(elsewhere.values())
