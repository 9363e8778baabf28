from __future__ import annotations

from pathlib import Path

from benchmarks.speech_domains import speech_domains


def test_the_shared_speech_is_labeled(speech_root: Path) -> None:
    found = {one.name: one for one in speech_domains(speech_root)}
    assert {name for name, one in found.items() if one.test_only} == {"emotion_pl", "fsdd", "librispeech-dev"}
    calls = found["calls"]
    assert len(calls.speakers) == 49
    assert all(len({file.name.split("_")[0] for file in take.files}) == 1 for take in calls.takes)
    assert {len(take.files) for take in found["commands_ar"].takes} <= {1, 2, 3}
    assert {len(take.files) for take in found["fsdd"].takes} == {5}
    assert {take.session for take in found["emotion_pl"].takes} == {
        "anger", "fear", "happiness", "neutral", "sadness", "surprised",
    }  # fmt: skip
