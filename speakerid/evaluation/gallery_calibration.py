"""What calibrating on its own enrollment utterances brings a gallery, on probes that the calibration never saw.

    python -m speakerid.evaluation.gallery_calibration --speech ../shared/speech

Galleries are drawn at random from the speakers of LibriSpeech `train` and `dev`; of each enrolled speaker all pieces
but the last are enrolled and the last is a probe; all pieces of everybody else are strangers. Enrollment and probes are
heard alike: as recorded, in noise, or over the telephone. The trials of all galleries of one size are pooled. Beside
the default calibration and the gallery's own stands what fitting on the gallery alone would give, and in galleries that
are large enough what their own speakers as the cohort would.

Only galleries of people whom the encoder was not trained on are like a user's, but there are not enough of them for the
larger sizes: those mix both, among the enrolled and among the strangers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from speakerid.bootstrap import load_encoder, load_scorer
from speakerid.encoders.base import label
from speakerid.evaluation.development import Condition, noisy, telephone, unchanged
from speakerid.evaluation.pieces import Pieces, Speech
from speakerid.evaluation.trees import speaker_tree
from speakerid.index.exact import ExactIndex
from speakerid.scoring.adapt import adapt
from speakerid.scoring.curves import Flags, Floats, error_curve, labelled
from speakerid.scoring.decision import fmr_for_fpir
from speakerid.scoring.fit import fit
from speakerid.scoring.fit import trials as fit_trials
from speakerid.scoring.gallery_trials import Places, gallery_trials, voiceprints
from speakerid.scoring.intervals import Interval, share_of
from speakerid.scoring.metrics import cllr, min_cllr
from speakerid.scoring.own_cohort import MIN_SPEAKERS, OWN, OwnCohortScorer
from speakerid.scoring.quality import MEASURES
from speakerid.scoring.scorer import Scorer
from speakerid.scoring.sides import Keys, Side
from speakerid.settings import Settings
from speakerid.types import FloatArray

HEARD = (Condition("clean", unchanged), Condition("10 dB", noisy), Condition("telephone", telephone))
SIZES = (10, 50, 200)
UNTRAINED_SIZES = (10, 25)  # of 49 who have enough pieces, so that 24 strangers are left
TARGETS = (0.01, 0.1)
RESAMPLES = 200
LEAST_PIECES = 3  # two enrolled, one probe
HELD_OUT = 51  # the last speakers of `train`, on whom the bundled encoder was not trained


@dataclass(frozen=True)
class Gallery:
    """Sides and whose they are: enrolled utterances by their place 0 to n - 1, probes and strangers by any number."""

    enrolled: Side
    speaker: Places
    probes: Side  # one a speaker, in order
    strangers: Side
    stranger: Places


@dataclass(frozen=True)
class Searched:
    """Of one or many galleries: llrs of targets and of strangers, and by target rate who was missed or named."""

    targets: Floats
    nontargets: Floats
    missed: Flags  # (rates, probes)
    named: Flags  # (rates, strangers)


@dataclass(frozen=True)
class Row:
    """Rates are in the order of TARGETS, with 95 % intervals over resampled strangers or probes' speakers."""

    condition: str
    people: str  # "all", or only those whom the encoder was not "trained" on
    gallery: int
    calibration: str
    cllr: float
    min_cllr: float
    fpir: tuple[Interval, ...]
    fnir: tuple[Interval, ...]
    fpir_untrained: tuple[float, ...]  # of strangers whom the encoder was not trained on


def eligible(pieces: Pieces) -> Places:
    """Numbers of the speakers with enough pieces to be enrolled."""
    return np.flatnonzero(np.bincount(pieces.speaker, minlength=len(pieces.names)) >= LEAST_PIECES)


def draw(pieces: Pieces, size: int, rng: np.random.Generator) -> tuple[Gallery, Places]:
    """A gallery, and the numbers of its speakers."""
    chosen = rng.permutation(eligible(pieces))[:size]
    own = [np.flatnonzero(pieces.speaker == one) for one in chosen]
    others = np.flatnonzero(~np.isin(pieces.speaker, chosen))
    speaker = np.repeat(np.arange(size), [len(rows) - 1 for rows in own])
    gallery = Gallery(
        enrolled=replace(pieces.side[np.concatenate([rows[:-1] for rows in own])], keys=speaker),
        speaker=speaker,
        probes=pieces.side[np.array([rows[-1] for rows in own])],
        strangers=pieces.side[others],
        stranger=pieces.speaker[others],
    )
    return gallery, chosen


def search(scorer: Scorer, gallery: Gallery) -> Searched:
    """The decisions of `services.identify`, but that two close candidates are not `ambiguous`."""
    prints = voiceprints(gallery.enrolled, gallery.speaker)
    probed, strange = scorer.compare(gallery.probes, prints), scorer.compare(gallery.strangers, prints)
    places = np.arange(len(prints))
    missed, named = [], []
    for rate in TARGETS:
        fmr = fmr_for_fpir(rate, len(prints))
        reached = probed.llrs >= np.maximum(scorer.threshold_llrs(probed, fmr), 0.0)
        best = np.argmax(probed.llrs, axis=1)
        missed.append(~(reached[places, best] & (best == places)))
        named.append((strange.llrs >= np.maximum(scorer.threshold_llrs(strange, fmr), 0.0)).any(axis=1))
    return Searched(np.diag(probed.llrs), strange.llrs.ravel(), np.array(missed), np.array(named))


def default(scorer: Scorer, gallery: Gallery) -> Scorer:
    return scorer


