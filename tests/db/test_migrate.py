"""Migrations and models tell the same story, and starting is safe however many start at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

from speakerid.db import migrate
from speakerid.db.access_models import KeyRow
from speakerid.db.engine import Database, Handle, open_database
from speakerid.db.models import Base, UtteranceRow
from speakerid.db.repositories import changes, galleries, keys, speakers
from speakerid.db.repositories.speakers import SpeakerFilter
from speakerid.errors import StoreNewer, StoreSchemaUnknown
from tests.db.rows import add_gallery, add_speaker

UPGRADE = "import sys; from speakerid.db import engine, migrate; migrate.upgrade(engine.open_database(sys.argv[1]))"


@pytest.fixture
def empty(empty_store_url: str) -> Iterator[Database]:
    opened = open_database(empty_store_url)
    yield opened
    opened.close()


def test_the_migrations_make_exactly_the_models(empty: Database) -> None:
    assert migrate.upgrade(empty) == migrate.head()
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_name_of_each_migration_begins_with_its_revision() -> None:
    """So that a store is opened without reading the migrations."""
    scripts = ScriptDirectory(str(migrate.migrations_dir()))
    assert migrate.revisions() == [one.revision for one in scripts.walk_revisions()][::-1]
    assert migrate.head() == scripts.get_current_head()


def test_upgrading_twice_changes_nothing(empty: Database) -> None:
    migrate.upgrade(empty)
    key = add_gallery(empty)
    assert migrate.upgrade(empty) == migrate.head()
    with empty.read() as db:
        assert db.execute(text("SELECT key FROM galleries")).scalar_one() == key


def test_utterances_from_before_the_coach_have_nothing_accepted(empty: Database) -> None:
    migrate.upgrade(empty)
    gallery_key = add_gallery(empty)
    with empty.write() as db:
        for column in ("voices", "accepted", "fingerprint"):
            db.execute(text(f"ALTER TABLE utterances DROP COLUMN {column}"))
        db.execute(text("ALTER TABLE galleries DROP COLUMN combining"))
        for table in ("erasures", "guard", "hearings", "unknown_voices", "recording_pieces", "recordings"):
            db.execute(text(f"DROP TABLE {table}"))
        db.execute(text("ALTER TABLE galleries DROP COLUMN keep_unknown_voices"))
        speaker = add_speaker(db, gallery_key)
        _without_name_keys(db, "0004")
        db.execute(
            text(
                "INSERT INTO utterances (id, gallery_key, speaker_key, sha256, speech_s, clipping_ratio, bandwidth_hz, "
                "embedding, encoder_name, encoder_fingerprint, created_at) "
                "VALUES ('utt_1', :gallery, :speaker, 'x', 4.0, 0.0, 8000, :vector, 'fake', 'f', '2026-01-31 00:00:00')"
            ),
            {"gallery": gallery_key, "speaker": speaker.key, "vector": b"1234"},
        )
    migrate.upgrade(empty)
    with empty.read() as db:
        row = db.scalars(select(UtteranceRow)).one()
        assert (row.id, row.voices, row.accepted) == ("utt_1", None, [])


def _without_encryption(db: Handle) -> None:
    for table in ("encryption", "gallery_keys"):
        db.execute(text(f"DROP TABLE {table}"))
    for table, column in (("utterances", "sha256_sealed"), ("speakers", "external_id_sealed")):
        db.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))


def _without_takes(db: Handle) -> None:
    """Without names of recordings and fingerprints of takes, nor what of recordings counts for a quota."""
    for table, column in (("utterances", "fingerprint"), ("recordings", "name"), ("recordings", "counted_s")):
        db.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))


def _without_tags(db: Handle) -> None:
    """Nor quotas of keys."""
    db.execute(text("DROP TABLE speaker_tags"))
    for column in ("audio_seconds_per_day", "audio_day", "audio_s"):
        db.execute(text(f"ALTER TABLE keys DROP COLUMN {column}"))


def _without_ends_of_keys(db: Handle) -> None:
    """Nor an access log, nor an end of consent, nor ways to another encoder, nor encryption."""
    for table in ("reembedded", "reembeddings"):
        db.execute(text(f"DROP TABLE {table}"))
    _without_tags(db)
    _without_encryption(db)
    db.execute(text("DROP TABLE access_events"))
    for column in ("consent_expires_at", "opted_out_at"):
        db.execute(text(f"ALTER TABLE speakers DROP COLUMN {column}"))
    db.execute(text("DROP INDEX ix_keys_former_sha256"))
    for column in ("expires_at", "requests_per_minute", "last_used_on", "former_sha256", "former_until"):
        db.execute(text(f"ALTER TABLE keys DROP COLUMN {column}"))


def _without_name_keys(db: Handle, revision: str) -> None:
    """As a store of this revision has it, which is the last thing it forgets."""
    _without_ends_of_keys(db)
    db.execute(text("DROP INDEX ix_speakers_gallery_name"))
    db.execute(text("ALTER TABLE speakers DROP COLUMN name_key"))
    db.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_speakers_from_before_name_keys_are_found_however_they_are_written(empty: Database) -> None:
    migrate.upgrade(empty)
    gallery_key = add_gallery(empty)
    written = ("Zoe\u0308", "STRASSE", "\u202eeve", "Ada", "ada ")
    with empty.write() as db:
        for seed, name in enumerate(written):
            add_speaker(db, gallery_key, seed, name)
        _without_takes(db)
        _without_name_keys(db, "0009")
    migrate.upgrade(empty)
    with empty.read() as db:
        for asked, found in (("zoë", 1), ("Straße", 1), ("Eve", 1), ("ADA", 2), ("Zoe", 0)):
            assert len(speakers.find(db, gallery_key, SpeakerFilter(name=asked))) == found
        assert {one.name for one in speakers.every(db, gallery_key)} == set(written)


def test_galleries_from_before_the_setting_keep_the_mean(empty: Database) -> None:
    migrate.upgrade(empty)
    key = add_gallery(empty)
    with empty.write() as db:
        db.execute(text("ALTER TABLE galleries DROP COLUMN combining"))
        for table in ("erasures", "guard"):
            db.execute(text(f"DROP TABLE {table}"))
        _without_takes(db)
        _without_name_keys(db, "0007")
    migrate.upgrade(empty)
    with empty.read() as db:
        assert galleries.combining(db, key) == "mean"


@pytest.mark.slow
def test_two_processes_may_upgrade_at_once(empty_store_url: str, empty: Database) -> None:
    command = [sys.executable, "-c", UPGRADE, empty_store_url]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outcomes = [(process.communicate(timeout=300)[1], process.returncode) for process in running]
    assert outcomes == [("", 0), ("", 0)]
    with empty.engine.connect() as connection:
        assert migrate.revision(connection) == migrate.head()


def test_a_store_of_a_later_version_is_refused(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreNewer, match="later version"):
        migrate.upgrade(empty)


@pytest.mark.parametrize("revision", ["0003", "9b1c22", "0008x"])
def test_a_store_of_a_branch_is_named_as_what_it_is(empty: Database, revision: str) -> None:
    migrate.upgrade(empty)
    with empty.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    with pytest.raises(StoreSchemaUnknown, match=revision):
        migrate.upgrade(empty)


def test_tables_without_a_revision_are_left_alone(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.write() as db:
        db.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(StoreSchemaUnknown, match="no schema revision"):
        migrate.upgrade(empty)


def test_a_schema_that_is_not_its_revision_s_is_named_and_not_changed(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0007'"))
    with pytest.raises(StoreSchemaUnknown, match="another schema than its revision"):
        migrate.upgrade(empty)
    with empty.read() as db:
        assert migrate.revision(db.connection()) == "0007"


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_opening_a_store_of_the_newest_schema_waits_for_no_writer(empty: Database, empty_store_url: str) -> None:
    migrate.upgrade(empty)
    with empty.write() as writer:
        writer.execute(text("DELETE FROM keys"))
        other = open_database(empty_store_url)
        assert migrate.upgrade(other) == migrate.head()
        other.close()


def test_stores_from_before_the_guard_are_closed_if_they_have_keys(empty: Database) -> None:
    for expected in (False, True):
        migrate.upgrade(empty)
        with empty.write() as db:
            if expected:
                db.add(KeyRow(id="key_1", name="robot", secret_sha256="x", scopes=["admin"], galleries=[]))
                db.flush()
            for table in ("erasures", "guard"):
                db.execute(text(f"DROP TABLE {table}"))
            _without_takes(db)
            _without_name_keys(db, "0008")
        migrate.upgrade(empty)
        with empty.read() as db:
            assert keys.guarded(db) is expected
            assert changes.erasures_pending(db) == 0
