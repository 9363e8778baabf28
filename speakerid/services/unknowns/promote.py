"""Make a kept unknown speaker a known one, enrolled from their hearings; past recordings name them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, HearingRow, SpeakerRow, UnknownVoiceRow, UtteranceRow
from speakerid.db.repositories import speakers, unknowns, utterances
from speakerid.db.repositories.unknowns import Occurrence
from speakerid.db.types import is_sound
from speakerid.errors import DataDamaged, InvalidRequest, SpeakerOptedOut, UtteranceElsewhere
from speakerid.names import quoted
from speakerid.services import coach, galleries, serializers
from speakerid.services import speakers as making
from speakerid.services.engine import Engine
from speakerid.services.enroll import NOTHING, utterance_row
from speakerid.services.judge import comparable, require_same_encoder
from speakerid.services.neighbors import Neighbors
from speakerid.services.probe import Probe
from speakerid.services.speakers import SpeakerFields
from speakerid.services.unknowns.keep import different
from speakerid.types import EnrollmentRefusal, Promotion, Review


def look_up(engine: Engine, gallery: GalleryRow, unknown_id: str) -> Neighbors:
    """Who sounds alike: to be known before the transaction begins.

    Raises UnknownVoiceNotFound, EncoderMismatch, DataDamaged.
    """
    with engine.read() as db:
        row = unknowns.get(db, gallery.key, unknown_id)
    if not is_sound(row.voiceprint):
        raise DataDamaged(f"unknown voice {unknown_id}")
    comparable(engine, gallery)  # first: where all of it is another encoder's, that is what to say
    require_same_encoder(engine, gallery, row)
    return coach.near(engine, gallery, row.voiceprint)


def by_name_or_id(db: Handle, gallery: GalleryRow, text: str, new: SpeakerFields) -> SpeakerFields | str:
    """For people who type: the id of the speaker of this name or id, or the `new` one where there is none.

    Raises SpeakerNotFound for an unknown id, AmbiguousName, and InvalidRequest where an
    existing speaker is described anew.
    """
    known = making.known(db, gallery, text)
    if known is None:
        return new
    if new != SpeakerFields(name=new.name):
        raise InvalidRequest(
            f"Speaker {quoted(known.name)} ({known.id}) exists already. Send nothing that describes a new speaker."
        )
    return known.id


def promote(
    engine: Engine,
    db: Handle,
    gallery_name: str,
    unknown_id: str,
    into: SpeakerFields | str,
    near: Neighbors,
    accepted: frozenset[EnrollmentRefusal] = NOTHING,
) -> Promotion:
    """`into` a new speaker, or the existing one with this id. Refusals of the coach that are `accepted` are kept.

    The coach judges the hearings as one: what they have in common. Raises GalleryNotFound,
    UnknownVoiceNotFound, SpeakerNotFound, SpeakerOptedOut, InvalidRequest, ExternalIdTaken, EnrollmentRefused,
    UtteranceElsewhere, EncoderMismatch, DataDamaged.
    """
    gallery = galleries.to_enroll(engine, db, gallery_name)
    unknown = unknowns.get(db, gallery.key, unknown_id, lock=True)
    require_same_encoder(engine, gallery, unknown)
    speaker_id = into if isinstance(into, str) else making.create(db, gallery, into).id
    speaker = speakers.get(db, gallery.key, speaker_id, lock=True)
    if speaker.opted_out_at is not None:
        raise SpeakerOptedOut(speaker.id, speaker.name)
    hearings = [one for one in unknowns.hearings(db, unknown) if is_sound(one.row.embedding, len(unknown.voiceprint))]
    if not hearings:
        raise DataDamaged(f"unknown voice {unknown_id}")
    review = _reviewed(engine, db, gallery, speaker, unknown, hearings, near)
    coach.refuse(db, speaker, review, accepted)
    made = [_enroll(engine, db, gallery, speaker, one, hearings, review) for one in different(hearings)]
    db.delete(unknown)
    galleries.refresh_voiceprints(db, gallery.key, [speaker])
    return Promotion(
        speaker=serializers.speaker(speakers.with_sums(db, speaker), gallery),
        utterances=tuple(serializers.utterance(one) for one in dict.fromkeys(made)),
        recordings=tuple(dict.fromkeys(one.recording.id for one in hearings)),
        cohesion=review.cohesion,
        similar_speaker=review.similar_speaker,
        warnings=review.warnings,
    )


def _reviewed(
    engine: Engine,
    db: Handle,
    gallery: GalleryRow,
    speaker: SpeakerRow,
    unknown: UnknownVoiceRow,
    hearings: Sequence[Occurrence],
    near: Neighbors,
) -> Review:
    speech = coach.together([one.row for one in different(hearings)])
    whole = Probe(sha256="", speech=speech, embedding=unknown.voiceprint, needed_s=0.0, audio=b"", near=near)
    return coach.review(engine, db, gallery, speaker, whole)


def _enroll(
    engine: Engine,
    db: Handle,
    gallery: GalleryRow,
    speaker: SpeakerRow,
    longest: Occurrence,
    hearings: Sequence[Occurrence],
    review: Review,
) -> UtteranceRow:
    """One utterance of the `longest` hearing in a recording, which all hearings in the same bytes belong to then."""
    row = utterance_row(engine, gallery, speaker, _probe(longest.row), review)
    known = utterances.same_bytes(db, gallery.key, row.sha256)
    if known is not None and known[1].id != speaker.id:
        raise UtteranceElsewhere(known[1].id, known[1].name)
    if known is None:
        utterances.add(db, row)
    utterance = row if known is None else known[0]
    unknowns.hand_over([one.row for one in hearings if one.bytes == longest.bytes], utterance)
    db.flush()
    return utterance


def _probe(hearing: HearingRow) -> Probe:
    """Of its bytes nothing was kept: the digest is the embedding's."""
    assert hearing.embedding is not None
    sha256 = hashlib.sha256(hearing.embedding.tobytes()).hexdigest()
    return Probe(sha256, coach.together([hearing]), hearing.embedding, needed_s=0.0, audio=b"")