def alone(scorer: Scorer, gallery: Gallery) -> Scorer:
    """Fitted as the default is, on nothing but the gallery and the score: what `adapted` is there to avoid."""
    found, base = gallery_trials(scorer, gallery.enrolled, gallery.speaker), scorer.calibration
    kinds = (
        fit_trials(scores, np.zeros((len(scores), len(MEASURES))))
        for scores in (found.scores[found.targets], found.scores[found.nontargets])
    )
    made = fit(*kinds, fitted_on="gallery", fingerprint=base.fingerprint, score=base.score, cohort=base.cohort)
    return Scorer(made, scorer.cohort)


def adapted(scorer: Scorer, gallery: Gallery) -> Scorer:
    """What `speakerid calibrate` does."""
    trials = gallery_trials(scorer, gallery.enrolled, gallery.speaker)
    return Scorer(adapt(scorer.calibration, trials, fitted_on="gallery"), scorer.cohort)


def own_cohort(scorer: Scorer, gallery: Gallery) -> Scorer:
    """What `speakerid calibrate --cohort gallery` does."""
    prints = voiceprints(gallery.enrolled, gallery.speaker)
    index = ExactIndex(prints.embeddings.shape[1])
    index.upsert(gallery.speaker[np.unique(gallery.speaker, return_index=True)[1]], prints.embeddings)

    def nearest(embeddings: FloatArray, k: int) -> tuple[Keys, FloatArray]:
        found = index.search(embeddings, k)
        return found.keys, found.scores

    own = OwnCohortScorer(calibration=replace(scorer.calibration, cohort=OWN), nearest=nearest)
    trials = gallery_trials(own, gallery.enrolled, gallery.speaker)
    return replace(own, calibration=adapt(own.calibration, trials, fitted_on="gallery"))


KINDS = {"default": default, "alone": alone, "gallery": adapted, "own cohort": own_cohort}


def measure(
    scorer: Scorer, pieces: Pieces, size: int, *, repeats: int, trained: Flags, condition: str, people: str
) -> list[Row]:
    """`trained` says of every speaker whether the encoder was trained on him."""
    rng = np.random.default_rng(size)
    drawn = [draw(pieces, size, rng) for _ in range(repeats)]
    probed = np.concatenate([chosen for _, chosen in drawn])
    strangers = np.concatenate([gallery.stranger for gallery, _ in drawn])
    rows = []
    for name, use in KINDS.items():
        if use is own_cohort and size < MIN_SPEAKERS:
            continue
        found = _pooled([search(use(scorer, one), one) for one, _ in drawn])
        llrs, same = labelled(found.targets, found.nontargets)
        untrained = ~trained[strangers]
        rows.append(
            Row(
                condition,
                people,
                size,
                name,
                cllr(llrs, same),
                min_cllr(error_curve(llrs, same)),
                fpir=tuple(share_of(hits, strangers, resamples=RESAMPLES) for hits in found.named),
                fnir=tuple(share_of(hits, probed, resamples=RESAMPLES) for hits in found.missed),
                fpir_untrained=tuple(float(hits[untrained].mean()) for hits in found.named),
            )
        )
    return rows


def _pooled(found: Sequence[Searched]) -> Searched:
    return Searched(
        np.concatenate([one.targets for one in found]),
        np.concatenate([one.nontargets for one in found]),
        np.concatenate([one.missed for one in found], axis=1),
        np.concatenate([one.named for one in found], axis=1),
    )


def table(rows: Sequence[Row]) -> str:
    lines = [
        "| heard | people | gallery | calibration | Cllr | minCllr | "
        + " | ".join(f"FPIR at {rate:g} | FNIR at {rate:g}" for rate in TARGETS)
        + " |",
        "|---|---|---|---|---|---|" + "---|---|" * len(TARGETS),
    ]
    for row in rows:
        rates = " | ".join(f"{_shown(fpir)} | {_shown(fnir)}" for fpir, fnir in zip(row.fpir, row.fnir, strict=True))
        what = f"| {row.condition} | {row.people} | {row.gallery} | {row.calibration}"
        lines.append(f"{what} | {row.cllr:.3f} | {row.min_cllr:.3f} | {rates} |")
    return "\n".join(lines)


def _shown(rate: Interval) -> str:
    return f"{rate.value:.4f} [{rate.low:.4f}, {rate.high:.4f}]"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure what calibrating on a gallery's own utterances brings.")
    parser.add_argument("--speech", type=Path, required=True, help="the folder above `librispeech`")
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--heard", choices=[one.name for one in HEARD], nargs="+", help="by default all")
    parser.add_argument("--repeats", type=int, default=20, help="galleries of each size")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    scorer = load_scorer(encoder, Settings(encoder=options.encoder))
    if scorer is None:
        parser.error(f"there is no calibration for {label(encoder)}")
    train, dev = (speaker_tree(options.speech / "librispeech" / part) for part in ("train", "dev"))
    speech = Speech(encoder, train | dev)
    trained = np.array([name in list(train)[:-HELD_OUT] for name in (train | dev)])
    rows = list[Row]()
    for condition in (one for one in HEARD if not options.heard or one.name in options.heard):
        everybody = speech.pieces(condition)
        if (most := len(eligible(everybody))) < max(options.sizes):
            parser.error(f"{most} speakers have {LEAST_PIECES} pieces; galleries cannot be larger")
        groups = {"untrained": (everybody.only(~trained), UNTRAINED_SIZES), "all": (everybody, options.sizes)}
        for people, (pieces, sizes) in groups.items():
            for size in sizes:
                about = {"condition": condition.name, "people": people}
                rows += measure(scorer, pieces, size, repeats=options.repeats, trained=trained, **about)
    if options.json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
        return 0
    sys.stdout.write(f"{label(encoder)}, {scorer.calibration.score}, {len(trained)} speakers, of whom the encoder was ")
    sys.stdout.write(f"trained on {trained.sum()}; {options.repeats} galleries of each size.\n\n{table(rows)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
