"""What was lost of a stream, from its packets alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest

from speakerid.audio.losses import Losses

TICK_S = 0.001
RATE_HZ = 16_000


@dataclass(frozen=True)
class FakePacket:
    """20 ms in 100 bytes."""

    pts: int | None
    pos: int | None
    size: int = 100
    duration: int = 20


def watched(container: str, *packets: FakePacket | None, codec: str = "opus", data: bytes = b"\1" * 9_000) -> float:
    """Seconds lost; None stands for a packet that cannot be decoded."""
    losses = Losses(container, codec, data, TICK_S)
    for packet in packets:
        if packet is None:
            losses.bad(FakePacket(None, None))
        else:
            losses.good(packet, RATE_HZ // 50, RATE_HZ)
    return losses.seconds()


@pytest.mark.parametrize("container", ["mp3", "flac", "mov", "avi", "asf", "mpegts"])
def test_of_packets_in_a_row_nothing_is_lost(container: str) -> None:
    assert watched(container, *(FakePacket(20 * nth, 100 * nth) for nth in range(5))) == 0.0


@pytest.mark.parametrize("container", ["flac", "asf", "mpegts"])
def test_a_jump_is_lost_where_time_runs_on(container: str) -> None:
    assert watched(container, FakePacket(0, 0), FakePacket(520, 100)) == pytest.approx(0.5)


def test_a_pause_of_a_recorder_is_none() -> None:
    assert watched("mov", FakePacket(0, 0), FakePacket(520, 100)) == 0.0
    assert watched("matroska,webm", FakePacket(0, 0), FakePacket(520, 130), data=b"\1" * 230) == 0.0


def test_a_jump_over_bytes_is_lost() -> None:
    assert watched("flv", FakePacket(0, 0), FakePacket(520, 2_000)) == pytest.approx(0.5)


def test_bytes_between_bare_frames_are_lost() -> None:
    assert watched("mp3", FakePacket(0, 0), FakePacket(20, 600)) == pytest.approx(0.1)
    assert watched("wav", FakePacket(0, 0), FakePacket(20, 600), codec="mp3float") == pytest.approx(0.1)


def test_a_tag_between_bare_frames_is_not() -> None:
    data = b"\1" * 100 + b"ID3" + b"\1" * 9_000
    assert watched("mp3", FakePacket(0, 0), FakePacket(20, 600), data=data) == 0.0


def test_packets_that_fail_are_lost_by_their_length() -> None:
    assert watched("mov", FakePacket(0, 0), None, None, FakePacket(20, 100)) == pytest.approx(0.04)


def test_another_clock_is_no_loss() -> None:
    assert watched("mpegts", FakePacket(0, 0), FakePacket(1_000_000, 100)) == 0.0


def test_packets_that_fail_before_the_first_good_one_are_lost() -> None:
    losses = Losses("mov,mp4", "aac", b"\1" * 9_000, TICK_S)
    for nth in range(30):
        losses.bad(FakePacket(20 * nth, 100 * nth))
    losses.good(FakePacket(600, 3_000), RATE_HZ // 50, RATE_HZ)
    assert losses.seconds() == pytest.approx(0.6)


def test_what_follows_an_end_that_damage_made_is_lost() -> None:
    assert watched("voc", FakePacket(None, 0), data=b"\1" * 5_100 + bytes(2_000)) == pytest.approx(1.0)
    assert watched("voc", FakePacket(None, 0), data=b"\1" * 100 + bytes(9_000)) == 0.0


def test_noise_inside_a_file_is_none_of_its_audio() -> None:
    data = struct.pack(">4sII", b".RMF", 12, 0) + struct.pack(">4sI", b"DATA", 10_000) + b"\1" * 2_000_000
    found = watched("rm", FakePacket(0, 20), None, FakePacket(40, 1_900_020), data=data)
    assert found <= 10_012 / 100 * 0.02
