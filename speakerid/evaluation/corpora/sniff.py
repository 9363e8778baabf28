"""What a path that the user names holds."""

from __future__ import annotations

from pathlib import Path

from speakerid.evaluation.corpora.corpus import Corpus
from speakerid.evaluation.corpora.folders import read_folder
from speakerid.evaluation.corpora.kaldi import is_kaldi, read_kaldi
from speakerid.evaluation.corpora.manifests import read_csv, read_nemo


def open_corpus(root: Path) -> Corpus:
    """A folder, a Kaldi directory, a JSONL manifest or a CSV file. Raises RecordingsError, BadEntry."""
    if root.is_file():
        return read_csv(root) if root.suffix.lower() == ".csv" else read_nemo(root)
    return read_kaldi(root) if is_kaldi(root) else read_folder(root)
