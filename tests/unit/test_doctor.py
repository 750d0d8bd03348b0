from __future__ import annotations

import pytest

from wkms_migrate import doctor
from wkms_migrate.clients import mysql_line


@pytest.mark.parametrize(("is_compiled", "status"), [(True, "ok"), (False, "warn")])
def test_it_says_whether_the_inner_loop_of_mysql_is_compiled(is_compiled, status, monkeypatch):
    monkeypatch.setattr(mysql_line, "IS_COMPILED", is_compiled)
    found = doctor._mysql_lines()
    assert (found.id, found.status) == ("mysql-lines", status)
    assert is_compiled or "gcc" in found.fix
