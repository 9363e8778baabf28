"""A gallery that moves: its file, which cannot be written or taken in, and its way to another encoder."""

from __future__ import annotations

from collections.abc import Sequence

from speakerid.errors.base import InvalidRequest, SpeakeridError
from speakerid.errors.store import Conflict, NotFound
from speakerid.names import quoted


class GalleryFileError(SpeakeridError, code="gallery_file_error"): ...


class GalleryFileExists(GalleryFileError, code="gallery_file_exists"):
    def __init__(self, path: str) -> None:
        super().__init__(f"{path} exists already, and an export never overwrites. Choose another name.")


class GalleryFileUnwritable(GalleryFileError, code="gallery_file_unwritable"): ...


class GalleryFileDamaged(GalleryFileError, code="gallery_file_damaged"):
    """No such file, a part of one, or one that somebody changed."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The gallery's file cannot be used: {why}. Nothing was imported. Export the gallery again, and carry the "
            "file over whole."
        )


class GalleryFileNewer(GalleryFileError, code="gallery_file_newer"):
    def __init__(self, version: int, known: int) -> None:
        super().__init__(
            f"The gallery's file has version {version} of its format, and this program knows {known}. Install the "
            "version of speakerid that wrote it, or a newer one."
        )


class GalleryFileOtherEncoder(GalleryFileError, code="gallery_file_other_encoder"):
    def __init__(self, made_with: str, running: str, *, audio: bool) -> None:
        again = (
            "or make new ones of the audio that the file carries (--reembed; over HTTP the parameter reembed)"
            if audio
            else "or enroll the recordings again, which the file does not carry ('galleries export --audio' does, of "
            "galleries that keep audio)"
        )
        super().__init__(
            f"The file's voices were enrolled with encoder {made_with}, but {running} is running. Their embeddings "
            f"cannot be compared. Import with --encoder {made_with.split('@')[0]} (or SPEAKERID_ENCODER), {again}."
        )


class GalleryTaken(GalleryFileError, code="gallery_taken"):
    def __init__(self, gallery: str) -> None:
        super().__init__(
            f"A gallery {quoted(gallery)} exists already, and it is not empty. Import under another name (--name; over "
            "HTTP the parameter name); an import never mixes with what is there."
        )


IDS_SHOWN = 10


class SameEncoder(Conflict, code="same_encoder"):
    def __init__(self, encoder: str, served: Sequence[str]) -> None:
        others = [one for one in served if one != encoder]
        other = (
            f"To move it to another, name it: {', '.join(others)}."
            if others
            else "To move it to another, start with that one (--encoder or SPEAKERID_ENCODER), or list it in "
            "SPEAKERID_OTHER_ENCODERS."
        )
        super().__init__(f"The gallery's embeddings are of {encoder} already, and nothing was begun. {other}")


class EncoderNotServed(InvalidRequest, code="encoder_not_served"):
    def __init__(self, encoder: str, served: Sequence[str]) -> None:
        super().__init__(
            f"There is no encoder {quoted(encoder)} here, only {', '.join(served)}. Whoever runs the server lists "
            "others in SPEAKERID_OTHER_ENCODERS."
        )


class AudioNotKept(Conflict, code="audio_not_kept"):
    def __init__(self, without: int, utterances: int) -> None:
        super().__init__(
            f"The gallery has no audio of {without} of its {utterances} utterances, and without audio no embedding of "
            "another encoder can be made. Nothing was changed. Switch keep_audio on and enroll the same files again, "
            "or delete these utterances, or make a new gallery."
        )


class AudioUnusable(Conflict, code="audio_unusable"):
    def __init__(self, utterances: Sequence[str]) -> None:
        shown = ", ".join(utterances[:IDS_SHOWN]) + (", …" if len(utterances) > IDS_SHOWN else "")
        super().__init__(
            f"The kept audio of {len(utterances)} utterances cannot be decoded or has too little speech for the "
            f"encoder: {shown}. The gallery was not changed. Delete these utterances and begin anew."
        )


class ReembeddingNotFound(NotFound, code="reembedding_not_found"):
    def __init__(self) -> None:
        super().__init__(
            "This gallery was never on its way to another encoder. 'speakerid reembed' begins it, over HTTP a POST to "
            "the same address."
        )


class ReembeddingRunning(Conflict, code="reembedding_running"):
    def __init__(self, encoder: str) -> None:
        super().__init__(
            f"The gallery is on its way to encoder {encoder}. Wait until it is done, or cancel it ('speakerid reembed "
            "--cancel')."
        )


class ReembeddingEnded(Conflict, code="reembedding_ended"):
    def __init__(self, state: str) -> None:
        super().__init__(f"There is nothing to cancel: the last move to another encoder is {state}. Begin a new one.")


class ReembeddingAbandoned(Conflict, code="reembedding_abandoned"):
    """It was begun several times. `why`: what this machine lacked at last; None where whoever worked on it was gone."""

    def __init__(self, why: str | None = None) -> None:
        at_last = (
            "At last the process that worked on it ended. Look at the server's log, and begin anew."
            if why is None
            else f"At last the machine could not work on it: {why} Begin anew when that is mended."
        )
        super().__init__(
            f"It was begun several times before an utterance was done, and the gallery was not changed. {at_last}"
        )


class ReembeddingFailed(Conflict, code="reembedding_failed"):
    def __init__(self) -> None:
        super().__init__(
            "The server failed at it, and the gallery was not changed. Its log has the cause under this job's id; "
            "begin anew when that is mended."
        )
