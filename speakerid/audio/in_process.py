"""Decode in this process: FFmpeg between sniffing the bytes and resampling what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.containers.header import ContainerHeader, read_header
from speakerid.audio.containers.sniff import ContainerFormat, sniff
from speakerid.audio.limits import Channel, DecodeLimits
from speakerid.audio.reader import AudioReader, checked
from speakerid.audio.resample import Collector
from speakerid.errors import MalformedAudio, NoSamples
from speakerid.types import FloatArray


@dataclass(frozen=True)
class Announced:
    channels: int
    seconds: float | None


def announced(data: ByteSource, limits: DecodeLimits) -> Announced:
    """Before anything is decoded. Raises AudioError."""
    with AudioReader(data, sniff(data)) as reader:
        limits.check_channels(reader.channels)
        limits.check_length(reader.declared_s or 0.0)
        return Announced(reader.channels, reader.declared_s)


def pieces(data: ByteSource, limits: DecodeLimits, channel: Channel | None) -> Iterator[FloatArray]:
    """(n, kept channels) each. Raises AudioError."""
    fmt = sniff(data)
    declared = read_header(data, fmt, limits)
    collector = Collector(limits, channel)
    with AudioReader(data, fmt) as reader:
        declared = _with_container_length(declared, reader, fmt)
        limits.check_channels(reader.channels)
        limits.check_length(declared.seconds or 0.0)
        for block in reader:
            collector.add(block.frames, block.rate_hz)
            yield from map(checked, collector.drain())
    if reader.packets == 0 or (collector.samples == 0 and not reader.bad_packets):
        raise NoSamples
    declared.check_found(collector.seconds)
    if collector.samples == 0:
        raise MalformedAudio("The file holds no audio that can be decoded. Export it again.")
    yield from map(checked, collector.finish())


def _with_container_length(declared: ContainerHeader, reader: AudioReader, fmt: ContainerFormat) -> ContainerHeader:
    """Only FFmpeg reads the length in a WebM header; `read_header` knows the others better."""
    return ContainerHeader(reader.declared_s) if fmt.container == "WebM" else declared
