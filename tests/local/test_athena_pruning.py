"""Partitions that a query does not need are not read, which its bytes scanned show; and partitions that are projected.

https://docs.aws.amazon.com/athena/latest/ug/partitions.html, /partition-projection.html
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.embedded import Embedded
from tests.local.test_athena import Athena

DAYS = [f"2026-01-{day:02}" for day in range(1, 5)]


class Pruning(Athena):
    """A table `orders`, an object for each of four days and three regions, sized so that a sum tells which."""

    def prepare(self) -> None:
        super().prepare()
        self.sizes: dict[tuple[str, int], int] = {}
        self.table("orders", {"n": "int"}, {"dt": "string", "region": "int"})
        for day in DAYS:
            for region in (1, 2, 3):
                folder = f"dt={day}/region={region}"
                line = '{"n": ' + str(len(self.sizes)) + "}"
                line = line.ljust((16 << len(self.sizes)) - 1)
                self.sizes[(day, region)] = self.put(f"orders/{folder}/a.json", line)
                self.partition("orders", folder, day, str(region))

    def read(self, sql: str) -> set[tuple[str, int]]:
        """Which objects of `orders` a query opened, by its bytes scanned."""
        execution = self.run(sql)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        scanned = execution["Statistics"]["DataScannedInBytes"]
        return {place for place, size in self.sizes.items() if scanned & size}

    def project(self, name: str, keys: dict[str, str], **properties: str) -> None:
        parameters = {"projection.enabled": "true"}
        parameters |= {key.replace("__", "."): value for key, value in properties.items()}
        self.table(name, {"n": "int"}, keys)
        entry = self.glue.get_table(DatabaseName="shop", Name=name)["Table"]
        kept = {key: entry[key] for key in ("Name", "TableType", "PartitionKeys", "StorageDescriptor")}
        self.glue.update_table(DatabaseName="shop", TableInput=kept | {"Parameters": parameters})


@pytest.fixture(scope="module")
def athena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pruning]:
    """One for all tests: what a test makes beside `orders` has a name of its own."""
    runtime = Embedded(tmp_path_factory.mktemp("pruning") / "home")
    runtime.start()
    athena = Pruning(runtime)
    athena.prepare()
    yield athena
    runtime.stop()


def test_only_the_objects_that_match_are_opened(athena: Pruning) -> None:
    first, regions = DAYS[0], (1, 2, 3)
    whole = {(day, region) for day in DAYS for region in regions}
    wanted = {
        "SELECT n FROM orders": whole,
        f"SELECT n FROM orders WHERE dt = '{first}'": {(first, region) for region in regions},
        f"SELECT n FROM orders WHERE dt IN ('{first}', '{DAYS[2]}') AND region = 2": {(first, 2), (DAYS[2], 2)},
        f"SELECT n FROM orders WHERE dt BETWEEN '{DAYS[1]}' AND '{DAYS[2]}' AND region > 2": {
            (DAYS[1], 3),
            (DAYS[2], 3),
        },
        "SELECT n FROM orders WHERE day(CAST(dt AS date)) = 4 AND region <> 2": {(DAYS[3], 1), (DAYS[3], 3)},
        "SELECT n FROM orders WHERE dt = '2026-01-01' OR region = 1": {
            place for place in whole if place[0] == first or place[1] == 1
        },
        "SELECT n FROM orders WHERE dt LIKE '%-04' AND n >= 0": {(DAYS[3], region) for region in regions},
        "SELECT n FROM (SELECT * FROM orders WHERE region = 3) WHERE n > 0": {(day, 3) for day in DAYS},
        "SELECT count(*) FROM orders WHERE dt = 'no'": set(),
    }
    assert {sql: athena.read(sql) for sql in wanted} == wanted


def test_conditions_of_joins_prune_where_rows_need_a_partner(athena: Pruning) -> None:
    on = "SELECT count(o.n) FROM (VALUES 1, 2) AS v(r) {} orders o ON o.region = v.r AND o.dt = '2026-01-02'"
    day = {("2026-01-02", region) for region in (1, 2, 3)}
    assert athena.read(on.format("JOIN")) == day
    assert athena.read(on.format("LEFT JOIN")) == day
    assert len(athena.read(on.format("RIGHT JOIN"))) == 12
    assert len(athena.read(on.format("FULL JOIN"))) == 12


def test_what_is_said_of_a_column_is_said_of_its_equals(athena: Pruning) -> None:
    athena.table("days", {"day": "string", "name": "string"})
    size = athena.put("days/a.json", *(f'{{"day": "{day}", "name": "x"}}' for day in DAYS))
    wanted = sum(athena.sizes[("2026-01-03", region)] for region in (1, 2, 3)) + size
    for sql in (
        "SELECT sum(n) FROM orders JOIN days ON dt = day WHERE day = '2026-01-03'",
        "SELECT sum(n) FROM orders, days WHERE dt = day AND day = '2026-01-03'",
        "SELECT sum(n) FROM orders JOIN (SELECT * FROM days) d ON dt = d.day AND dt = '2026-01-03'",
    ):
        execution = athena.run(sql)
        assert execution["Statistics"]["DataScannedInBytes"] == wanted, sql
    assert athena.rows("SELECT sum(n) FROM orders JOIN days ON dt = day WHERE day = '2026-01-03'") == [["21"]]


def test_conditions_reach_tables_through_subqueries_views_and_with(athena: Pruning) -> None:
    athena.rows(
        "CREATE VIEW everything AS SELECT n, dt AS day FROM orders WHERE region = 1 UNION ALL "
        "SELECT n, dt FROM orders WHERE region = 2"
    )
    athena.rows("CREATE VIEW latest AS SELECT day, max(n) AS n FROM everything GROUP BY 1")
    two = {("2026-01-02", region) for region in (1, 2)}
    for sql in (
        "SELECT sum(n) FROM everything WHERE day = '2026-01-02'",
        "SELECT sum(n) FROM latest WHERE day = '2026-01-02'",
        "WITH x AS (SELECT * FROM everything) SELECT n FROM x WHERE day > '2026-01-01' AND day < '2026-01-03'",
        "SELECT * FROM (SELECT n + 1 AS m, * FROM (SELECT DISTINCT day, n FROM everything)) WHERE day = '2026-01-02'",
        "SELECT e.n FROM (VALUES 1) AS v(x) LEFT JOIN everything e ON e.n > v.x AND e.day IN ('2026-01-02', 'x')",
    ):
        assert athena.read(sql) == two, sql
    assert athena.rows("SELECT n FROM latest WHERE day = '2026-01-02'") == [["4"]]


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT count(*) FROM (SELECT dt FROM orders ORDER BY n LIMIT 4) WHERE dt = '2026-01-02'", "1"),
        ("SELECT n FROM (SELECT dt, sum(n) OVER (ORDER BY n) AS n FROM orders) WHERE dt = '2026-01-02' LIMIT 1", "6"),
        ("SELECT max(c) FROM (SELECT max(dt) AS dt, count(*) AS c FROM orders) WHERE dt <> '2026-01-02'", "12"),
        (
            "WITH x AS (SELECT * FROM orders) SELECT count(*) FROM x JOIN x AS y ON x.n + 3 = y.n "
            "WHERE x.dt = '2026-01-01'",
            "3",
        ),
        (
            "SELECT count(*) FROM (SELECT a.n, b.dt FROM orders a LEFT JOIN orders b ON a.n + 3 = b.n) "
            "WHERE dt IS NULL",
            "3",
        ),
        (
            "SELECT sum(c) FROM (SELECT dt, count(*) AS c FROM orders GROUP BY ROLLUP (dt)) WHERE dt IS NULL",
            "12",
        ),
        (
            "SELECT count(*) FROM (SELECT dt FROM orders EXCEPT SELECT dt FROM orders WHERE region = 9) "
            "WHERE dt < '2026-01-03'",
            "2",
        ),
    ],
)
def test_a_condition_stops_where_it_would_change_the_answer(athena: Pruning, sql: str, wanted: str) -> None:
    assert athena.rows(sql) == [[wanted]]


def test_a_condition_on_the_query_outside_does_not_prune_it(athena: Pruning) -> None:
    """In NOT EXISTS, rows of the table outside are wanted where what is said of them there is not true."""
    sql = "SELECT count(*) FROM orders o WHERE {} EXISTS (SELECT 1 FROM (VALUES 1) AS v(x) WHERE o.dt = '2026-01-01')"
    assert athena.rows(sql.format("NOT")) == [["9"]]
    assert athena.rows(sql.format("")) == [["3"]]


# ---- projection


def test_enum_and_integer_columns_are_projected(athena: Pruning) -> None:
    athena.project(
        "sensors",
        {"kind": "string", "number": "int"},
        projection__kind__type=" ENUM ",
        projection__kind__values="a,b",
        projection__number__type="integer",
        projection__number__range="1, 9",
        projection__number__interval="2",
        projection__number__digits="3",
        storage__location__template="s3://lake/sensors/${kind}/n-${number}/",
    )
    for kind in "abc":
        for number in range(1, 6):
            athena.put(f"sensors/{kind}/n-{number:03}/x.json", f'{{"n": {number}}}')
    size = len('{"n": 1}\n')
    assert athena.rows("SELECT kind, number, n FROM sensors ORDER BY 1, 2") == [
        [kind, str(number), str(number)] for kind in "ab" for number in (1, 3, 5)
    ]
    for condition, objects in {
        "kind = 'a'": 3,
        "kind = 'c'": 0,
        "number = 3": 2,
        "number IN (1, 5) AND kind = 'b'": 2,
        "number = 2": 0,
        "number > 1": 4,
        "kind || CAST(number AS varchar) = 'a3'": 1,
    }.items():
        execution = athena.run(f"SELECT count(*) FROM sensors WHERE {condition}")
        assert execution["Statistics"]["DataScannedInBytes"] == objects * size, condition


def test_hours_as_firehose_writes_them_are_projected(athena: Pruning) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/partition-projection-kinesis-firehose-example.html"""
    athena.project(
        "hours",
        {"datehour": "string"},
        projection__datehour__type="date",
        projection__datehour__format="yyyy/MM/dd/HH",
        projection__datehour__range="2024/01/01/00,NOW",
        projection__datehour__interval="1",
        projection__datehour__interval__unit="HOURS",
        storage__location__template="s3://lake/hours/${datehour}/",
    )
    now = datetime.now(UTC)
    for moment in (now - timedelta(hours=1), now, now + timedelta(days=1), datetime(2023, 12, 31, 23, tzinfo=UTC)):
        athena.put(f"hours/{moment:%Y/%m/%d/%H}/x.json", '{"n": 1}')
    assert athena.rows("SELECT count(*) FROM hours") == [["2"]]
    hour = f"{now - timedelta(hours=1):%Y/%m/%d/%H}"
    execution = athena.run(f"SELECT n FROM hours WHERE datehour = '{hour}'")
    assert execution["Statistics"]["DataScannedInBytes"] == len('{"n": 1}\n')
    assert athena.rows(f"SELECT datehour FROM hours WHERE datehour >= '{hour}' ORDER BY 1 LIMIT 1") == [[hour]]
    assert athena.rows("SELECT count(*) FROM hours WHERE datehour = '2023/12/31/23'") == [["0"]]


