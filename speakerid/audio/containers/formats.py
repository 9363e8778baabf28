"""What FFmpeg may read for this package: containers and codecs of sound, each of which it reads whole.

Nothing here opens another file or an address: no playlists, no concatenations, no session descriptions.
"""

from __future__ import annotations

DEMUXERS = (
    *("wav", "w64", "aiff", "au", "caf", "voc", "nistsphere", "ircam", "sox", "pvf"),
    *("flac", "wv", "tta", "ape", "ogg", "matroska", "mov", "avi", "asf", "flv", "rm"),
    *("mp3", "aac", "loas", "ac3", "eac3", "dts", "amr", "qcp", "dss", "mpegts", "mpeg"),
)
LINEAR = (  # what a WAV file may hold that is read in the service's own process
    *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *("pcm_f16le", "pcm_f24le", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_alaw", "pcm_mulaw"),
)
DECODERS = (
    *LINEAR,
    *("pcm_s16le_planar", "pcm_s24le_planar", "pcm_s32le_planar", "pcm_bluray", "pcm_dvd", "s302m"),
    *("adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_yamaha", "adpcm_swf", "adpcm_ct"),
    *("g722", "g726", "g726le", "g723_1", "g729", "gsm", "gsm_ms", "ilbc", "speex", "truespeech", "nellymoser"),
    *("adpcm_sbpro_2", "adpcm_sbpro_3", "adpcm_sbpro_4", "real_144", "real_288", "cook", "sipr", "dss_sp"),
    *("amrnb", "amrwb", "qcelp", "evrc", "wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice"),
    *("mp1float", "mp1", "mp2float", "mp2", "mp3float", "mp3", "aac", "aac_latm", "ac3", "eac3", "dca"),
    *("opus", "libopus", "vorbis", "flac", "alac", "wavpack", "tta", "ape", "qdm2"),
)
# Frames after one another without a container: what lies between two of them is damage or a tag.
BARE = ("mp3", "aac", "loas", "ac3", "eac3", "dts")
FRAMED = ("mp", "aac", "ac3", "eac3", "dca")  # beginnings of codecs whose frames may lie bare in WAV, too
# Time runs on in them: a jump between two packets is audio that was lost.
UNINTERRUPTED = ("flac", "ogg", "asf", "mpegts")
# Between two of their packets lie a few bytes of theirs; more is damage, where time jumps or much is skipped.
CLOSE = ("matroska", "avi", "flv", "rm")
# Whose length is counted or known, never estimated from a bit rate.
EXACT = ("flac", "aiff", "caf", "au", "w64", "wv", "tta", "matroska,webm", "nistsphere")
SEND = "Send WAV, FLAC, MP3, M4A, Ogg or WebM audio"
