"""Bodies out of what SHOW CREATE shows."""

from __future__ import annotations

import pytest

from wkms_migrate.phases.mysql import bodies

OWNER = "DEFINER=`a`@`%` "


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("PROCEDURE", f"CREATE {OWNER}PROCEDURE `p`()\n"),
        ("PROCEDURE", f"CREATE {OWNER}PROCEDURE `p (x)\n`(`a)` INT, OUT b ENUM(')','\\'('))\n    COMMENT 'x\\n)'\n"),
        ("PROCEDURE", 'CREATE DEFINER="a"@"%" PROCEDURE "p)"(i INT)\n    READS SQL DATA\n    SQL SECURITY INVOKER\n'),
        ("FUNCTION", f"CREATE {OWNER}FUNCTION `f`(d DECIMAL(9,2)) RETURNS decimal(9,2)\n    DETERMINISTIC\n"),
        ("EVENT", f"CREATE {OWNER}EVENT `e DO ` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE ENABLE DO "),
        ("EVENT", f"CREATE {OWNER}EVENT e ON SCHEDULE AT '2030' ON COMPLETION PRESERVE DISABLE COMMENT 'a'' DO ' DO "),
    ],
)
@pytest.mark.parametrize("body", ["SELECT 1", "BEGIN\n    SELECT ') DO';\nEND", "RETURN (1)"])
def test_the_body_is_what_follows_the_head(kind: str, head: str, body: str) -> None:
    assert bodies.of(kind, head + body) == body


def test_of_a_trigger_all_counts_but_its_owner() -> None:
    text = "CREATE DEFINER=`{}`@`%` TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = {}"
    assert bodies.of("TRIGGER", text.format("a", 1)) == bodies.of("TRIGGER", text.format("b", 1))
    assert bodies.of("TRIGGER", text.format("a", 1)) != bodies.of("TRIGGER", text.format("a", 2))


@pytest.mark.parametrize("kind", ["PROCEDURE", "FUNCTION", "EVENT"])
def test_another_shape_has_no_body(kind: str) -> None:
    assert bodies.of(kind, "CREATE something else") is None
