"""A report as rows for people, the same in HTML and Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from speakerid.evaluation.report.facts import Report

TITLES = {
    "eer": "EER, %",
    "min_dcf": "minDCF (p_target 0.01)",
    "min_dcf_p05": "minDCF (p_target 0.05)",
    "min_cllr": "minCllr, bits",
    "cllr": "Cllr, bits",
    "dcf": "DCF at the Bayes threshold (p_target 0.01)",
    "top_1": "top-1 accuracy, %",
    "top_5": "top-5 accuracy, %",
    "precision": "precision (macro), %",
    "recall": "recall (macro), %",
    "f1": "F1 (macro), %",
    "rank_1": "rank-1 accuracy of known probes, %",
}


@dataclass(frozen=True)
class Section:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(report: Report) -> list[Section]:
    content = report.to_json()
    found = [_recordings(content["diarization"])] if "diarization" in content else _tables(content)
    found += _confusions(content)
    if report.compared is not None:
        found.append(_comparison(report))
    return [*found, Section("What was measured", ("", ""), tuple(_about(report)))]


def _tables(content: dict[str, Any]) -> list[Section]:
    return [
        Section(title, ("figure", "value", "95 % interval"), tuple(_figures(content[name] if name else content)))
        for title, name in _parts(content)
    ]


def _recordings(content: dict[str, Any]) -> Section:
    columns = ("recording", "DER, %", "missed", "false alarm", "confusion", "IER, %", "speech, s")
    names = ("der", "missed", "false_alarm", "confusion", "ier")
    rows = tuple(
        (
            one["recording"],
            *("" if one[name] is None else f"{one[name]:.2f}" for name in names),
            f"{one['speech_s']:.1f}",
        )
        for one in (*content["recordings"], content["all"])
    )
    return Section("Diarization", columns, rows)


def _parts(content: dict[str, Any]) -> list[tuple[str, str]]:
    named = [name for name in ("gallery_search", "linear_head", "open_set") if name in content]
    return [(content[name]["protocol"], name) for name in named] or [(content["protocol"], "")]


def _figures(part: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    intervals = part.get("intervals", {})
    for name, value in part.items():
        if name == "accuracy":
            yield from _figures(value)
        elif name == "fnir_at":
            for one in value:
                yield f"FNIR at FPIR {one['fpir']:g}", _number(one["fnir"]), ""
        elif isinstance(value, bool | int | float):
            low, high = intervals.get(name, (None, None))
            shown = "" if low is None else f"{low:.4g} to {high:.4g}"
            yield TITLES.get(name, name.replace("_", " ")), _number(value), shown


def _confusions(content: dict[str, Any]) -> Iterator[Section]:
    for name in ("gallery_search", "linear_head"):
        pairs = content.get(name, {}).get("accuracy", {}).get("confusions", ())
        rows = tuple((one["spoken"], one["taken_for"], str(one["probes"])) for one in pairs)
        if rows:
            yield Section(f"Worst confusions: {name.replace('_', ' ')}", ("spoken by", "taken for", "probes"), rows)


def _comparison(report: Report) -> Section:
    assert report.compared is not None
    rows = tuple(
        (
            TITLES.get(name, name),
            _number(one.here),
            _number(one.there),
            f"{one.difference:+.4g}" + ("" if one.low is None else f" ({one.low:+.4g} to {one.high:+.4g})"),
        )
        for name, one in report.compared.figures.items()
    )
    other = f"{report.compared.other}: {report.compared.encoder or 'another tool'}, {report.compared.scoring}"
    return Section(f"Beside {other}", ("figure", "here", "there", "difference (95 % interval)"), rows)


def _about(report: Report) -> Iterator[tuple[str, str]]:
    listed = report.list
    yield "list", f"{listed.name}, {listed.trials:,} lines: {listed.recognized or 'no published list'}"
    yield "SHA-256 of the list", listed.sha256
    if report.encoder is not None:
        yield "encoder", report.encoder.name
        yield "fingerprint", report.encoder.fingerprint
        yield "trained on", ", ".join(report.encoder.trained_on) or "unknown"
    yield "scoring", report.scoring
    if (work := report.work) is not None:
        yield (
            "recordings",
            f"{work.recordings:,}, of which {work.embedded:,} were embedded now, by {work.workers} process(es)",
        )
        if work.audio_hours_per_s is not None:
            speed = f"{work.audio_hours:.2f} h of audio in {work.embedding_s:.1f} s: {work.audio_hours_per_s:.4f} h/s"
            yield "embedding", speed
        yield "time in all", f"{work.total_s:.1f} s"
    yield "software", ", ".join(f"{name} {version}" for name, version in report.software.items())
    yield "command", report.command
    yield "started", report.started_at


def _number(value: float | None) -> str:
    if value is None:
        return "too few trials to tell"
    return str(value) if isinstance(value, bool) else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
