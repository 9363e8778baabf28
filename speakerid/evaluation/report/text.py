"""A report as tables for people: rows for the terminal, one HTML page that needs no network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
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
    "below_threshold": "below the classifier's threshold, %",
    "audio_s": "audio, s",
    "took_s": "time to classify it, s",
    "rank_1": "rank-1 accuracy of known probes, %",
}
MOST_COLUMNS = 12  # of a confusion matrix as a table; larger ones are a picture, and in report.json
PROTOCOLS = ("gallery_search", "linear_head", "open_set", "classification")  # by their names in a report
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; margin-bottom: 1.5rem; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }
.stamp { background: #fff3cd; border-left: 4px solid #d39e00; padding: .6rem 1rem; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; } img { max-width: 100%; }
"""


@dataclass(frozen=True)
class Section:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(report: Report) -> list[Section]:
    content = report.to_json()
    found = [_recordings(content["diarization"])] if "diarization" in content else _tables(content)
    found += _confusions(content)
    if "classification" in content:
        found += _of_classification(content["classification"])
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
    named = [name for name in PROTOCOLS if name in content]
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
    for name in PROTOCOLS:
        pairs = content.get(name, {}).get("accuracy", {}).get("confusions", ())
        rows = tuple((one["spoken"], one["taken_for"], str(one["probes"])) for one in pairs)
        if rows:
            yield Section(f"Worst confusions: {name.replace('_', ' ')}", ("spoken", "taken for", "probes"), rows)


def _of_classification(part: dict[str, Any]) -> Iterator[Section]:
    columns = ("label", "recordings", "precision, %", "recall, %", "F1, %")
    yield Section("Labels", columns, tuple(_label(one) for one in part["by_label"]))
    if (spread := part["by_speaker"]) is not None:
        names = ("least", "lower_quartile", "median", "upper_quartile", "most")
        values = tuple(f"{spread[name]:.1f}" for name in names)
        yield Section(
            f"Accuracy of {spread['speakers']} speakers, %", tuple(name.replace("_", " ") for name in names), (values,)
        )
    if points := part["learning_curve"]:
        rows = tuple((str(one["speakers"]), f"{one['accuracy']:.1f}") for one in points)
        yield Section("Learning curve", ("speakers of each label", "accuracy, %"), rows)
    if len(names := part["names"]) <= MOST_COLUMNS:
        matrix = tuple((name, *map(str, row)) for name, row in zip(names, part["confusion_matrix"], strict=True))
        yield Section("Confusion matrix", ("spoken, taken for", *names), matrix)


def _label(one: dict[str, Any]) -> tuple[str, ...]:
    figures = ("" if one[name] is None else f"{one[name]:.1f}" for name in ("precision", "recall", "f1"))
    return (one["label"], f"{one['recordings']:,}", *figures)


def _about(report: Report) -> Iterator[tuple[str, str]]:
    listed = report.list
    yield "list", f"{listed.name}, {listed.trials:,} lines: {listed.recognized or 'no published list'}"
    yield "SHA-256 of the list", listed.sha256
    if report.encoder is not None:
        yield "encoder", report.encoder.name
        yield "fingerprint", report.encoder.fingerprint
        yield "trained on", ", ".join(report.encoder.trained_on) or "unknown"
    if (classifier := report.classifier) is not None:
        yield "classifier", f"{classifier.name}, {len(classifier.labels)} labels, on {classifier.backbone}"
        yield "fingerprint", classifier.fingerprint
        yield "trained on", classifier.trained_on or "unknown"
        yield "license", classifier.license
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


def html(report: Report, pictures: Mapping[str, str]) -> str:
    of = report.encoder or report.classifier or report.list
    title = escape(f"{report.protocol}: {of.name}")
    stamps = "".join(f'<p class="stamp">{escape(one)}</p>' for one in report.stamps)
    drawn = "".join(_figure(name, svg) for name, svg in pictures.items())
    tables = [_table(one) for one in sections(report)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>"
        f'<body><h1>{title}</h1>{stamps}{"".join(tables[:-1])}<div class="pictures">{drawn}</div>{tables[-1]}</body>'
        "</html>\n"
    )


def _figure(name: str, svg: str) -> str:
    source = "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()
    return f'<figure><figcaption>{escape(name)}</figcaption><img alt="{escape(name)}" src="{source}"></figure>'


def _table(section: Section) -> str:
    head = _cells("th", section.columns) if any(section.columns) else ""
    body = "".join(_cells("td", row) for row in section.rows)
    return f"<h2>{escape(section.title)}</h2><table>{head}{body}</table>"


def _cells(kind: str, values: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{kind}>{escape(value)}</{kind}>" for value in values) + "</tr>"