def test_a_column_is_injected_by_the_query(athena: Pruning) -> None:
    athena.project(
        "users",
        {"id": "string", "month": "date"},
        projection__id__type="injected",
        projection__month__type="date",
        projection__month__format="yyyy-MM-dd",
        projection__month__range="2026-01-01,2026-06-01",
        projection__month__interval="2",
        projection__month__interval__unit="MONTHS",
    )
    for month in ("01", "02", "03"):
        athena.put(f"users/id=u1/month=2026-{month}-01/x.json", '{"n": 1}')
    assert athena.rows("SELECT id, month FROM users WHERE id = 'u1' ORDER BY month") == [
        ["u1", "2026-01-01"],
        ["u1", "2026-03-01"],
    ]
    assert athena.rows("SELECT count(*) FROM users WHERE id IN ('u1', 'u2') AND month = DATE '2026-03-01'") == [["1"]]
    said = "CONSTRAINT_VIOLATION: For the injected projected partition column id, the WHERE clause must contain only"
    assert athena.reason("SELECT * FROM users").startswith(said)
    assert athena.reason("SELECT * FROM users WHERE id > 'u'").startswith(said)


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({}, "the following partition columns are missing projection configuration: [p] (table shop.t)"),
        ({"projection.p.type": "list"}, "Unknown projection type for partition column p: list"),
        ({"projection.p.type": "enum"}, "Missing required property projection.p.values"),
        ({"projection.p.type": "integer", "projection.p.range": "9,1"}, "Invalid range, interval or digits"),
        ({"projection.p.type": "date", "projection.p.format": "yyyy", "projection.p.range": "2020,NOW"}, "interval"),
        (
            {"projection.p.type": "enum", "projection.p.values": "a", "storage.location.template": "s3://lake/x/"},
            "storage.location.template has no placeholder for [p]",
        ),
    ],
)
def test_a_projection_that_makes_no_sense(athena: Pruning, properties: dict[str, str], said: str) -> None:
    athena.project("t", {"p": "string"}, **properties)
    reason = athena.reason("SELECT * FROM t")
    athena.glue.delete_table(DatabaseName="shop", Name="t")
    assert reason.startswith("HIVE_METASTORE_ERROR")
    assert said in reason


