"""How many enrollments gone wrong does the coach notice, and how many good ones does it refuse?

    python -m speakerid.evaluation.planted --speech ../shared/speech

1,000 faults are planted and as many good utterances sent, through the very services that the API uses. The speakers
are halved: calibration and limits are fitted on one half, faults and good utterances are made from the other, then the
halves change places. So nothing that is judged was fitted on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, cycle, islice, repeat
from pathlib import Path

import numpy as np

from speakerid.audio.files import read_file
from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import build_engine, load_encoder
from speakerid.encoders.base import Encoder, label
from speakerid.evaluation.calibrate import development_trials, fit_default
from speakerid.evaluation.coach import fit_limits
from speakerid.evaluation.faults import FAULTS, GOOD, Cast, Planter
from speakerid.evaluation.planted_report import Judged, summary, table
from speakerid.evaluation.stage import Stage
from speakerid.evaluation.takes import Ears, Take
from speakerid.evaluation.trees import recordings, speaker_tree
from speakerid.scoring.fitted import Fitted
from speakerid.services.engine import Engine
from speakerid.settings import Settings

SEED = 11
HELD_OUT = 51  # last speakers of librispeech/train: the bundled encoder was not trained on them
BYSTANDERS = 200  # its first speakers, whom the bundled encoder was trained on: enrolled, never judged
JUDGED_ENROLLED = 10  # voices of the judged half in either gallery; the large one has the bystanders too
MOST_UTTERANCES = 3  # enrolled of one voice; some are left to send
SINGLES = 300  # files of coffee, halved too
ATTEMPTS = 500  # faults in either half, and as many good utterances


@dataclass(frozen=True)
class Half:
    data: dict[str, list[Path]]  # files by speaker
    single: list[Path]  # one voice each, nobody knows whose


class Corpus:
    """The folder of `--speech`."""

    def __init__(self, root: Path) -> None:
        train, dev = speaker_tree(root / "librispeech" / "train"), speaker_tree(root / "librispeech" / "dev")
        known = dict(sorted([*list(train.items())[-HELD_OUT:], *dev.items()]))
        single = recordings(root / "coffee")[:SINGLES]
        self.halves = tuple(Half(dict(list(known.items())[half::2]), single[half::2]) for half in (0, 1))
        self.bystanders = dict(list(train.items())[:BYSTANDERS])
        sounds = recordings(root / "noise")
        self.rooms = [file for file in sounds if file.stem.startswith("rir")]
        self.noises = [file for file in sounds if file not in self.rooms]


def judge(encoder: Encoder, corpus: Corpus, fitted: Half, judged: Half) -> Iterator[Judged]:
    """Fit on one half, plant in the other."""
    preparer = Preparer(SileroVad())
    ears = Ears(encoder, preparer)
    rooms, noises = ([preparer.decode(read_file(file)) for file in files] for files in (corpus.rooms, corpus.noises))
    takes, bystanders = ears.takes(judged.data), ears.takes(corpus.bystanders)
    single = ears.single(judged.single)
    with _fitted_engine(encoder, fitted) as engine:
        sys.stdout.write(f"fitted on {len(fitted.data)} speakers: {summary(engine.limits)}\n")
        for number, others in enumerate(([], bystanders)):
            stage, random = Stage(engine, f"gallery-{number}"), np.random.default_rng(SEED + number)
            enrolled, spare, new = _chosen(takes, random)
            stage.enroll([*enrolled, *others])
            cast = Cast(tuple({take.voice: None for take in enrolled}), spare, new, single, rooms, noises)
            planter, half = Planter(cast, SEED + number), ATTEMPTS // 2
            for kind in chain(repeat(GOOD, half), islice(cycle(FAULTS), half)):
                attempt = planter.attempt(kind)
                yield Judged(attempt, stage.answer(attempt))


def _chosen(takes: Sequence[Take], random: np.random.Generator) -> tuple[list[Take], list[Take], list[Take]]:
    """Takes to enroll, others of the same voices, and those of all other voices."""
    mine: defaultdict[str, list[Take]] = defaultdict(list)
    for at in random.permutation(len(takes)):
        mine[takes[at].voice].append(takes[at])
    several = sorted(voice for voice, own in mine.items() if len(own) > 1)
    voices = [several[at] for at in random.permutation(len(several))[:JUDGED_ENROLLED]]
    enrolled, spare = list[Take](), list[Take]()
    for voice in voices:
        count = int(random.integers(1, min(MOST_UTTERANCES, len(mine[voice]) - 1) + 1))
        enrolled += mine[voice][:count]
        spare += mine[voice][count:]
    return enrolled, spare, [take for take in takes if take.voice not in voices]


@contextmanager
def _fitted_engine(encoder: Encoder, half: Half) -> Iterator[Engine]:
    """As `calibrate` and `coach` would fit it, on this half alone."""
    with tempfile.TemporaryDirectory() as folder:
        domains = (f"{len(half.data)} speakers",)
        trials = development_trials(encoder, half.data)
        calibration = fit_default(trials, domains=domains, fingerprint=encoder.fingerprint)
        limits = fit_limits(encoder, calibration, half.data, half.single)
        file = Path(folder) / "fitted" / "half.json"
        file.parent.mkdir()
        file.write_text(Fitted(calibration, limits).to_json(), encoding="utf-8")
        engine = build_engine(Settings(store=f"{folder}/voices.db", models=Path(folder)), encoder=encoder)
        try:
            yield engine
        finally:
            engine.close()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Plant faults in enrollments and count what the coach notices.")
    parser.add_argument("--speech", type=Path, required=True, help="a folder with librispeech, coffee and noise")
    parser.add_argument("--encoder", default="bundled")
    options = parser.parse_args(arguments)
    encoder, corpus = load_encoder(options.encoder), Corpus(options.speech)
    first, second = corpus.halves
    found = [*judge(encoder, corpus, first, second), *judge(encoder, corpus, second, first)]
    sys.stdout.write(f"{label(encoder)}\n\n{table(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
