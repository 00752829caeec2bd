"""Input templates and the paths in them.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.local.workers.event_path import PathError, as_text, find, parse_path
from salespipe.local.workers.input_template import PipeVariables, TemplateError, compile_template

VARIABLES = PipeVariables("arn:pipe", "p", "arn:source", "arn:target")
EVENT = {"a": {"b": ["x", {"c": 1}], "odd name": True}, "text": 'say "hi"\n', "none": None}
RAW = json.dumps(EVENT, separators=(",", ":")).encode()


def fill(template: str) -> str:
    return compile_template(template, VARIABLES)(RAW, EVENT, 1_700_000_000.5).decode()


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ('{"x": "<$.a.b[0]>"}', '{"x": "x"}'),
        ("<$.a.b[1]>", '{"c":1}'),
        ("<$.a.b[1].c>", "1"),
        ("<$.a['odd name']>", "true"),
        ("<$.none>", "null"),
        ('"<$.missing>"', '""'),
        ('"<$.text>"', '"say \\"hi\\"\\n"'),
        ("<aws.pipes.pipe-name> <aws.pipes.pipe-arn>", "p arn:pipe"),
        ("<aws.pipes.source-arn> <aws.pipes.target-arn>", "arn:source arn:target"),
        ("<aws.pipes.enrichment-arn>", ""),
        ("<aws.pipes.event.ingestion-time>", "2023-11-14T22:13:20.500Z"),
        ("<aws.pipes.event.json>", RAW.decode()),
        ("1 < 2 and <b>", "1 < 2 and <b>"),
    ],
)
def test_filling(template: str, text: str) -> None:
    assert fill(template) == text


def test_the_event_as_text_is_escaped() -> None:
    assert json.loads('"' + fill("<aws.pipes.event>") + '"') == RAW.decode()


@pytest.mark.parametrize("template", ["<aws.pipes.nonsense>", "<$..>", "<$.a[x]>"])
def test_unknown_placeholders_are_refused(template: str) -> None:
    with pytest.raises(TemplateError, match="Invalid json path reference or predefined variable for placeholder"):
        compile_template(template, VARIABLES)


@pytest.mark.parametrize("path", ["", "a.b", "$x", "$.", "$.a..b", "$.a["])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(PathError):
        parse_path(path)


@pytest.mark.parametrize("path", ["$.missing", "$.a.b[7]", "$.a.b.c", "$.text.more", "$.text[0].x"])
def test_paths_that_lead_nowhere(path: str) -> None:
    with pytest.raises(PathError, match="nothing at"):
        find(EVENT, parse_path(path))


@given(st.lists(st.one_of(st.integers(0, 9), st.text("abc-_ ", min_size=1)), max_size=5))
def test_a_path_reads_back(steps: list[str | int]) -> None:
    assert parse_path(as_text(tuple(steps))) == tuple(steps)


@given(st.text())
def test_text_from_the_event_is_always_valid_within_quotes(text: str) -> None:
    filled = compile_template('{"x":"<$.t>"}', VARIABLES)(b"{}", {"t": text}, 0.0)
    assert json.loads(filled) == {"x": text}
