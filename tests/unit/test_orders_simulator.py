from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from salespipe.orders import Operation, Order
from salespipe.orders.catalogue import CATALOGUE
from salespipe.orders.simulator import SEEDED_UNTIL, WEEKS, simulate

MANY = 40_000


@pytest.fixture(scope="module")
def operations() -> list[Operation]:
    return list(islice(simulate(7), MANY))


@pytest.fixture(scope="module")
def placed(operations: list[Operation]) -> list[Order]:
    return [operation.order for operation in operations if operation.kind == "insert"]


def test_the_same_seed_gives_the_same_operations_ids_included() -> None:
    assert list(islice(simulate(7), 3_000)) == list(islice(simulate(7), 3_000))


def test_no_id_is_ever_used_again_by_any_run() -> None:
    runs = [simulate(7), simulate(-7), simulate(0), simulate(None), simulate(None)]
    ids = [o.order.orderid for run in runs for o in islice(run, 3_000) if o.kind == "insert"]

    assert len(ids) == len(set(ids))


def test_every_operation_changes_a_living_order(operations: list[Operation]) -> None:
    living: dict[str, Order] = {}
    for kind, order in ((operation.kind, operation.order) for operation in operations):
        if kind == "insert":
            assert order.orderid not in living
            living[order.orderid] = order
        elif kind == "update":
            before = living[order.orderid]
            assert order != before
            assert order.updated_at > before.updated_at
            assert (order.customer_id, order.product_name, order.ordered_at) == (
                before.customer_id,
                before.product_name,
                before.ordered_at,
            )
            living[order.orderid] = order
        else:
            assert living.pop(order.orderid) == order


def test_a_thousand_operations_have_all_three_kinds() -> None:
    for seed in range(20):
        kinds = Counter(operation.kind for operation in islice(simulate(seed), 1_000))
        assert min(kinds["insert"], kinds["update"]) > 300
        assert kinds["delete"] > 0


def test_orders_live_as_real_ones_do(operations: list[Operation]) -> None:
    steps = set()
    status: dict[str, str] = {}
    for operation in operations:
        key = operation.order.orderid
        after = "deleted" if operation.kind == "delete" else operation.order.status
        if status.get(key) != after:
            steps.add((status.get(key), after))
        status[key] = after

    assert steps == {
        (None, "placed"),
        ("placed", "paid"),
        ("placed", "cancelled"),
        ("placed", "deleted"),
        ("paid", "shipped"),
        ("paid", "cancelled"),
        ("shipped", "delivered"),
        ("delivered", "returned"),
        ("delivered", "deleted"),
        ("cancelled", "deleted"),
        ("returned", "deleted"),
    }
    ends = Counter(status.values())
    assert ends["delivered"] / len(status) > 0.5
    assert 0.01 < ends["cancelled"] / len(status) < 0.15
    assert 0.01 < ends["returned"] / len(status) < 0.1


def test_prices_belong_to_products_and_the_money_is_exact(operations: list[Operation]) -> None:
    prices = {product.name: (product.category, product.price) for product in CATALOGUE}

    assert len(prices) == len(CATALOGUE) >= 25
    for operation in operations:
        order = operation.order
        assert (order.category, order.price) == prices[order.product_name]
        assert order.amount == order.price * order.quantity
        assert order.quantity >= 1


def test_few_products_make_most_sales_and_customers_come_back(placed: list[Order]) -> None:
    products = Counter(order.product_name for order in placed).most_common()
    customers = Counter(order.customer_id for order in placed)

    assert sum(count for _, count in products[: len(CATALOGUE) // 5]) > 0.5 * len(placed)
    assert 2 < len(placed) / len(customers) < 4  # CDNOW: 2.96
    assert 0.2 < sum(count > 1 for count in customers.values()) / len(customers) < 0.8
    assert 15 < customers.most_common(1)[0][1] < len(placed) / 50
    assert len({(order.customer_id, order.region) for order in placed}) == len(customers)
    assert Counter(order.quantity for order in placed)[1] > 0.5 * len(placed)


def test_orders_keep_shop_hours_over_the_eight_weeks(placed: list[Order]) -> None:
    first, last = min(o.ordered_at for o in placed), max(o.ordered_at for o in placed)
    hours = Counter(order.ordered_at.hour for order in placed)
    days = Counter(order.ordered_at.weekday() for order in placed)

    assert SEEDED_UNTIL - timedelta(weeks=WEEKS) <= first < first + timedelta(weeks=WEEKS - 1) < last < SEEDED_UNTIL
    assert hours[20] > 10 * hours[3]
    assert days[5] > 1.15 * days[2]
    assert len({order.ordered_at.date() for order in placed[:600]}) == WEEKS * 7


def test_nothing_happens_after_until(operations: list[Operation]) -> None:
    assert all(operation.order.updated_at < SEEDED_UNTIL for operation in operations)

    until = datetime(2025, 3, 5, 9, 30, tzinfo=UTC)
    assert all(o.order.updated_at < until for o in islice(simulate(1, until), 2_000))
    assert all(o.order.updated_at < datetime.now(UTC) for o in islice(simulate(), 2_000))


def test_operations_close_together_seldom_touch_the_same_order(operations: list[Operation]) -> None:
    """So that batches under way side by side seldom wait for one another."""
    last: dict[str, int] = {}
    close = 0
    for index, operation in enumerate(operations):
        close += index - last.get(operation.order.orderid, -1_000) < 200
        last[operation.order.orderid] = index

    assert close < 0.01 * len(operations)
