"""What clients send by mistake where the bytes of an audio file are wanted, and the sentence that helps."""

from __future__ import annotations

import re

HEAD_BYTES = 1024  # of a body, to know it by
_TO_DO = "Send the bytes of one audio file, raw or as the part 'file' of a form."
_URLENCODED = "application/x-www-form-urlencoded"
_TEXT = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"  # samples without a header may begin like JSON, and go on otherwise
# Asked once the decoder has refused the body: the first that fits is named.
_MISTAKES: tuple[tuple[str, str], ...] = (
    (r"\[object \w+\]", "The body is the word that scripts make of a File, Blob or FormData. Pass the object itself."),
    (
        rf"\s*(\{{\s*[\"}}]|\[\s*[\[{{\"\d-]){_TEXT}",
        f"The body is JSON, and base64 in JSON is not decoded here. {_TO_DO}",
    ),
    (r"data:[^,]{0,200},", f"The body is a data URL. Decode what is behind its comma. {_TO_DO}"),
    (r"https?://\S+\s*$", f"The body is an address; only recordings are fetched, as JSON with a url. {_TO_DO}"),
    (r"@?[^\x00-\x1f]{1,250}\.(wav|mp3|m4a|mp4|ogg|opus|webm|flac|aac)\s*$", f"The body is a file's name. {_TO_DO}"),
    (r"--[^\r\n]{1,70}\r?\ncontent-", "The body is a form, and its Content-Type is not. Let your client write it."),
    (r"RIFF.{0,4}\xef\xbf\xbd", f"The bytes were read as text on their way here, which damages them. {_TO_DO}"),
    (r"[A-Za-z0-9+/_=\r\n-]{64,}$", f"The body is base64 text. Decode it. {_TO_DO}"),
)
_PATTERNS = tuple((re.compile(look.encode("latin-1"), re.DOTALL | re.IGNORECASE), say) for look, say in _MISTAKES)
_FIELD = re.compile(rb"[\w.\[\]%-]{0,64}=")
FORM_OF_TEXT = f"The body is a form of texts ({_URLENCODED}). With curl send the file by --data-binary @FILE."
LINE_BREAKS = " If it came by curl -d: that removes line breaks, --data-binary @FILE does not."


def mistake(head: bytes, declared: str) -> str | None:
    """A sentence where a raw body of the `declared` type, which begins with `head`, is something else than audio."""
    found = next((say for pattern, say in _PATTERNS if pattern.match(head)), None)
    if found is None and is_urlencoded(declared) and _FIELD.match(head):
        return FORM_OF_TEXT
    return found


def is_urlencoded(declared: str) -> bool:
    """What curl -d and HTML forms declare by themselves."""
    return declared.lower().startswith(_URLENCODED)
