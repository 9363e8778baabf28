"""How many people speak in a recording, as far as the caller knows."""

from __future__ import annotations

from dataclasses import dataclass

from speakerid.diarization.clustering import Count
from speakerid.errors import InvalidRequest

MOST = 1000


@dataclass(frozen=True)
class SpeakerCount:
    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None

    def checked(self) -> Count:
        """Raises InvalidRequest."""
        for name, number in vars(self).items():
            if number is not None and not 1 <= number <= MOST:
                raise InvalidRequest(f"'{name}' is 1 to {MOST}. Leave it out if it is not known.")
        if self.speakers is not None:
            if self.min_speakers is not None or self.max_speakers is not None:
                raise InvalidRequest("Send either 'speakers', or 'min_speakers' and 'max_speakers'.")
            return Count(self.speakers, self.speakers)
        least = self.min_speakers or 1
        if self.max_speakers is not None and self.max_speakers < least:
            raise InvalidRequest(f"'min_speakers', {least}, is more than 'max_speakers', {self.max_speakers}.")
        return Count(least, self.max_speakers)


ANY = SpeakerCount()
