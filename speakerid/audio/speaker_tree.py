"""Speech on disk as a folder per speaker."""

from __future__ import annotations

from pathlib import Path

from speakerid.errors import FileMissing

AUDIO_SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".webm", ".m4a", ".mp4"}


def speaker_tree(root: Path) -> dict[str, list[Path]]:
    """Audio files by speaker, both sorted by name; files may lie in deeper folders. Raises FileMissing for none."""
    found = {
        folder.name: recordings(folder)
        for folder in (sorted(root.iterdir()) if root.is_dir() else [])
        if folder.is_dir()
    }
    tree = {name: files for name, files in found.items() if files}
    if not tree:
        raise FileMissing(
            f"{str(root)!r} has no sub-folder with audio files. Give a folder with one sub-folder per speaker."
        )
    return tree


def recordings(folder: Path) -> list[Path]:
    """Audio files in the folder and below it, sorted by name."""
    return sorted(file for file in folder.rglob("*") if _is_recording(file))


def _is_recording(file: Path) -> bool:
    return file.suffix.lower() in AUDIO_SUFFIXES and not file.name.startswith(".") and file.is_file()
