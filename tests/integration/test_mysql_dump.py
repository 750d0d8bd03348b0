"""A dump and its load between two real servers: everything comes back as it was, and only from a whole dump."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import Ended, mysql
from endpoints import MysqlPair
from mysql_dump import Halves, prepare
from mysql_move import checksums, execute, fetch, filled
from mysql_types import MATRIX, RELAXED

from wkms_migrate.errors import Refused, WkmsError

pytestmark = pytest.mark.integration

SCHEMA = "dump_case"
OTHER = "dump_other"
Make = Callable[..., Halves]


@pytest.fixture
def make(mysql_pair: MysqlPair, tmp_path: Path) -> Iterator[Make]:
    """Return what fills the source's schema and makes the two halves for it."""

    def clean() -> None:
        for end in (mysql_pair.source, mysql_pair.target):
            execute(end, "SET foreign_key_checks = 0", *(f"DROP DATABASE IF EXISTS {name}" for name in (SCHEMA, OTHER)))

    def made(*statements: str, **options: object) -> Halves:
        execute(mysql_pair.source, f"CREATE DATABASE {SCHEMA}", f"USE {SCHEMA}", *statements)
        return prepare(mysql_pair, tmp_path, **{"schemas": [SCHEMA], "chunk_mib": 1, **options})

    clean()
    yield made
    clean()


def assert_exact(pair: MysqlPair, schema: str = SCHEMA) -> None:
    wanted = checksums(pair.source, SCHEMA)
    assert wanted
    assert checksums(pair.target, schema) == wanted
    for name in wanted:
        inside = name.replace("`", "``")
        shown = fetch(pair.source, f"SHOW CREATE TABLE {SCHEMA}.`{inside}`")
        assert fetch(pair.target, f"SHOW CREATE TABLE {schema}.`{inside}`") == shown


def chunk_files(halves: Halves) -> list[Path]:
    return sorted(Path(halves.place).rglob("*.tsv.zst"))


def test_every_type_comes_back_in_the_same_bytes(make, mysql_pair):
    statements = [RELAXED]
    for number, (kind, values) in enumerate(MATRIX.items()):
        statements.append(f"CREATE TABLE t{number} (id INT PRIMARY KEY, v {kind})")
        rows = values if "NOT NULL" in kind else [*values, "NULL"]
        statements += [f"INSERT INTO t{number} VALUES ({at}, {value})" for at, value in enumerate(rows)]
    halves = make(*statements)
    halves.dump()
    state = halves.load()
    assert_exact(mysql_pair)
    assert all(check.ok for check in state.verified.values())
    assert {check.check for check in state.verified.values()} >= {"rows", "digest", "definition"}


def test_hostile_names_and_all_that_belongs_to_tables(make, mysql_pair):
    names = ["we``ird, (name", "a/b", "../up", "new\nline", "*/", "인사팀 " + "가" * 36, "x#0", "it's", 'q"q', "%41"]
    tables = [f"CREATE TABLE `{name}` (id INT PRIMARY KEY, `수 ``` INT, KEY (`수 ```))" for name in names]
    halves = make(
        *tables,
        *(f"INSERT INTO `{name}` VALUES ({at}, {at})" for at, name in enumerate(names)),
        "CREATE TABLE parent (id INT PRIMARY KEY AUTO_INCREMENT, c VARCHAR(9) UNIQUE, t TEXT, FULLTEXT KEY (t))"
        " AUTO_INCREMENT=77",
        "CREATE TABLE child (id INT PRIMARY KEY, p INT, CONSTRAINT fk FOREIGN KEY (p) REFERENCES parent (id))",
        "INSERT INTO parent VALUES (1, 'a', '연차'), (2, NULL, NULL)",
        "INSERT INTO child VALUES (1, 2), (2, NULL)",
        "SET SESSION sql_generate_invisible_primary_key = OFF",
        "CREATE TABLE keyless (a INT, b TEXT)",
        "INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL)",
        "CREATE VIEW v AS SELECT COUNT(*) AS n FROM keyless",
        "CREATE TRIGGER tr BEFORE INSERT ON keyless FOR EACH ROW SET NEW.a = NEW.a + 1",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    )
    halves.dump()
    halves.load()
    assert_exact(mysql_pair)
    assert fetch(mysql_pair.target, f"SELECT * FROM {SCHEMA}.v") == [("3",)]
    assert fetch(mysql_pair.target, f"SHOW EVENTS FROM {SCHEMA}")[0][10] == "DISABLED"
    assert all(Path(halves.place) in file.parents for file in chunk_files(halves))


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("id INT PRIMARY KEY", "n, REPEAT('가', 100)"),
        ("id CHAR(10) CHARACTER SET latin1 PRIMARY KEY", "CONCAT('é', n), REPEAT('가', 100)"),
        ("a VARCHAR(9), b DECIMAL(9,2), PRIMARY KEY (a, b DESC)", "ELT(1 + n % 3, 'a', 'B', 'c'), n / 4, 'v'"),
    ],
    ids=["dense", "latin1", "composite"],
)
def test_a_big_table_is_many_files(make, mysql_pair, key, values):
    halves = make(f"CREATE TABLE t ({key}, v TEXT)", f"INSERT INTO t {filled(15000, values)}", "ANALYZE TABLE t")
    halves.dump()
    assert len(chunk_files(halves)) > (0 if "DESC" in key else 2)
    halves.load()
    assert_exact(mysql_pair)


