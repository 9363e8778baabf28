"""The recipe of the overlap detector: how many speak, learned from made conversations.

    python -m speakerid.training.recipes.overlap --data ../shared/speech --work DIR --out speakerid/audio/overlap.onnx

`--data` holds librispeech/train/SPEAKER/*.flac, coffee/, words/ and noise/. `--work` keeps the checkpoint: the same
command goes on where a killed one stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from speakerid.audio.vad import SileroVad
from speakerid.training.augment import Augmenter, AugmentOptions
from speakerid.training.console import say
from speakerid.training.corpora import READ_ALOUD
from speakerid.training.data import Source, list_unlabeled, load_all
from speakerid.training.overlap.learn import Learner, LearnOptions, Lessons, export, judge
from speakerid.training.overlap.mixtures import Mixer, Utterance, utterance
from speakerid.training.recipes.bundled import noises, rooms

MIN_S = 0.5
JUDGED, JUDGED_SEED = 320, 3  # made conversations of held-out speakers
# Voices in the background would be a second speaker, and each speaker has a room of his own already.
AUGMENT = AugmentOptions(babble=0.0, room=0.0, gate=0.05, gaps=0.0, narrow=0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=LearnOptions.steps)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make the conversations")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    known = READ_ALOUD.split(options.data)
    unlabeled = [source for name in ("coffee", "words") for source in list_unlabeled(options.data / name, name)]
    made, recorded = rooms(options.data / "noise"), noises(options.data / "noise")
    augment = Augmenter([], recorded, AUGMENT)
    schedule = LearnOptions(steps=options.steps)
    learner = Learner(options.work, schedule)
    learner.run(Lessons(Mixer(_utterances([*known.train, *unlabeled]), made), augment, schedule), say, options.workers)
    network = learner.averaged()
    held_out = Mixer(_utterances(known.held_out), made).batch(JUDGED, np.random.default_rng(JUDGED_SEED))
    say(judge(network, held_out, augment))
    export(network, options.out)


def _utterances(sources: list[Source] | tuple[Source, ...]) -> list[Utterance]:
    vad = SileroVad()
    items, left_out = load_all(sources, MIN_S, skip_bad=True)
    if left_out:
        say("left out:\n  " + "\n  ".join(left_out))
    return [one for _, samples in items if (one := utterance(samples, vad)) is not None]


if __name__ == "__main__":
    main()
