"""Fit the limits of the enrollment coach for an encoder, on speakers that it was not trained on.

    python -m speakerid.evaluation.coach --data ../shared/speech/librispeech/train --last 51 \
        --data ../shared/speech/librispeech/dev --single ../shared/speech/coffee

Utterances of these speakers, as they are, loud, through a duller microphone and in a room, are good enrollments: where
their llrs and levels end, the limits lie (`scoring.fit_coach`). Fit the calibration first, because llrs come from it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_encoder, load_fitted
from speakerid.encoders.base import Encoder, label
from speakerid.encoders.registry import FITTED
from speakerid.errors import CalibrationMissing
from speakerid.evaluation.conditions import mixed, overdriven
from speakerid.evaluation.good_takes import CLIPPED, SNR_DB, GoodTakes, Llr
from speakerid.evaluation.takes import Ears, Heard
from speakerid.evaluation.trees import recordings, speaker_tree
from speakerid.scoring import fit_coach
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.coach import Limit, Limits
from speakerid.scoring.cosine import voiceprint
from speakerid.scoring.fitted import Fitted
from speakerid.scoring.voices import Parts
from speakerid.types import FloatArray

SEED = 4
Tree = Mapping[str, Sequence[Path]]


def fit_limits(encoder: Encoder, calibration: Calibration, data: Tree, single: Sequence[Path]) -> Limits:
    """`data`: files by speaker, `single`: files of one voice each, whoever it is. Raises CalibrationMissing."""
    ears = Ears(encoder, Preparer(SileroVad()))
    good = GoodTakes(ears, ears.takes(data), SEED)
    alone = [heard for take in ears.single(single) if (heard := ears.hear(take))]
    llr = llr_by(calibration)
    model, voices_llr = fit_coach.voices([*good.one_voice(), *_parts(alone)], list(good.two_voices()))
    return Limits(
        snr_db=_noise(good, llr, [*good.heard(), *alone]),
        clipping_ratio=_clipping(good, llr, [*good.heard(), *alone]),
        match_llr=fit_coach.match_limit(good.llrs(llr)),
        voices=model,
        voices_llr=voices_llr,
    )


def llr_by(calibration: Calibration) -> Llr:
    def llr(one: Heard, others: Sequence[Heard]) -> float:
        enrolled = voiceprint(np.stack([other.embedding for other in others]))
        return calibration.compare(one.embedding[None, :], enrolled[None, :]).item()

    return llr


def _parts(heard: Sequence[Heard]) -> list[Parts]:
    return [one.parts for one in heard if one.parts]


def _noise(good: GoodTakes, llr: Llr, usual: Sequence[Heard]) -> Limit:
    """Levels are -SNR. White noise: any other does less harm at the same level."""
    random = np.random.default_rng(SEED)

    def noisy(samples: FloatArray, snr_db: float) -> FloatArray:
        return mixed(samples, random.standard_normal(len(samples)), snr_db)

    harmed = [(level, bad) for one, bad in good.damaged(noisy, SNR_DB, llr) for level in _noise_levels([one])]
    limit = fit_coach.damage_limit(*_columns(harmed), _noise_levels(usual), -SNR_DB[1], -SNR_DB[0])
    return Limit(-limit.refuse, -limit.warn)


def _noise_levels(heard: Sequence[Heard]) -> list[float]:
    return [-one.clean.speech.snr_db for one in heard if one.clean.speech.snr_db is not None]


def _clipping(good: GoodTakes, llr: Llr, usual: Sequence[Heard]) -> Limit:
    harmed = [(one.clean.speech.clipping_ratio, bad) for one, bad in good.damaged(overdriven, CLIPPED, llr)]
    return fit_coach.damage_limit(*_columns(harmed), [one.clean.speech.clipping_ratio for one in usual], *CLIPPED)


def _columns(rows: Sequence[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    return [level for level, _ in rows], [bad for _, bad in rows]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fit the limits of the enrollment coach for an encoder.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="a folder with one per speaker")
    parser.add_argument("--last", type=int, default=0, help="only the last N speakers of the first --data")
    parser.add_argument("--single", type=Path, help="a folder of recordings of one voice each")
    parser.add_argument("--encoder", default="bundled")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    calibration = load_fitted(encoder).calibration
    if calibration.is_generic:
        raise CalibrationMissing("Fit the encoder's calibration first: python -m speakerid.evaluation.calibrate.")
    first, *more = (list(speaker_tree(folder).items()) for folder in options.data)
    data = dict([*first[-options.last :], *chain.from_iterable(more)])
    single = recordings(options.single) if options.single else []
    fitted_on = f"{len(data)} speakers of {', '.join('/'.join(folder.parts[-2:]) for folder in options.data)}"
    if single:
        fitted_on += f", {len(single)} recordings of {options.single.name}"
    limits = fit_limits(encoder, calibration, data, single)
    out = FITTED / f"{encoder.name}.json"
    out.write_text(Fitted(calibration, limits).to_json(), encoding="utf-8")
    sys.stdout.write(f"{label(encoder)}: limits of the coach fitted on {fitted_on}, written to {out.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