def test_without_its_manifest_it_is_no_dump(make, mysql_pair):
    halves = make("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    halves.dump()
    (Path(halves.place) / "manifest.json").unlink()
    with pytest.raises(Refused, match="not complete"):
        halves.load()
    assert fetch(mysql_pair.target, f"SHOW DATABASES LIKE '{SCHEMA}'") == []


@pytest.mark.parametrize("damage", ["torn", "edited", "longer", "gone", "swapped"])
def test_a_damaged_file_is_named_and_leaves_no_rows(make, mysql_pair, damage):
    halves = make(
        "CREATE TABLE t (id INT PRIMARY KEY, v TEXT)",
        "INSERT INTO t " + filled(9000, "n, REPEAT('가', 100)"),
        "ANALYZE TABLE t",
    )
    halves.dump()
    file, other = chunk_files(halves)[:2]
    whole = file.read_bytes()
    match damage:
        case "torn":
            file.write_bytes(whole[:-5])
        case "edited":
            file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        case "longer":
            file.write_bytes(whole + whole)
        case "gone":
            file.unlink()
        case _:
            file.write_bytes(other.read_bytes())
    with pytest.raises(WkmsError, match=r"000000\.tsv\.zst is not the file that the manifest names"):
        halves.load()
    if damage == "edited":
        assert fetch(mysql_pair.target, f"SELECT COUNT(*) FROM {SCHEMA}.t WHERE id < 10") == [("0",)]
    file.write_bytes(whole)
    halves.load()
    assert_exact(mysql_pair)


def test_an_edited_manifest_is_refused(make):
    halves = make(
        "CREATE TABLE t (id INT PRIMARY KEY, v TEXT)",
        "INSERT INTO t " + filled(9000, "n, REPEAT('가', 100)"),
        "ANALYZE TABLE t",
    )
    halves.dump()
    path = Path(halves.place) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["tables"][0]["chunks"].pop(1)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(Refused, match="do not add up"):
        halves.load()
    path.write_text("{", encoding="utf-8")
    with pytest.raises(Refused, match="damaged"):
        halves.load()


def test_some_tables_and_some_rows_under_another_name(make, mysql_pair):
    halves = make(
        "CREATE TABLE kept (id INT PRIMARY KEY, v INT)",
        "CREATE TABLE kept_too (id INT PRIMARY KEY, p INT, CONSTRAINT fk FOREIGN KEY (p) REFERENCES kept (id))",
        "CREATE TABLE left_out (id INT PRIMARY KEY)",
        "INSERT INTO kept " + filled(100, "n, n % 7"),
        "INSERT INTO kept_too VALUES (1, 70)",
        "CREATE VIEW sums AS SELECT COUNT(*) AS n FROM kept JOIN kept_too ON kept.id = kept_too.p",
        "CREATE TRIGGER gone BEFORE INSERT ON left_out FOR EACH ROW SET NEW.id = 1",
        f"CREATE PROCEDURE stays() SELECT COUNT(*) FROM {SCHEMA}.kept",
        include=[f"{SCHEMA}.*"],
        exclude=["*.left_*"],
        where={f"{SCHEMA}.kept": "v = 0"},
    )
    halves.dump()
    state = halves.load(rename={SCHEMA: OTHER})
    assert fetch(mysql_pair.target, f"SHOW TABLES FROM {OTHER}") == [("kept",), ("kept_too",), ("sums",)]
    assert fetch(mysql_pair.target, f"SELECT n FROM {OTHER}.sums") == [("1",)]
    assert set(state.outputs("mysql-load")["objects_left"]) == {f"trigger {SCHEMA}.gone", f"procedure {SCHEMA}.stays"}
    assert fetch(mysql_pair.target, f"SELECT MIN(id), MAX(id), COUNT(*) FROM {OTHER}.kept") == [("7", "98", "14")]
    assert fetch(mysql_pair.target, f"SHOW DATABASES LIKE '{SCHEMA}'") == []


def test_a_target_with_something_in_it(make, mysql_pair):
    halves = make("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)")
    halves.dump()
    execute(
        mysql_pair.target, f"CREATE DATABASE {SCHEMA}", f"CREATE TABLE {SCHEMA}.t (id INT PRIMARY KEY)",
        f"INSERT INTO {SCHEMA}.t VALUES (7)",
    )  # fmt: skip
    with pytest.raises(Refused, match="1 table already"):
        halves.load()
    halves.load(on_existing="append")
    assert fetch(mysql_pair.target, f"SELECT * FROM {SCHEMA}.t") == [("1",), ("2",), ("7",)]
    with pytest.raises(WkmsError, match="2 rows sent"):
        halves.load(on_existing="append", run="again")
    state = halves.load(on_existing="replace")
    assert fetch(mysql_pair.target, f"SELECT * FROM {SCHEMA}.t") == [("1",), ("2",)]
    backup = halves.file.parent / "runs" / "load" / state.outputs("mysql-load")["backup"]
    Halves(halves.file, str(backup)).load(run="restore", on_existing="replace")
    assert fetch(mysql_pair.target, f"SELECT * FROM {SCHEMA}.t") == [("1",), ("2",), ("7",)]


def test_one_of_two_schemas(make, mysql_pair):
    halves = make("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)", schemas=[SCHEMA, OTHER])
    with pytest.raises(Refused, match=f"no schema {OTHER}"):
        halves.dump()
    execute(
        mysql_pair.source,
        f"CREATE DATABASE {OTHER} COLLATE latin1_swedish_ci",
        f"CREATE TABLE {OTHER}.t (id INT PRIMARY KEY)",
    )
    halves.dump()
    with pytest.raises(Refused, match="no schema elsewhere"):
        halves.load(only=["elsewhere"])
    halves.load(only=[OTHER.upper()])
    assert fetch(mysql_pair.target, f"SHOW DATABASES LIKE '{SCHEMA}'") == []
    assert "CHARACTER SET latin1" in fetch(mysql_pair.target, f"SHOW CREATE DATABASE {OTHER}")[0][1]


def test_from_mysql_into_mariadb(make, mariadb_pair, tmp_path):
    halves = make(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(50) COLLATE utf8mb4_0900_ai_ci, j JSON, KEY (v))",
        "INSERT INTO t VALUES (1, '한글 😀', JSON_OBJECT('a', CAST(1.10 AS DECIMAL(4,2)))), (2, NULL, NULL)",
        "CREATE VIEW v AS SELECT id FROM t",
    )
    halves.dump()
    halves.load()
    folder = tmp_path / "mariadb"
    folder.mkdir()
    execute(mariadb_pair.target, f"DROP DATABASE IF EXISTS {SCHEMA}")
    there = prepare(mariadb_pair, folder, place=halves.place)
    state = there.load()
    execute(mariadb_pair.target, f"DROP DATABASE {SCHEMA}")
    checks = {check.check for check in state.verified.values()}
    assert {"rows", "digest"} <= checks
    assert all(check.ok for check in state.verified.values())