def test_an_object_whose_path_a_query_excludes_is_not_opened(athena: Pruning) -> None:
    """As in Trino's Hive connector, which makes no split of such a file."""
    paths = {place: f"s3://lake/orders/dt={place[0]}/region={place[1]}/a.json" for place in athena.sizes}
    two = {(DAYS[0], 1), (DAYS[2], 3)}
    listed = ", ".join(f"'{paths[place]}'" for place in sorted(two))
    assert athena.read(f'SELECT n FROM orders WHERE "$path" IN ({listed})') == two
    assert athena.read(f'SELECT n FROM orders WHERE "$path" NOT IN ({listed})') == athena.sizes.keys() - two
    one = f"SELECT n FROM orders WHERE dt = '{DAYS[0]}' AND \"$path\" NOT IN ({listed})"
    assert athena.read(one) == {(DAYS[0], 2), (DAYS[0], 3)}
    assert athena.read(f'SELECT n FROM orders WHERE "$path" IN ({listed}) AND region = 3') == {(DAYS[2], 3)}
    assert athena.read("SELECT n FROM orders WHERE \"$path\" = 's3://nowhere'") == set()


def test_a_path_with_a_percent_sign_is_compared_as_it_is(athena: Pruning) -> None:
    size = athena.put("odd/a%20b.json", '{"n": 1}')
    athena.table("odd", {"n": "int"}, {})
    execution = athena.run("SELECT n FROM odd WHERE \"$path\" = 's3://lake/odd/a%20b.json'")
    assert execution["Statistics"]["DataScannedInBytes"] == size


