"""Compiled templates are kept for the next process, and do no harm where they cannot be."""

from __future__ import annotations

import pytest
from jinja2 import DictLoader, Environment, nodes

from wkms_migrate.report import page
from wkms_migrate.report.compiled import Compiled


@pytest.fixture
def jinja(tmp_path, monkeypatch):
    def made(template, *, escape=True, cache=tmp_path / "cache"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        return Environment(
            loader=DictLoader({"page": template}), autoescape=escape, bytecode_cache=Compiled(escape=escape)
        )

    return made


def kept(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_template_is_compiled_once(jinja, tmp_path, monkeypatch):
    assert jinja("한 {{ x }}").get_template("page").render(x="<") == "한 &lt;"
    assert len(kept(tmp_path / "cache")) == 1
    again = jinja("한 {{ x }}")
    monkeypatch.setattr(type(again), "compile", lambda *_, **__: pytest.fail("compiled again"))
    assert again.get_template("page").render(x="<") == "한 &lt;"


def test_what_the_code_depends_on_is_compiled_anew(jinja):
    assert jinja("{{ x }}").get_template("page").render(x="<") == "&lt;"
    assert jinja("{{ x }}", escape=False).get_template("page").render(x="<") == "<"
    assert jinja("{{ x }}!").get_template("page").render(x="<") == "&lt;!"


@pytest.mark.parametrize("path", sorted(page.TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_no_figure_is_compiled_in(path):
    """What has no gap is filled in by the compiler, and kept: it would outlive a change of how it is written."""
    tree = page.environment("USD").parse(path.read_text(encoding="utf-8"))
    for node in tree.find_all((nodes.Filter, nodes.Call)):
        with pytest.raises(nodes.Impossible):
            node.as_const()


def test_a_damaged_entry_is_compiled_anew(jinja, tmp_path):
    jinja("{{ x }}").get_template("page")
    (entry,) = kept(tmp_path / "cache")
    entry.write_bytes(entry.read_bytes()[:-20])
    assert jinja("{{ x }}").get_template("page").render(x=1) == "1"


def test_a_cache_that_cannot_be_written_costs_no_report(jinja, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert jinja("{{ x }}", cache=blocked).get_template("page").render(x=1) == "1"
    assert blocked.read_text() == ""


def test_pages_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    page.environment.cache_clear()
    page.environment("USD").get_template("layout.html")
    page.environment.cache_clear()
    assert kept(tmp_path / "wkms-migrate")
