from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from speakerid.training.augment import Augmenter, AugmentOptions, gate
from speakerid.training.rooms import make_room
from tests.training.made_up import speak

SECONDS = 1.5
QUIET = AugmentOptions(
    intact=0, room=0, noise=0, equalizer=0, low_pass=0, narrow=0, high_pass=0, coded=0, gate=0, gaps=0, clip=0, floor=0
)


@pytest.fixture
def clean() -> Tensor:
    return torch.from_numpy(np.stack([speak(100 + 20 * i, SECONDS, i) for i in range(6)]))


def augment(clean: Tensor, seed: int = 0, **shares: float | tuple[float, float]) -> Tensor:
    options = AugmentOptions(**{**vars(QUIET), **shares})
    random = np.random.default_rng(0)
    rooms = [make_room(random) for _ in range(3)]
    return Augmenter(rooms, [speak(60, 2.0)], options)(clean.clone(), np.random.default_rng(seed))


def share_above(wave: Tensor, hz: float) -> float:
    power = torch.fft.rfft(wave).abs().square()
    first = int(hz / 8000 * power.shape[1])
    return float(power[:, first:].sum() / power.sum())


def test_nothing_chosen_takes_only_dc_and_rumble(clean: Tensor) -> None:
    rumble = 0.1 * torch.sin(2 * torch.pi * 4 * torch.arange(clean.shape[1]) / 16_000)
    out = augment(clean + 0.1 + rumble)
    assert out.abs().amax(dim=1) == pytest.approx(1.0)
    assert functional.cosine_similarity(out, clean).min() > 0.998  # 100 Hz, the lowest pitch, loses 0.1 dB


def test_a_codec_keeps_the_speech_and_not_its_samples(clean: Tensor) -> None:
    out = augment(clean, coded=1.0)
    assert out.shape == clean.shape
    spectra = [torch.stft(wave, 512, window=torch.hann_window(512), return_complex=True).abs() for wave in (out, clean)]
    alike = functional.cosine_similarity(spectra[0].flatten(1), spectra[1].flatten(1))
    assert alike.min() > 0.5
    assert functional.cosine_similarity(out, clean).min() < 0.9


@pytest.mark.parametrize("samples", [24_000, 32_000, 16_001])
def test_everything_at_once_keeps_shape_and_stays_finite(samples: int) -> None:
    clean = torch.from_numpy(np.stack([speak(100 + 20 * i, samples / 16_000, i)[:samples] for i in range(8)]))
    everything: dict[str, Any] = {name: 1.0 for name in vars(QUIET) if isinstance(vars(QUIET)[name], int)}
    everything["intact"] = 0.0
    out = augment(clean, **everything)
    assert out.shape == clean.shape
    assert out.dtype == torch.float32
    assert bool(torch.isfinite(out).all())


def test_digital_silence_in_gives_finite_out() -> None:
    out = augment(torch.zeros(2, 16_000), room=1.0, noise=1.0, narrow=1.0, clip=1.0)
    assert bool(torch.isfinite(out).all())


def test_the_same_seed_gives_the_same_sound(clean: Tensor) -> None:
    shares = {"room": 0.5, "noise": 0.5, "narrow": 0.5, "gate": 0.5}
    assert torch.equal(augment(clean, 3, **shares), augment(clean, 3, **shares))
    assert not torch.equal(augment(clean, 3, **shares), augment(clean, 4, **shares))


@pytest.mark.parametrize("babble", [0.0, 1.0])
def test_noise_has_the_drawn_level(clean: Tensor, babble: float) -> None:
    out = augment(clean, noise=1.0, snr_db=(10.0, 10.0), babble=babble)
    for before, after in zip(clean, out, strict=True):
        gain = (before @ after) / (before @ before)  # noise is nearly orthogonal to the speech
        noise = after - gain * before
        snr_db = 10 * torch.log10((gain * before).square().mean() / noise.square().mean())
        assert 8.5 < float(snr_db) < 13.5  # its small overlap with the speech counts as speech


def test_the_telephone_leaves_nothing_above_4_khz(clean: Tensor) -> None:
    noisy = clean + 0.02 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    assert share_above(noisy, 4100) > 1e-3
    assert share_above(augment(noisy, narrow=1.0, mu_law=1.0), 4100) < 1e-9


def test_mu_law_leaves_its_quantization_noise(clean: Tensor) -> None:
    narrow, coded = augment(clean, narrow=1.0, mu_law=0.0), augment(clean, narrow=1.0, mu_law=1.0)
    error_db = 10 * torch.log10((narrow - coded).square().mean() / narrow.square().mean())
    assert -45 < float(error_db) < -25  # G.711 has about 38 dB signal to noise at full level, less below


def test_a_room_makes_sound_last(clean: Tensor) -> None:
    click = torch.zeros(4, 16_000)
    click[:, 1000] = 1.0
    out = augment(click, room=1.0)
    assert bool((out[:, 1100:4000].abs().amax(dim=1) > 1e-3).all())


@pytest.mark.parametrize(
    ("shares", "expected"),
    [({"gaps": 1.0}, lambda out: bool(((out == 0).float().mean(dim=1) > 0.02).all())),
     ({"clip": 1.0}, lambda out: bool(((out.abs() >= 0.999).float().mean(dim=1) > 0.002).all())),
     ({"floor": 1.0}, lambda out: bool((out != 0).all()))],
)  # fmt: skip
def test_damage_is_what_it_says(clean: Tensor, shares: dict[str, Any], expected: Callable[[Tensor], bool]) -> None:
    clean[:, :4000] = 0.0
    assert expected(augment(clean, **shares))


def test_a_gate_zeroes_pauses_and_keeps_speech(clean: Tensor) -> None:
    clean[:, 8000:16_000] *= 1e-3
    out = gate(clean, torch.full((6, 1), 30.0))
    assert bool((out[:, 9600:14_400] == 0).all())  # two 20 ms frames of hangover on either side
    assert torch.equal(out[:, :8000], clean[:, :8000])


def test_intact_rows_are_the_clean_ones(clean: Tensor) -> None:
    assert torch.equal(augment(clean, intact=1.0, noise=1.0, room=1.0, narrow=1.0), clean)
