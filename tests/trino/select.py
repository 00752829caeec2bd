"""Examples of https://trino.io/docs/current/sql/select.html; the page's `shipping` with its six rows."""

from __future__ import annotations

from tests.trino import Answer, Examples

PAGE = "sql/select.html"
_SHIPPING = (
    "WITH shipping(origin_state, origin_zip, destination_state, destination_zip, package_weight) AS (VALUES "
    "('California', 94131, 'New Jersey', 8648, 13), ('California', 94131, 'New Jersey', 8540, 42), "
    "('New Jersey', 7081, 'Connecticut', 6708, 225), ('California', 90210, 'Connecticut', 6927, 1337), "
    "('California', 94131, 'Colorado', 80302, 5), ('New York', 10002, 'New Jersey', 8540, 3)) "
)
_T = "WITH t(a, b) AS (VALUES (1, 2), (1, 3), (2, 1)) "


def _rows(*lines: str) -> Answer:
    return [[None if cell == "NULL" else cell for cell in line.split("|")] for line in lines]


EXAMPLES: Examples = [
    ("WITH FUNCTION hello(name varchar) RETURNS varchar RETURN format('Hello %s!', name) SELECT hello('Finn')",
     "!NOT_SUPPORTED"),
    (_T + "SELECT a, b FROM (SELECT a, MAX(b) AS b FROM t GROUP BY a) AS x", _rows("1|3", "2|1")),
    (_T + ", x AS (SELECT a, MAX(b) AS b FROM t GROUP BY a) SELECT a, b FROM x", _rows("1|3", "2|1")),
    (_T + ", t1 AS (SELECT a, MAX(b) AS b FROM t GROUP BY a), t2 AS (SELECT a, AVG(b) AS d FROM t GROUP BY a) "
     "SELECT t1.*, t2.* FROM t1 JOIN t2 ON t1.a = t2.a", _rows("1|3|1|2.5", "2|1|2|1.0")),
    ("WITH x AS (SELECT a FROM (VALUES 5) t(a)), y AS (SELECT a AS b FROM x), z AS (SELECT b AS c FROM y) "
     "SELECT c FROM z", _rows("5")),
    ("WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 4) SELECT sum(n) FROM t",
     _rows("10")),
    ("SELECT (CAST(ROW(1, true) AS ROW(field1 bigint, field2 boolean))).* AS (alias1, alias2)", _rows("1|true")),
    ("SELECT (CAST(ROW(1, true) AS ROW(field1 bigint, field2 boolean))).*", _rows("1|true")),
    ("SELECT (ROW(1, true)).*", _rows("1|true")),
    (_T + "SELECT count(*), a FROM t GROUP BY 2", _rows("1|2", "2|1")),
    (_T + "SELECT count(*), a FROM t GROUP BY a", _rows("1|2", "2|1")),
    (_T + "SELECT count(*) FROM t GROUP BY a", _rows("1", "2")),
    (_SHIPPING + "SELECT origin_state, origin_zip, destination_state, sum(package_weight) FROM shipping GROUP BY "
     "GROUPING SETS ((origin_state), (origin_state, origin_zip), (destination_state))",
     _rows("New Jersey|NULL|NULL|225", "California|NULL|NULL|1397", "New York|NULL|NULL|3",
           "California|90210|NULL|1337", "California|94131|NULL|60", "New Jersey|7081|NULL|225",
           "New York|10002|NULL|3", "NULL|NULL|Colorado|5", "NULL|NULL|New Jersey|58", "NULL|NULL|Connecticut|1562")),
    (_SHIPPING + "SELECT origin_state, NULL, NULL, sum(package_weight) FROM shipping GROUP BY origin_state UNION ALL "
     "SELECT NULL, NULL, destination_state, sum(package_weight) FROM shipping GROUP BY destination_state",
     _rows("New Jersey|NULL|NULL|225", "California|NULL|NULL|1397", "New York|NULL|NULL|3", "NULL|NULL|Colorado|5",
           "NULL|NULL|New Jersey|58", "NULL|NULL|Connecticut|1562")),
    (_SHIPPING + "SELECT origin_state, destination_state, sum(package_weight) FROM shipping GROUP BY CUBE "
     "(origin_state, destination_state)",
     _rows("California|New Jersey|55", "California|Colorado|5", "New York|New Jersey|3", "New Jersey|Connecticut|225",
           "California|Connecticut|1337", "California|NULL|1397", "New York|NULL|3", "New Jersey|NULL|225",
           "NULL|New Jersey|58", "NULL|Connecticut|1562", "NULL|Colorado|5", "NULL|NULL|1625")),
    (_SHIPPING + "SELECT origin_state, origin_zip, sum(package_weight) FROM shipping GROUP BY ROLLUP "
     "(origin_state, origin_zip)",
     _rows("California|94131|60", "California|90210|1337", "New Jersey|7081|225", "New York|10002|3",
           "California|NULL|1397", "New York|NULL|3", "New Jersey|NULL|225", "NULL|NULL|1625")),
    (_SHIPPING + "SELECT origin_state, destination_state, origin_zip, sum(package_weight) FROM shipping GROUP BY "
     "GROUPING SETS ((origin_state, destination_state)), ROLLUP (origin_zip)",
     _rows("New York|New Jersey|10002|3", "California|New Jersey|94131|55", "New Jersey|Connecticut|7081|225",
           "California|Connecticut|90210|1337", "California|Colorado|94131|5", "New York|New Jersey|NULL|3",
           "New Jersey|Connecticut|NULL|225", "California|Colorado|NULL|5", "California|Connecticut|NULL|1337",
           "California|New Jersey|NULL|55")),
    (_SHIPPING + "SELECT origin_state, origin_zip, destination_state, sum(package_weight), "
     "grouping(origin_state, origin_zip, destination_state) FROM shipping GROUP BY GROUPING SETS "
     "((origin_state), (origin_state, origin_zip), (destination_state))",
     _rows("California|NULL|NULL|1397|3", "New Jersey|NULL|NULL|225|3", "New York|NULL|NULL|3|3",
           "California|94131|NULL|60|1", "New Jersey|7081|NULL|225|1", "California|90210|NULL|1337|1",
           "New York|10002|NULL|3|1", "NULL|NULL|New Jersey|58|6", "NULL|NULL|Connecticut|1562|6",
           "NULL|NULL|Colorado|5|6")),
    (_SHIPPING + "SELECT count(*), origin_state FROM shipping GROUP BY origin_state HAVING sum(package_weight) > 100 "
     "ORDER BY 1 DESC", _rows("4|California", "1|New Jersey")),
    (_SHIPPING + "SELECT package_weight, rank() OVER w AS rnk FROM shipping WHERE origin_state = 'California' "
     "WINDOW w AS (PARTITION BY origin_state ORDER BY package_weight DESC)",
     _rows("1337|1", "42|2", "13|3", "5|4")),
    ("SELECT 13 UNION SELECT 42", _rows("13", "42")),
    ("SELECT 13 UNION SELECT * FROM (VALUES 42, 13)", _rows("13", "42")),
    ("SELECT 13 UNION ALL SELECT * FROM (VALUES 42, 13)", _rows("13", "13", "42")),
    ("SELECT * FROM (VALUES 13, 42) INTERSECT SELECT 13", _rows("13")),
    ("SELECT * FROM (VALUES 13, 42) EXCEPT SELECT 13", _rows("42")),
    ("SELECT 1 UNION SELECT 2 INTERSECT SELECT 2 EXCEPT SELECT 1", _rows("2")),
    ("SELECT x FROM (VALUES 2, NULL, 1) t(x) ORDER BY x DESC OFFSET 2", _rows("NULL")),
    ("SELECT x FROM (VALUES 2, NULL, 1) t(x) ORDER BY x FETCH FIRST ROW ONLY", _rows("1")),
    ("SELECT x FROM (VALUES 2, 3, 1) t(x) LIMIT ALL", _rows("1", "2", "3")),
    ("SELECT * FROM (VALUES 5, 2, 4, 1, 3) t(x) ORDER BY x OFFSET 2 LIMIT 2", _rows("3", "4")),
    ("SELECT x FROM (VALUES 1, 1, 2) t(x) ORDER BY x FETCH FIRST ROW WITH TIES", _rows("1", "1")),
    ("SELECT * FROM UNNEST(ARRAY[1,2]) AS t(number)", _rows("1", "2")),
    ("SELECT * FROM UNNEST(map_from_entries(ARRAY[('SQL',1974), ('Java', 1995)])) "
     "AS t(language, first_appeared_year)", _rows("SQL|1974", "Java|1995")),
    ("SELECT * FROM UNNEST(ARRAY[ROW('Java',  1995), ROW('SQL' , 1974)], ARRAY[ROW(false), ROW(true)]) "
     "as t(language,first_appeared_year,declarative)", _rows("Java|1995|false", "SQL|1974|true")),
    ("SELECT a, b, rownumber FROM UNNEST (ARRAY[2, 5], ARRAY[7, 8, 9]) WITH ORDINALITY AS t(a, b, rownumber)",
     _rows("2|7|1", "5|8|2", "NULL|9|3")),
    ("SELECT * FROM UNNEST (ARRAY[]) AS t(value)", []),
    ("SELECT * FROM UNNEST (CAST(null AS ARRAY(integer))) AS t(number)", []),
    ("SELECT student, score FROM (VALUES ('John', ARRAY[7, 10, 9]), ('Mary', ARRAY[4, 8, 9])) AS tests "
     "(student, scores) CROSS JOIN UNNEST(scores) AS t(score)",
     _rows("John|7", "John|10", "John|9", "Mary|4", "Mary|8", "Mary|9")),
    ("SELECT numbers, animals, n, a FROM (VALUES (ARRAY[2, 5], ARRAY['dog', 'cat', 'bird']), (ARRAY[7, 8, 9], "
     "ARRAY['cow', 'pig'])) AS x (numbers, animals) CROSS JOIN UNNEST(numbers, animals) AS t (n, a)",
     _rows("[2, 5]|[dog, cat, bird]|2|dog", "[2, 5]|[dog, cat, bird]|5|cat", "[2, 5]|[dog, cat, bird]|NULL|bird",
           "[7, 8, 9]|[cow, pig]|7|cow", "[7, 8, 9]|[cow, pig]|8|pig", "[7, 8, 9]|[cow, pig]|9|NULL")),
    ("SELECT runner, checkpoint FROM (VALUES ('Joe', ARRAY[10, 20, 30, 42]), ('Roger', ARRAY[10]), "
     "('Dave', ARRAY[]), ('Levi', NULL)) AS marathon (runner, checkpoints) LEFT JOIN UNNEST(checkpoints) "
     "AS t(checkpoint) ON TRUE",
     _rows("Joe|10", "Joe|20", "Joe|30", "Joe|42", "Roger|10", "Dave|NULL", "Levi|NULL")),
    ("SELECT * FROM (VALUES 1, 2) a(x) CROSS JOIN (VALUES 3, 4) b(y)", _rows("1|3", "1|4", "2|3", "2|4")),
    ("SELECT * FROM (VALUES 1, 2) a(x), (VALUES 3, 4) b(y)", _rows("1|3", "1|4", "2|3", "2|4")),
    ("SELECT name, x, y FROM (VALUES 'CHINA') nation(name) CROSS JOIN LATERAL (SELECT name || ' :-' AS x) "
     "CROSS JOIN LATERAL (SELECT x || ')' AS y)", _rows("CHINA|CHINA :-|CHINA :-)")),
    ("SELECT name FROM (VALUES 'a') nation(name) CROSS JOIN (VALUES 'b') region(name)", "!AMBIGUOUS_NAME"),
    ("SELECT n.name, r.name FROM (VALUES 'a') n(name) CROSS JOIN (VALUES 'b') r(name)", _rows("a|b")),
    ("SELECT name FROM (VALUES ('a', 1), ('b', 2)) nation(name, regionkey) WHERE EXISTS (SELECT * FROM (VALUES 1) "
     "region(regionkey) WHERE region.regionkey = nation.regionkey)", _rows("a")),
    ("SELECT name FROM (VALUES ('a', 1), ('b', 2)) nation(name, regionkey) WHERE regionkey IN (SELECT regionkey FROM "
     "(VALUES (2, 'ASIA')) region(regionkey, name) WHERE name = 'ASIA')", _rows("b")),
    ("SELECT name FROM (VALUES ('a', 1), ('b', 2)) nation(name, regionkey) WHERE regionkey = "
     "(SELECT max(regionkey) FROM (VALUES 1, 2) region(regionkey))", _rows("b")),
]  # fmt: skip
