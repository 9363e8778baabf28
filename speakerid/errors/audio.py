"""The bytes or samples cannot be used as audio."""

from __future__ import annotations

from speakerid.errors.base import SpeakeridError


class AudioError(SpeakeridError, code="audio_error"): ...


class EmptyAudio(AudioError, code="empty_audio"):
    def __init__(self) -> None:
        super().__init__("The audio is empty (0 bytes). Send the bytes of one audio file.")


class UnsupportedAudio(AudioError, code="unsupported_audio"): ...


class MalformedAudio(AudioError, code="malformed_audio"): ...


class TruncatedAudio(AudioError, code="truncated_audio"):
    def __init__(self, found_s: float | None = None, declared_s: float | None = None) -> None:
        what = "The file ends in the middle of its audio"
        if found_s is not None and declared_s is not None:
            what = f"The file announces {declared_s:.2f} s of audio but holds only {found_s:.2f} s"
        super().__init__(f"{what}. Send the whole file again.")


class NoSamples(AudioError, code="no_samples"):
    def __init__(self) -> None:
        super().__init__("The file has an audio header but no samples. Record again and send the whole file.")


class InvalidSamples(AudioError, code="invalid_samples"):
    def __init__(self) -> None:
        super().__init__("The audio holds samples that are not numbers (NaN or infinite). Export it again.")


class TooManyChannels(AudioError, code="too_many_channels"):
    def __init__(self, found: int, limit: int) -> None:
        super().__init__(f"The audio has {found} channels; at most {limit} are accepted. Mix it down first.")


class NoSuchChannel(AudioError, code="no_such_channel"):
    def __init__(self, wanted: int, found: int) -> None:
        super().__init__(f"Channel {wanted} was asked for, but the audio has channels 0 to {found - 1}.")


class AudioTooLong(AudioError, code="audio_too_long"):
    def __init__(self, limit: str) -> None:
        super().__init__(f"The audio decodes to more than {limit}. Cut it into shorter pieces.")


class FileTooLarge(AudioError, code="file_too_large"):
    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The file or body is larger than {limit_bytes} bytes. Send a shorter or a compressed file.")


class DecodingTooCostly(AudioError, code="decoding_too_costly"):
    def __init__(self) -> None:
        super().__init__("Decoding takes far more computing than audio of this size needs. Export it as WAV or FLAC.")


class DecodingNeedsMemory(AudioError, code="decoding_needs_memory"):
    def __init__(self) -> None:
        super().__init__("Decoding takes far more memory than audio of this size needs. Export it as WAV or FLAC.")


class DecoderKilled(DecodingNeedsMemory, code="decoder_killed"):
    """From outside: by a system that has no memory left, as a rule."""

    def __init__(self) -> None:
        SpeakeridError.__init__(
            self,
            "The process that decoded it was killed, as the system does when memory is short. Send it again; if that "
            "comes back, give the machine more memory, or export the file as WAV or FLAC.",
        )


class DecoderCrashed(AudioError, code="decoder_crashed"):
    def __init__(self) -> None:
        super().__init__("The decoder failed on this file. Export it as WAV or FLAC.")


class DecoderUnavailable(SpeakeridError, code="decoder_unavailable"):
    """The service's own fault: it cannot start the process that decodes."""

    def __init__(self) -> None:
        super().__init__("No process can be started to decode in. Check the limits on processes and memory.")


class ClientGone(SpeakeridError, code="client_gone"):
    def __init__(self) -> None:
        super().__init__("The connection was closed before the answer. Send the request again.")