def test_the_target_can_be_dumped_as_well(make, mysql_pair):
    halves = make("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)", "INSERT INTO t VALUES (1, '가')")
    halves.dump()
    halves.load()
    back = Halves(halves.file, f"{halves.place}-back")
    back.dump(side="target")
    back.load(run="other", rename={SCHEMA: OTHER})
    assert_exact(mysql_pair, OTHER)


def test_a_place_with_another_dump_is_refused(make):
    halves = make("CREATE TABLE t (id INT PRIMARY KEY)")
    halves.dump()
    with pytest.raises(Refused, match="holds a dump already"):
        halves.dump(chunk_mib=2)


def test_the_commands(make, mysql_pair):
    halves = make("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)")

    def dump(*words: str) -> Ended:
        return mysql(halves.file, "dump", halves.place, *words)

    first = dump()
    assert (first.code, first.data["results"]["dump_rows"]) == (0, 2)
    assert dump().data["results"]["dump_id"] == first.data["results"]["dump_id"]
    (Path(halves.place) / "manifest.json").unlink()
    execute(mysql_pair.source, f"INSERT INTO {SCHEMA}.t VALUES (3)")
    again = dump()
    assert (again.code, again.data["results"]["dump_rows"]) == (0, 3)
    assert dump("--rename", f"{SCHEMA}={OTHER}").code == 2
    assert dump("--schema", "not_there", "--run", "other").code == 2
    load = ("load", halves.place, "--rename", f"{SCHEMA}={OTHER}")
    assert mysql(halves.file, *load).code == 2
    assert mysql(halves.file, *load, "--dry-run").code == 0
    assert fetch(mysql_pair.target, f"SHOW DATABASES LIKE '{OTHER}'") == []
    loaded = mysql(halves.file, *load, "--yes", "--threads", "2")
    assert (loaded.code, loaded.data["results"]["rows"]) == (0, 3)
    assert checksums(mysql_pair.target, OTHER) == checksums(mysql_pair.source, SCHEMA)
    assert mysql(halves.file, *load, "--yes", "--run", "second").code == 2
    assert mysql(halves.file, "load", f"{halves.place}/nothing", "--yes").code == 2
    assert mysql(halves.file, "load", halves.place, "--where", "a.b=1", "--yes").code == 2
