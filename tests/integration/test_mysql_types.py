"""Every column type with its extremes, compared on both ends by the servers' own checksums and value by value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from endpoints import MysqlPair
from mysql_move import Move, checksums, execute, fetch, prepare

pytestmark = pytest.mark.integration

SCHEMA = "type_matrix"
RELAXED = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'"

# type -> values as SQL; NULL is added to each
MATRIX = {
    "TINYINT": ["-128", "0", "127"],
    "TINYINT UNSIGNED": ["0", "200", "255"],
    "SMALLINT": ["-32768", "32767"],
    "MEDIUMINT UNSIGNED": ["16777215"],
    "INT": ["-2147483648", "2147483647"],
    "INT UNSIGNED": ["4294967295"],
    "INT(8) ZEROFILL": ["42", "4294967295"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807"],
    "BIGINT UNSIGNED": ["0", "18446744073709551615"],
    "DECIMAL(65,30)": ["-99999999999999999999999999999999999.999999999999999999999999999999", "0.1"],
    "DECIMAL(5,2)": ["-999.99", "1.10", "-0.00"],
    "FLOAT": ["16777216", "123456.7890625", "3.4028234663852886e38", "1.401298464e-45", "-0e0"],
    "FLOAT(7,3)": ["1.234", "-9999.999"],
    "DOUBLE": ["1.7976931348623157e308", "2.2250738585072014e-308", "4.9406564584124654e-324", "-0e0", "0.1", "1e22"],
    "DOUBLE(20,6)": ["12345678901234.567891", "-0.000001"],
    "BIT(1)": ["b'0'", "b'1'"],
    "BIT(12)": ["b'0'", "b'100000001010'", "b'111111111111'"],
    "BIT(64)": ["b'0'", "18446744073709551615", "x'0A095C4E'"],
    "BOOLEAN": ["TRUE", "FALSE"],
    "DATE": ["'0000-00-00'", "'2024-01-00'", "'2023-02-31'", "'1000-01-01'", "'9999-12-31'"],
    "DATETIME": ["'0000-00-00 00:00:00'", "'2024-00-00 12:34:56'", "'9999-12-31 23:59:59'"],
    "DATETIME(6)": ["'2024-02-29 23:59:59.999999'", "'1000-01-01 00:00:00.000001'"],
    "TIMESTAMP(6)": ["'0000-00-00 00:00:00'", "'1970-01-01 00:00:01.000001'", "'2038-01-19 03:14:07.499999'"],
    "TIME(6)": ["'-838:59:59.000000'", "'838:59:59'", "'-00:00:00.000001'", "'00:00:00'"],
    "YEAR": ["0", "1901", "2155"],
    "CHAR(10)": ["''", "'가나다'", "'a  '", "'  a'"],
    "VARCHAR(50)": ["''", "'trail  '", "'tab\\tnew\\nline\\\\back\\0nul\\rcr'", "'\\\\N'", "'N'", "'NULL'", "'😀🇰🇷'"],
    "VARCHAR(20) CHARACTER SET latin1": ["_latin1 x'e9e0ff80819d'", "_latin1 x'c3a9'"],
    "VARCHAR(20) CHARACTER SET euckr": ["_euckr x'b0a1b3aa'"],
    "VARCHAR(20) CHARACTER SET utf16": ["_utf16 x'005c000aac00d83dde00'"],
    "VARCHAR(20) CHARACTER SET utf32": ["_utf32 x'0000005c00000009'"],
    "VARCHAR(20) CHARACTER SET sjis": ["_sjis x'815c835c955c'"],
    "VARCHAR(20) CHARACTER SET gbk": ["_gbk x'bf5cd55c'"],
    "VARCHAR(30) CHARACTER SET utf8mb3": ["'한글'", "'e\u0301'"],
    "BINARY(4)": ["x'01020000'", "x'00000000'", "x'20202020'", "x'5c4e0a09'"],
    "VARBINARY(300)": ["''", "x'00'", "REPEAT(x'5c0a090d001a27', 40)", "x'5c4e'"],
    "TINYTEXT": ["''", "REPEAT('가', 85)"],
    "TEXT": ["REPEAT('\\t\\n\\\\', 1000)"],
    "MEDIUMTEXT": ["REPEAT('문서', 60000)"],
    "LONGTEXT": ["REPEAT('x', 3000000)"],
    "TINYBLOB": ["x'fffefdfcfbfa'"],
    "BLOB": ["REPEAT(x'000102030405060708090a0b0c0d0e0f5c', 3000)"],
    "MEDIUMBLOB": ["''", "REPEAT(x'5c', 300000)"],
    "LONGBLOB": ["REPEAT(x'ff0a', 9000000)"],
    "ENUM('사원','대리','','a''b','c\\\\d')": ["'사원'", "''", "'a''b'", "'c\\\\d'"],
    "ENUM('x','y') CHARACTER SET latin1": ["'y'"],
    "SET('읽기','쓰기','삭제')": ["''", "'읽기,삭제'", "'읽기,쓰기,삭제'"],
    "JSON": [
        "'null'",
        "'{}'",
        "'[1, -1, 1.5, 1e300, true, null, \"\\\\u0000\\\\n\\\\t\\\\\\\\\"]'",
        "'{\"한글\": \"값😀\", \"a\": {\"b\": [18446744073709551615, -9223372036854775808, 0.1, -0.0]}}'",
    ],
    "GEOMETRY": ["ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(37.5 127.0)', 4326)"],
    "POINT NOT NULL SRID 4326": ["ST_GeomFromText('POINT(0 0)', 4326)", "ST_GeomFromText('POINT(-90 180)', 4326)"],
    "POLYGON": ["ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0),(1 1,2 1,2 2,1 1))')"],
    "GEOMETRYCOLLECTION": ["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')"],
}  # fmt: skip


@pytest.fixture(scope="module")
def moved(mysql_pair: MysqlPair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    statements = [f"DROP DATABASE IF EXISTS {SCHEMA}", f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", RELAXED]
    for number, (kind, values) in enumerate(MATRIX.items()):
        statements.append(f"CREATE TABLE t{number} (id INT PRIMARY KEY, v {kind})")
        rows = values if "NOT NULL" in kind else [*values, "NULL"]
        statements += [f"INSERT INTO t{number} VALUES ({at}, {value})" for at, value in enumerate(rows)]
    execute(mysql_pair.source, *statements)
    execute(mysql_pair.target, f"DROP DATABASE IF EXISTS {SCHEMA}")
    move = prepare(mysql_pair, tmp_path_factory.mktemp("types"), schemas=[SCHEMA])
    move.run()
    yield move
    for end in (mysql_pair.source, mysql_pair.target):
        execute(end, f"DROP DATABASE {SCHEMA}")


@pytest.mark.parametrize(("number", "kind"), list(enumerate(MATRIX)), ids=list(MATRIX))
@pytest.mark.usefixtures("moved")
def test_every_value_is_stored_in_the_same_bytes(mysql_pair, number, kind):
    query = f"SELECT id, v, LENGTH(v) FROM {SCHEMA}.t{number} ORDER BY id"
    source = fetch(mysql_pair.source, query)
    assert len(source) >= len(MATRIX[kind])
    assert fetch(mysql_pair.target, query) == source
    checksum = f"CHECKSUM TABLE {SCHEMA}.t{number}"
    assert fetch(mysql_pair.target, checksum) == fetch(mysql_pair.source, checksum)


@pytest.mark.usefixtures("moved")
def test_the_checksums_would_tell(mysql_pair):
    assert len(set(checksums(mysql_pair.source, SCHEMA).values())) > len(MATRIX) // 2
