"""Create, find, list, change and erase speakers, and their enrollment utterances."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from speakerid.db.asked import about
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow
from speakerid.db.repositories import access_log, changes, galleries, speakers, utterances, voiceprints
from speakerid.db.repositories.speakers import ALL_SPEAKERS, SpeakerFilter
from speakerid.db.types import new_id
from speakerid.errors import AmbiguousName, InvalidRequest, SpeakerNotFound, SpeakerOptedOut
from speakerid.services import repair, serializers, validation
from speakerid.services.galleries import refresh_voiceprints
from speakerid.services.recordings import erase
from speakerid.types import Page, Speaker, Utterance

PAGE_LIMIT = 200
_LOOKS_LIKE_AN_ID = re.compile(r"spk_[0-9A-Z]{26}")


@dataclass(frozen=True)
class SpeakerFields:
    """Of a speaker, as a caller sets them; None leaves a field as it is."""

    name: str | None = None
    external_id: str | None = None
    metadata: dict[str, Any] | None = None
    consent: dict[str, Any] | None = None
    tags: Sequence[str] | None = None


@dataclass(frozen=True)
class CandidateFilter:
    """The only speakers who may be named: `names` (or ids) and, where `tags` are given, of those who have one."""

    names: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None

    @classmethod
    def of(cls, names: Iterable[str] | None, tags: Iterable[str] | None) -> Self:
        return cls(*(None if one is None else tuple(one) for one in (names, tags)))


EVERYBODY = CandidateFilter()


def create(db: Handle, gallery: GalleryRow, fields: SpeakerFields) -> Speaker:
    """Raises InvalidRequest, GalleryNotFound, ExternalIdTaken, SpeakerOptedOut."""
    if fields.name is None:
        raise InvalidRequest("'name' is missing. Send the name that answers shall carry.")
    gallery = galleries.get(db, gallery.name, lock="use")  # it may have been erased since it was looked up
    row = SpeakerRow(id=new_id("spk"), gallery_key=gallery.key, details={}, consent={}, version=1)
    _apply(row, fields)
    if (gone := speakers.opted_out(db, row)) is not None:
        raise SpeakerOptedOut(gone.id, gone.name)
    speakers.add(db, row)
    about(row.id)
    return serializers.speaker(speakers.with_sums(db, row), gallery)


def get(db: Handle, gallery: GalleryRow, speaker_id: str) -> Speaker:
    """Raises SpeakerNotFound."""
    return serializers.speaker(speakers.with_sums(db, speakers.get(db, gallery.key, speaker_id)), gallery)


def by_name_or_id(db: Handle, gallery: GalleryRow, text: str) -> SpeakerRow:
    """For people who type: an id, or a name that only one speaker has. Raises SpeakerNotFound, AmbiguousName."""
    if _LOOKS_LIKE_AN_ID.fullmatch(text.strip()):
        return speakers.get(db, gallery.key, text.strip())
    found = speakers.find(db, gallery.key, SpeakerFilter(name=text))
    if len(found) > 1:
        raise AmbiguousName(text, [row.id for row in found])
    if not found:
        raise SpeakerNotFound(text)
    about(found[0].id)
    return found[0]


def keys_of(db: Handle, gallery: GalleryRow, only: CandidateFilter) -> list[int] | None:
    """Of the only speakers who may be named; None for all. Raises SpeakerNotFound, AmbiguousName, InvalidTag."""
    if only == EVERYBODY:
        return None
    named = None if only.names is None else {by_name_or_id(db, gallery, one).key for one in only.names}
    if only.tags is None:
        return sorted(named or ())
    tagged = set(speakers.tagged(db, gallery.key, validation.tags(only.tags)))
    return sorted(tagged if named is None else tagged & named)


def find_or_create(db: Handle, gallery: GalleryRow, name: str) -> SpeakerRow:
    """The speaker of this name or id, created when there is none. Raises SpeakerNotFound for an unknown id."""
    found = known(db, gallery, name)
    if found is not None:
        return found
    made = create(db, gallery, SpeakerFields(name=name))
    return speakers.get(db, gallery.key, made.id)


def known(db: Handle, gallery: GalleryRow, name: str) -> SpeakerRow | None:
    """The speaker of this name or id, None where the name is new. Raises SpeakerNotFound for an unknown id.

    However many ask at once, one of them finds that it is new: the gallery is held meanwhile.
    """
    galleries.get(db, gallery.name, lock="change")
    try:
        return by_name_or_id(db, gallery, name)
    except SpeakerNotFound:
        if _LOOKS_LIKE_AN_ID.fullmatch(name.strip()):
            raise
        return None


def filtered(
    name: str | None = None, external_id: str | None = None, consent_expired: bool = False, tag: str | None = None
) -> SpeakerFilter:
    """As callers ask. Raises InvalidTag."""
    return SpeakerFilter(name, external_id, consent_expired, None if tag is None else validation.tags([tag])[0])


def page(
    db: Handle, gallery: GalleryRow, *, cursor: str | None = None, limit: int = 50, only: SpeakerFilter = ALL_SPEAKERS
) -> Page[Speaker]:
    """Oldest first. `next_cursor` is None on the last page. Raises InvalidRequest for another list's cursor."""
    limit = min(max(limit, 1), PAGE_LIMIT)
    found = speakers.page(db, gallery.key, after=validation.cursor(cursor, "spk"), limit=limit + 1, only=only)
    return serializers.page([serializers.speaker(sums, gallery) for sums in found], limit)


