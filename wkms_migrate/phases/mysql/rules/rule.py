"""What a rule is, what it finds, and how it says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from wkms_migrate.events import Severity
from wkms_migrate.phases.mysql.parameter_group import ApplyMethod, apply_method
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What to do: in words, and as what can be pasted.

    `sql` is a statement for the server that is at fault, `az` and `aws` command lines, `terraform` a block. A word in
    <angle brackets> is filled from what was found, or by the reader.
    """

    text: str
    sql: str = ""
    az: str = ""
    aws: str = ""
    terraform: str = ""

    def filled(self, values: Mapping[str, str]) -> Fix:
        """Return the fix with values in place of their words."""

        def fill(text: str) -> str:
            for word, value in values.items():
                text = text.replace(f"<{word}>", value)
            return text

        return replace(
            self,
            text=fill(self.text),
            sql=fill(self.sql),
            az=fill(self.az),
            aws=fill(self.aws),
            terraform=fill(self.terraform),
        )


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a rule found; `values` fill the words of its fix."""

    evidence: str
    object: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


class NotJudged(Exception):
    """Raised by a rule that may not see what it judges by; says why."""


Judge = Callable[[Survey], Iterator[Found]]
TargetJudge = Callable[[Survey, Server], Iterator[Found]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: `title` is what it looks for, `breaks` what goes wrong otherwise."""

    id: str
    severity: Severity
    title: str
    breaks: str
    fix: Fix
    judge: Judge
    on_target: bool = False


def source_rule(id: str, severity: Severity, title: str, *, breaks: str, fix: Fix) -> Callable[[Judge], Rule]:
    """Make a rule of a function that looks at the source and the settings only."""

    def made(judge: Judge) -> Rule:
        return Rule(id=id, severity=severity, title=title, breaks=breaks, fix=fix, judge=judge)

    return made


def target_rule(id: str, severity: Severity, title: str, *, breaks: str, fix: Fix) -> Callable[[TargetJudge], Rule]:
    """Make a rule of a function that looks at the target too; it is not judged while there is none."""

    def made(judge: TargetJudge) -> Rule:
        def with_target(survey: Survey) -> Iterator[Found]:
            if survey.target is None:
                raise NotJudged("the target cannot be reached yet")
            return judge(survey, survey.target)

        return Rule(id=id, severity=severity, title=title, breaks=breaks, fix=fix, judge=with_target, on_target=True)

    return made


def parameter(name: str, value: str = "<value>", text: str = "", *, how: ApplyMethod | None = None) -> Fix:
    """Return how a parameter of the target is set; `how` RDS takes it where the name is filled in later."""
    how = how or apply_method(name)
    later = "" if how == "immediate" else "; it counts after a restart"
    return Fix(
        text=text or f"Set {name} = {value} in the RDS parameter group{later}.",
        aws="aws rds modify-db-parameter-group --db-parameter-group-name <group> --parameters"
        f' "ParameterName={name},ParameterValue={value},ApplyMethod={how}"',
        terraform=f'parameter {{\n  name         = "{name}"\n  value        = "{value}"\n  apply_method = "{how}"\n}}',
    )


def server_parameter(name: str, value: str, text: str = "") -> Fix:
    """Return how a parameter of the source is set."""
    return Fix(
        text=text or f"Set {name} = {value} on the source.",
        az="az mysql flexible-server parameter set --resource-group <resource-group> --server-name <server>"
        f" --name {name} --value {value}",
        terraform=f'resource "azurerm_mysql_flexible_server_configuration" "{name}" {{\n'
        f'  name                = "{name}"\n  resource_group_name = "<resource-group>"\n'
        f'  server_name         = "<server>"\n  value               = "{value}"\n}}',
    )
