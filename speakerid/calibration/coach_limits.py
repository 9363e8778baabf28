"""Fit the limits of the enrollment coach on domains of good recordings: the worst domain decides.

Apart from the limits because serving must not load scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from speakerid.calibration.labeled_domain import ENROLLED, LabeledDomain, Reals, sides
from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.coach import CoachLimit, CoachLimits
from speakerid.scoring.cosine import cosine, voiceprint
from speakerid.scoring.multi_speaker_detector import MultiSpeakerModel, Parts, features, split
from speakerid.types import FloatArray

# Of good enrollments in the worst domain. Fewer are refused than a new domain may show: emotions, which are in no fit,
# lie further out than calls on another day.
MATCH_REFUSED, VOICES_REFUSED, WARNED = 0.001, 0.0005, 0.02
MIN_EXAMPLES = 30  # in a domain; fewer show nothing of the few that a limit is about
DRAWS = 4  # of each speaker's sessions: enrolled and new
CONVERSATIONS = 300  # of two speakers, made in each domain
SECOND_SPEAKER = (0.2, 0.5)  # of the whole
SEED = 4
# Weak L2: keeps the weights finite when one speaker and two separate perfectly.
INVERSE_REGULARIZATION = 100.0

Windows = tuple[FloatArray, float]  # (w, dim) of a recording, and its seconds of speech


def fit_limits(domains: Sequence[LabeledDomain], calibration: Calibration, most_windows: int) -> CoachLimits:
    """`most_windows` of one recording are embedded. Raises CalibrationMissing when a domain has too little."""
    llrs = [calibration.llr(_enough(domain, own_scores(domain))) for domain in domains]
    model, voices_llr = fit_multi_speaker(domains, most_windows)
    return CoachLimits(
        match_llr=CoachLimit(*(-max(_end(-one, share) for one in llrs) for share in (MATCH_REFUSED, WARNED))),
        voices=model,
        voices_llr=voices_llr,
    )


def own_scores(domain: LabeledDomain) -> Reals:
    """Utterances against one, two and three others of their speaker, of other sessions where there are any."""
    random, found = np.random.default_rng(SEED), list[float]()
    for speaker in np.tile(domain.names, DRAWS):
        enrolled, new = sides(domain, speaker, random)
        for count in range(1, min(ENROLLED, len(enrolled)) + 1) if len(new) else ():
            print_ = voiceprint(domain.embeddings[enrolled[:count]])
            found += cosine(domain.embeddings[new], print_[None])[:, 0].tolist()
    return np.array(found)


def fit_multi_speaker(domains: Sequence[LabeledDomain], most_windows: int) -> tuple[MultiSpeakerModel, CoachLimit]:
    """From recordings of one speaker and made ones of two."""
    one = [_enough(domain, _features(one_speaker(domain, most_windows))) for domain in domains]
    two = [_enough(domain, _features(two_speakers(domain, most_windows))) for domain in domains]
    kinds = [*one, *two]
    labels = np.repeat([0, 1], [sum(map(len, one)), sum(map(len, two))])
    weights = np.concatenate([np.full(len(kind), len(labels) / len(kinds) / len(kind)) for kind in kinds])
    fitted = LogisticRegression(C=INVERSE_REGULARIZATION, tol=1e-8)
    fitted.fit(np.concatenate(kinds), labels, sample_weight=weights)
    model = MultiSpeakerModel(float(fitted.intercept_[0]), *(float(weight) for weight in fitted.coef_[0]))
    llrs = [fitted.decision_function(kind) for kind in one]
    return model, CoachLimit(
        *(max(_normal_end(values, share) for values in llrs) for share in (VOICES_REFUSED, WARNED))
    )


def one_speaker(domain: LabeledDomain, most_windows: int) -> Iterator[Windows]:
    """Utterances, and several of one session joined."""
    random = np.random.default_rng(SEED)
    for group in _groups(domain):
        yield from ((domain.windows[at], float(domain.seconds[at])) for at in group)
        if len(group) > 1:
            yield _joined(domain, random.permutation(group)[: random.integers(2, 5)].tolist(), most_windows)


def two_speakers(domain: LabeledDomain, most_windows: int) -> Iterator[Windows]:
    """Speech of two people, the second one's a random share."""
    random, groups = np.random.default_rng(SEED), _groups(domain)
    for _ in range(CONVERSATIONS):
        first, second = (groups[at] for at in random.choice(len(groups), 2))
        if domain.speakers[first[0]] != domain.speakers[second[0]]:
            mine, theirs = (_joined(domain, group[:ENROLLED], len(domain.speakers)) for group in (first, second))
            yield _mixed(mine, theirs, float(random.uniform(*SECOND_SPEAKER)), most_windows)


def _groups(domain: LabeledDomain) -> list[list[int]]:
    """Utterances with windows by session, or by speaker where every utterance is a session of its own."""
    by = domain.sessions if len(np.unique(domain.sessions)) < len(domain.sessions) else domain.speakers
    at = np.array(sorted(domain.windows), np.intp)
    return [at[by[at] == one].tolist() for one in np.unique(by[at])]


def _joined(domain: LabeledDomain, utterances: Sequence[int], most: int) -> Windows:
    windows = np.concatenate([domain.windows[at] for at in utterances])
    return evenly(windows, most), float(domain.seconds[list(utterances)].sum())


def _mixed(mine: Windows, theirs: Windows, share: float, most: int) -> Windows:
    """As much of both as gives the second speaker this share."""
    total_s = min(mine[1] / (1.0 - share), theirs[1] / share)
    parts = [
        windows[: max(1, round(len(windows) * total_s * part / seconds_))]
        for (windows, seconds_), part in ((mine, 1.0 - share), (theirs, share))
    ]
    return evenly(np.concatenate(parts), most), total_s


def evenly(windows: FloatArray, most: int) -> FloatArray:
    kept: FloatArray = windows[np.linspace(0, len(windows) - 1, min(len(windows), most)).astype(int)]
    return kept


def _features(recordings: Iterable[Windows]) -> Reals:
    """(r, 2)"""
    parts: list[Parts] = [split(windows, seconds) for windows, seconds in recordings if len(windows) > 1]
    return np.array([features(one) for one in parts]).reshape(-1, 2)


def _end(values: Reals, share: float) -> float:
    """What a `share` of the values exceeds: by count or as normal, whichever is higher.

    A count alone knows nothing of the few beyond its last examples, and real tails are heavier than normal.
    """
    return max(float(np.quantile(values, 1.0 - share)), _normal_end(values, share))


def _normal_end(values: Reals, share: float) -> float:
    """The same by mean and deviation alone: one odd one of a few hundred, which may hold two speakers, is not it."""
    return float(norm.isf(share, values.mean(), values.std()))


def _enough(domain: LabeledDomain, values: Reals) -> Reals:
    if len(values) < MIN_EXAMPLES:
        raise CalibrationMissing(
            f"{domain.name!r} gives {len(values)} examples for the enrollment coach; {MIN_EXAMPLES} are needed. Give "
            "more speakers, and more recordings of at least three seconds of each."
        )
    return values
