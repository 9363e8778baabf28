"""A speaker who wants to be recognized nowhere any more: their voice is erased, and who they are is kept, so that they
are not enrolled again by mistake."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow
from speakerid.db.repositories import changes, galleries, speakers
from speakerid.db.types import is_sound, now
from speakerid.scoring.calibration import OwnStrangers
from speakerid.services import serializers
from speakerid.services.engine import Engine
from speakerid.services.speakers import delete
from speakerid.services.unknowns import keep
from speakerid.types import Speaker


def opt_out(
    engine: Engine, db: Handle, gallery: GalleryRow, speaker_id: str, own: OwnStrangers | None = None
) -> Speaker:
    """Erase the speaker; a row with their id, name and external id stays. Erasing that too lifts it.

    Kept unknown voices that are theirs go too. `own`: how strangers score in the gallery. Raises SpeakerNotFound.
    """
    # As it is now, and held: a recording that ends now keeps its unknown voices before this, or after.
    gallery = galleries.hold(db, gallery.key) or gallery
    before = speakers.get(db, gallery.key, speaker_id, lock=True)
    if is_sound(before.voiceprint, engine.encoder.dim) and before.voiceprint is not None:
        keep.forget_like(engine, db, gallery, before.voiceprint, own)
    left = SpeakerRow(
        id=before.id,
        gallery_key=gallery.key,
        name=before.name,
        external_id=before.external_id,
        details={},
        consent={},
        opted_out_at=before.opted_out_at or now(),
        created_at=before.created_at,
        version=before.version + 1,
    )
    delete(db, gallery, speaker_id)  # with all that hangs on it
    speakers.add(db, left)
    changes.record(db, gallery.key, left.key)
    return serializers.speaker(speakers.with_sums(db, left), gallery)