def update(
    db: Handle, gallery: GalleryRow, speaker_id: str, fields: SpeakerFields, if_match: str | None = None
) -> Speaker:
    """Raises SpeakerNotFound, InvalidRequest, ExternalIdTaken, PreconditionFailed."""
    row = speakers.get(db, gallery.key, speaker_id, lock=True)
    validation.unchanged(if_match, row.version)
    if voiceprints.is_unreadable(row):
        changes.record(db, gallery.key, row.key)  # it may be readable again
    with speakers.saving(db, row):
        _apply(row, fields)
        row.version += 1
    return serializers.speaker(speakers.with_sums(db, row), gallery)


def add_tags(db: Handle, row: SpeakerRow, tags: Iterable[str]) -> SpeakerRow:
    """To those that the speaker has. Raises InvalidTag."""
    before = speakers.tags(row)
    wanted = validation.tags([*before, *tags])
    if len(wanted) > len(before):
        speakers.put_tags(row, wanted)
        row.version += 1
        db.flush()
    return row


def delete(db: Handle, gallery: GalleryRow, speaker_id: str, if_match: str | None = None) -> None:
    """Erase a speaker: row, utterances, embeddings, audio, index entry. Raises SpeakerNotFound, PreconditionFailed."""
    row = speakers.get(db, gallery.key, speaker_id, lock=True)
    validation.unchanged(if_match, row.version)
    erase.speakers(db, gallery.key, repair.persons(db, gallery.key, row.id))
    repair.forget(db, gallery.key, utterances.ids(db, row), row)
    changes.record(db, gallery.key, row.key)
    access_log.forget(db, row.id)
    db.delete(row)
    db.flush()


def list_utterances(
    db: Handle, gallery: GalleryRow, speaker_id: str, *, cursor: str | None = None, limit: int = 50
) -> Page[Utterance]:
    """Oldest first. Raises SpeakerNotFound, InvalidRequest for another list's cursor."""
    row = speakers.get(db, gallery.key, speaker_id)
    limit = min(max(limit, 1), PAGE_LIMIT)
    found = utterances.of_speaker(db, row, after=validation.cursor(cursor, "utt"), limit=limit + 1)
    return serializers.page([serializers.utterance(one) for one in found], limit)


def delete_utterance(db: Handle, gallery: GalleryRow, speaker_id: str, utterance_id: str) -> Speaker:
    """Erase one enrollment utterance; the voiceprint is recomputed. Raises SpeakerNotFound, UtteranceNotFound."""
    galleries.get(db, gallery.name, lock="use")  # so that its way of combining stays what it is
    row = speakers.get(db, gallery.key, speaker_id, lock=True)
    db.delete(utterances.get(db, row, utterance_id))
    repair.forget(db, gallery.key, [utterance_id])
    refresh_voiceprints(db, gallery.key, [row])
    return serializers.speaker(speakers.with_sums(db, row), gallery)


def _apply(row: SpeakerRow, fields: SpeakerFields) -> None:
    if fields.name is not None:
        row.name = validation.name(fields.name)
    if fields.external_id is not None:
        row.external_id = validation.name(fields.external_id, "external_id")
    if fields.metadata is not None:
        row.details = validation.details(fields.metadata, "metadata")
    if fields.consent is not None:
        row.consent = validation.consent(fields.consent)
    if fields.tags is not None:
        speakers.put_tags(row, validation.tags(fields.tags))
