"""The documented examples of tests/trino: each one right, or refused by name; none silently wrong."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

import tests.trino
from salespipe.local.athena.errors import QueryFailure, SyntaxFailure
from tests import athena
from tests.trino import Answer
from tests.trino.refused import REFUSED

OWN_WORDS = "is not supported by the local Athena"


def examples() -> Iterator[tuple[str, str, Answer]]:
    for found in pkgutil.iter_modules(tests.trino.__path__):
        module = importlib.import_module(f"tests.trino.{found.name}")
        for query, answer in getattr(module, "EXAMPLES", []):
            yield module.PAGE, query, answer


EXAMPLES = list(examples())


@cache
def outcome(query: str) -> tuple[str, Answer]:
    """What the local Athena makes of it: the kind (answered, failed, refused) and the answer or the words."""
    try:
        if not query.upper().startswith(("SELECT", "WITH ")):
            return "answered", athena.answer(query)
        return "answered", sorted(athena.rows(query), key=repr)
    except (QueryFailure, SyntaxFailure) as failure:
        return ("refused" if OWN_WORDS in str(failure) else "failed"), str(failure)


def judged(query: str, answer: Answer) -> str:
    """right, refused or wrong."""
    kind, found = outcome(query)
    if isinstance(answer, str) and answer.startswith("!") and kind != "answered":
        return "right" if str(found).startswith(answer[1:]) else kind
    if kind == "answered":
        return "right" if found == (sorted(answer, key=repr) if isinstance(answer, list) else answer) else "wrong"
    return "refused" if kind == "refused" else "wrong"


@pytest.mark.parametrize(("page", "query", "answer"), EXAMPLES, ids=[f"{page}-{query}" for page, query, _ in EXAMPLES])
def test_the_documented_answer_or_a_clear_no(page: str, query: str, answer: Answer) -> None:
    if query in REFUSED:
        kind, words = outcome(query)
        assert kind == "refused", f"https://trino.io/docs/current/{page}: no longer refused, but {words}"
        assert REFUSED[query] in str(words)
    else:
        assert judged(query, answer) == "right", f"https://trino.io/docs/current/{page}: {outcome(query)[1]}"


def test_none_is_silently_wrong_and_nearly_all_are_right() -> None:
    counted = Counter(judged(query, answer) for _, query, answer in EXAMPLES)
    assert counted["wrong"] == 0
    assert counted.total() >= 300
    assert counted["right"] >= 0.95 * counted.total(), counted


def test_what_is_listed_as_refused_is_among_the_examples() -> None:
    assert set(REFUSED) <= {query for _, query, _ in EXAMPLES}
