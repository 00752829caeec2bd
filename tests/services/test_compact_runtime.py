"""Compaction on the embedded runtime: what people see is the same before, meanwhile and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salespipe.services import compact as service
from salespipe.services.compact import CompactResult, compact
from salespipe.services.crawl import crawl
from tests.services import lakes

if TYPE_CHECKING:
    from tests.embedded import Embedded


def test_thousands_of_objects_become_a_few(runtime: Embedded) -> None:
    p = runtime.pipeline()
    lakes.stand(p)
    lakes.fill(p, objects=20, events=400)
    before = lakes.facts(p)
    plan = service.plan(p)
    assert (len(plan.hours), plan.objects, len(plan.batches)) == (3, 60, 1)
    result = list(compact(p, plan))[-1]
    assert isinstance(result, CompactResult)
    assert (result.hours, result.objects, result.rows, result.new_objects, result.left) == (3, 60, 400, 3, 0)
    assert lakes.facts(p) == before
    assert lakes.keys(p, "orders/") == lakes.keys(p, "compacting/run.json") == lakes.keys(p, "compacting/lock") == []
    assert service.plan(p).hours == {}
    list(crawl(p, wait=False))
    assert lakes.facts(p) == before
