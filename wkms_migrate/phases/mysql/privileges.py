"""Single grants: read from SHOW GRANTS, and as the target is to have them. No server is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from wkms_migrate.phases.mysql.ddl import NAME, quoted

ACCOUNT = rf"{NAME}(?:@`(?:[^`]|``)*`)?"
COLUMNS = rf"\({NAME}(?:, ?{NAME})*\)"
ON = re.compile(
    rf"(?P<verb>GRANT|REVOKE) (?P<privileges>(?:[^`(]|{COLUMNS})+?) ON (?P<kind>(?:[A-Z]+ )*)"
    rf"(?P<schema>{NAME}|\*)\.(?P<name>{NAME}|\*) (?:TO|FROM) ",
    re.DOTALL,
)
ROLES = re.compile(rf"GRANT (?P<roles>{ACCOUNT}(?:, ?{ACCOUNT})*) TO ", re.DOTALL)
PRIVILEGE = re.compile(rf"([A-Z][A-Z_ ]*[A-Z])(?: ({COLUMNS}))?(?:, ?|$)", re.DOTALL)
WILD = r"([_%\\])"
EVERYWHERE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One privilege on one object, or one role: then `role` is set and the rest is empty.

    `schema` is a name or pattern as GRANT has it, without quotes; `name` a table or routine, `*` for all; `kind` is
    "PROCEDURE " and the like for routines. `columns` is the list in parentheses, `option` the right to pass it on.
    """

    privilege: str = ""
    columns: str = ""
    kind: str = ""
    schema: str = EVERYWHERE
    name: str = EVERYWHERE
    role: str = ""
    option: bool = False
    revoked: bool = False

    @property
    def place(self) -> str:
        """Where it holds, as GRANT has it."""
        schema, name = (part if part == EVERYWHERE else quoted(part) for part in (self.schema, self.name))
        return f"{self.kind}{schema}.{name}"

    def __str__(self) -> str:
        """Return the grant as in SQL, without the account."""
        if self.role:
            return f"{self.role}{' WITH ADMIN OPTION' if self.option else ''}"
        what = f"{self.privilege} {self.columns}".rstrip()
        option = " WITH GRANT OPTION" if self.option else ""
        return f"{'REVOKE ' if self.revoked else ''}{what} ON {self.place}{option}"

    def statement(self, account: str) -> str:
        """Return the statement that gives it to an account, or takes it away again."""
        if self.role:
            return f"GRANT {self.role} TO {account}{' WITH ADMIN OPTION' if self.option else ''}"
        what = f"{self.privilege} {self.columns}".rstrip()
        if self.revoked:
            return f"REVOKE IF EXISTS {what} ON {self.place} FROM {account}"
        return f"GRANT {what} ON {self.place} TO {account}{' WITH GRANT OPTION' if self.option else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriage:
    """What decides over a grant: the moved schemas by their old names, and what the target lets us give.

    `literal` says for each end that `_` and `%` in names of schemas are no wildcards (partial_revokes is on).
    """

    schemas: Mapping[str, str]
    everywhere: frozenset[str]
    known: frozenset[str]
    literal_source: bool = False
    literal_target: bool = False

    def carried(self, grant: Grant, others: Sequence[Grant]) -> Iterator[Grant]:
        """Yield what becomes of a grant on a privilege; nothing where it does not concern the moved schemas.

        `others` are all grants of the account.
        """
        if grant.revoked:
            if self.literal_target:
                yield replace(grant, schema=self.schemas.get(grant.schema, grant.schema))
        elif grant.schema == EVERYWHERE:
            yield from self._everywhere(grant, others)
        elif grant.privilege in self.known | {"ALL PRIVILEGES"}:
            for old, new in self.schemas.items():
                if self.concerns(grant, old):
                    yield replace(grant, schema=self._written(new, grant))

    def _everywhere(self, grant: Grant, others: Sequence[Grant]) -> Iterator[Grant]:
        """Yield a privilege on the whole server, if it may be given.

        Where the target cannot take it away again for single schemas as the source did, it is given on those of the
        moved schemas that keep it, and nowhere else.
        """
        revoked = {one.schema for one in others if one.revoked and one.privilege == grant.privilege}
        if revoked and not self.literal_target:
            kept = [new for old, new in self.schemas.items() if old not in revoked]
            yield from (replace(grant, schema=re.sub(WILD, r"\\\1", name)) for name in kept)
        elif grant.privilege in self.everywhere:
            yield grant

    def concerns(self, grant: Grant, schema: str) -> bool:
        """Say whether a grant below the whole server is on this schema of the source."""
        if grant.name != EVERYWHERE or self.literal_source:
            return grant.schema.lower() == schema.lower()
        return matches(grant.schema.lower(), schema.lower())

    def _written(self, schema: str, grant: Grant) -> str:
        if grant.name != EVERYWHERE or self.literal_target:
            return schema
        return re.sub(WILD, r"\\\1", schema)


def matches(pattern: str, schema: str) -> bool:
    """Compare as GRANT does: % and _ are wildcards unless a backslash is before them."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(part, re.escape(part[-1])) for part in parts)
    return re.fullmatch(expression, schema, re.DOTALL) is not None


def read(line: str) -> Iterator[Grant]:
    """Yield the single grants of one line of SHOW GRANTS; PROXY and bare USAGE are none."""
    if match := ON.match(line):
        option = line.endswith(" WITH GRANT OPTION")
        for privilege, columns in PRIVILEGE.findall(match["privileges"]):
            grant = Grant(
                privilege=privilege,
                columns=columns,
                kind=match["kind"] if match["kind"] != "TABLE " else "",
                schema=_plain(match["schema"]),
                name=_plain(match["name"]),
                option=option,
                revoked=match["verb"] == "REVOKE",
            )
            if privilege not in {"USAGE", "PROXY"} or (option and grant.schema != EVERYWHERE):
                yield grant
    elif match := ROLES.match(line):
        for role in re.findall(ACCOUNT, match["roles"]):
            yield Grant(role=role, option=line.endswith(" WITH ADMIN OPTION"))


def _plain(name: str) -> str:
    return name if name == EVERYWHERE else name[1:-1].replace("``", "`")
