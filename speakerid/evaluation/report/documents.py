"""The report as one HTML page that needs no network, and as Markdown."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from speakerid.evaluation.report.facts import Report
from speakerid.evaluation.report.lines import Section, sections

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; margin-bottom: 1.5rem; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }
.stamp { background: #fff3cd; border-left: 4px solid #d39e00; padding: .6rem 1rem; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; } img { max-width: 100%; }
"""


def html(report: Report, pictures: Mapping[str, str]) -> str:
    title = escape(f"{report.protocol}: {report.encoder.name if report.encoder else report.list.name}")
    stamps = "".join(f'<p class="stamp">{escape(one)}</p>' for one in report.stamps)
    drawn = "".join(_figure(name, svg) for name, svg in pictures.items())
    tables = [_table(one) for one in sections(report)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>"
        f'<body><h1>{title}</h1>{stamps}{"".join(tables[:-1])}<div class="pictures">{drawn}</div>{tables[-1]}</body>'
        "</html>\n"
    )


def markdown(report: Report) -> str:
    head = [f"# {report.protocol}: {report.encoder.name if report.encoder else report.list.name}"]
    stamps = [f"> {_plain(one)}" for one in report.stamps]
    return "\n\n".join([*head, *stamps, *(_markdown_table(one) for one in sections(report))]) + "\n"


def _figure(name: str, svg: str) -> str:
    source = "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()
    return f'<figure><figcaption>{escape(name)}</figcaption><img alt="{escape(name)}" src="{source}"></figure>'


def _table(section: Section) -> str:
    head = _cells("th", section.columns) if any(section.columns) else ""
    body = "".join(_cells("td", row) for row in section.rows)
    return f"<h2>{escape(section.title)}</h2><table>{head}{body}</table>"


def _cells(kind: str, values: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{kind}>{escape(value)}</{kind}>" for value in values) + "</tr>"


def _markdown_table(section: Section) -> str:
    lines: list[Sequence[str]] = [section.columns, ["---"] * len(section.columns), *section.rows]
    rows = ("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)
    return f"## {_plain(section.title)}\n\n" + "\n".join(rows)


def _plain(text: str) -> str:
    """File names may hold what Markdown reads as markup."""
    return escape(text, quote=False).replace("|", "\\|").replace("`", "\\`").replace("\n", " ")
