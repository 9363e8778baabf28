"""What is fitted for an encoder: on the sample voices, by the same code as what ships."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from speakerid import samples
from speakerid.audio.files import speaker_tree
from speakerid.bootstrap import load_encoder, load_fitted
from speakerid.calibration.domains import Domain, Progress, embed_domain, own_domains
from speakerid.calibration.encoder_calibration import Calibrated, calibrate, read, report
from speakerid.encoders.concatenated import ConcatenatedEncoder, Part
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import CalibrationMissing, FileMissing

VOICES = Path(samples.__file__).parent / "voices"


def quiet(title: str) -> Progress:
    return lambda done, total: None


def fitted(domains: list[Domain]) -> list[Calibrated]:
    return calibrate(read([FakeEncoder()], domains, quiet))


@pytest.fixture(scope="module")
def voices() -> Domain:
    (domain,) = own_domains([VOICES])
    return domain


def test_what_was_fitted_and_what_it_covers_is_json(voices: Domain) -> None:
    made = json.loads(json.dumps(fitted([voices])[0].to_json()))
    assert made["calibration"]["fingerprint"] == FakeEncoder().fingerprint
    assert made["calibration"]["domains"] == ["voices"]
    assert made["calibration"]["slope"] > 0.0
    assert made["limits"]["voices"]["score"] < 0.0
    (covered,) = made["domains"]
    assert (covered["domain"], covered["speakers"] + covered["one_person_twice"]) == ("voices", 7)
    assert covered["utterances"] == 5 * covered["speakers"]


def test_an_encoder_of_parts_is_fitted_on_what_it_would_embed(voices: Domain) -> None:
    """Parts run once and are put together; the whole encoder would give the same."""
    pair = ConcatenatedEncoder("pair", (Part(FakeEncoder(16), 0.8), Part(FakeEncoder(24), 0.6)))
    few = Domain("few", voices.takes[:6])
    embedded = embed_domain(few, [pair, pair.parts[1].encoder], lambda done, total: None)
    assert [one.embeddings.shape for one in embedded.labeled] == [(6, 40), (6, 24)]
    assert (embedded.too_short, embedded.unreadable) == (0, 0)

    class Whole:
        """Hides that it has parts."""

        fingerprint, embed = pair.fingerprint, staticmethod(pair.embed)

    (whole,) = embed_domain(few, [Whole()], lambda done, total: None).labeled  # type: ignore[list-item]  # enough of one
    assert whole.embeddings == pytest.approx(embedded.labeled[0].embeddings, abs=1e-6)
    assert whole.windows.keys() == embedded.labeled[0].windows.keys()
    for at, windows in whole.windows.items():
        assert windows == pytest.approx(embedded.labeled[0].windows[at], abs=1e-6)


def test_what_cannot_be_read_is_counted_and_left_out(tmp_path: Path) -> None:
    for name, voice in samples.voices().items():
        (tmp_path / name).mkdir()
        for number, file in enumerate((*voice.enroll, *voice.probes)):
            (tmp_path / name / f"{number}.opus").symlink_to(file)
        (tmp_path / name / "broken.wav").write_bytes(b"RIFF and no more")
    (made,) = fitted(own_domains([tmp_path]))
    (covered,) = made.covered
    assert (covered.speakers + covered.one_person_twice, covered.unreadable) == (7, 7)
    assert made.left_out == ()


@pytest.mark.parametrize("speakers", [1, 5])
def test_too_few_speakers_are_named_with_what_is_needed(voices: Domain, speakers: int) -> None:
    kept = voices.speakers[:speakers]
    few = Domain("few", tuple(take for take in voices.takes if take.speaker in kept))
    with pytest.raises(CalibrationMissing, match=rf"'few' has {speakers} speakers .* 6 are needed"):
        fitted([few])


def test_speech_without_speech_is_named(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "1.flac").symlink_to(samples.silence())
    with pytest.raises(CalibrationMissing, match="No recording in"):
        fitted(own_domains([tmp_path]))


def test_three_domains_are_judged_by_each_other(voices: Domain) -> None:
    domains = [Domain(name, voices.takes) for name in ("a", "b", "c")] + [Domain("only", voices.takes, test_only=True)]
    (made,) = fitted(domains)
    assert made.fitted.calibration.domains == ("a", "b", "c")
    assert sorted(one.domain for one in made.left_out) == ["a", "b", "c", "only"]
    named = [one.strangers_named for one in made.left_out]
    assert named == sorted(named, reverse=True)
    text = "\n".join(report(made))
    assert "| only (judged only) |" in text
    assert text.count("\n| a |") == 2


@pytest.mark.parametrize("name", ["bundled", "fake"])
def test_shipped_encoders_have_a_fit_of_their_own(name: str) -> None:
    encoder = load_encoder(name)
    fitted = load_fitted(encoder)
    assert fitted.calibration.fingerprint == encoder.fingerprint
    assert not fitted.calibration.is_generic
    assert fitted.limits.voices is not None
    assert fitted.limits.voices.score < 0.0
    assert fitted.limits.match_llr.refuse < fitted.limits.match_llr.warn
    assert fitted.limits.voices_llr.refuse > fitted.limits.voices_llr.warn


def test_a_tree_needs_speakers(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="sub-folder"):
        speaker_tree(tmp_path)