def test_each_row_has_the_partition_and_the_path_of_its_own_object(athena: Pruning) -> None:
    """Of compressed and plain objects, which are read in different ways, between each other, and of odd lines too."""
    athena.table("mixed", {"n": "int"}, {"dt": "string", "part": "int"})
    bodies = {
        ("2026-01-01", 1, "a.json"): b'{"n": 1}\n{"n": 2}\n',
        ("2026-01-01", 1, "b.json.gz"): gzip.compress(b'{"n": 3}\n'),
        ("2026-01-01", 2, "c.json"): b'{"n": 4}\n',
        ("2026-01-02", 2, "d.json.gz"): gzip.compress(b'{"n": 5}\n{"n": 6}\n'),
        ("2026-01-02", 2, "e.json"): b'{"n": 7}\n',
    }
    for day, part in sorted({place[:2] for place in bodies}):
        athena.partition("mixed", f"{day}/{part}", day, str(part))
    for (day, part, name), body in bodies.items():
        athena.put(f"mixed/{day}/{part}/{name}", body=body)
    asked = 'SELECT n, dt, part + 1, "$path" FROM mixed ORDER BY n'
    order = [place for place, body in bodies.items() for _ in range(2 if place[2][0] in "ad" else 1)]
    wanted = [
        [str(n), day, str(part + 1), f"s3://lake/mixed/{day}/{part}/{name}"]
        for n, (day, part, name) in enumerate(order, 1)
    ]
    assert athena.rows(asked) == wanted
    athena.put("mixed/2026-01-02/2/e.json", body=b'{"N": 7} and more\n')
    assert athena.rows(asked) == wanted


def test_a_condition_on_a_partition_and_a_computed_column_of_a_subquery_reads_all(athena: Pruning) -> None:
    sql = "SELECT d FROM (SELECT region, dt, n + 1 AS d FROM orders) WHERE region = d OR (dt = 'no' AND d = 1)"
    assert athena.rows(sql) == [["1"], ["2"], ["3"]]
    assert athena.read(sql) == athena.sizes.keys()


@pytest.mark.parametrize("format", ["JSON", "TEXTFILE", "PARQUET"])
def test_columns_named_as_what_tells_a_rows_file_are_columns(athena: Pruning, format: str) -> None:
    name = f"clicks_{format.lower()}"
    rows = [[dt, position] for dt in ("a", "b", "c") for position in ("2", "7")]
    values = ", ".join(f"({position}, '{dt}')" for dt, position in rows)
    athena.rows(
        f"CREATE TABLE {name} WITH (format = '{format}', partitioned_by = ARRAY['dt']) AS "
        f"SELECT position, position AS file_index, dt FROM (VALUES {values}) v(position, dt)"
    )
    assert athena.rows(f"SELECT dt, position FROM {name} ORDER BY 1, 2") == rows
    assert athena.rows(f"SELECT dt, position FROM {name} WHERE dt = 'a' OR position = 99 ORDER BY 2") == rows[:2]
    assert athena.rows(f"SELECT dt, count(*) FROM {name} GROUP BY dt ORDER BY 1") == [[dt, "2"] for dt in "abc"]
    if format == "PARQUET":
        assert "NOT_SUPPORTED: a column of Parquet named file_index" in athena.reason(f"SELECT file_index FROM {name}")
    else:
        found = athena.rows(f"SELECT dt, file_index FROM {name} ORDER BY 1, 2")
        assert found == rows
