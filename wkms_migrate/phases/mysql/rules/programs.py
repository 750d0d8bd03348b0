"""Views, routines, triggers, events and loaded functions."""

from __future__ import annotations

from collections.abc import Iterator

from wkms_migrate.counted import counted
from wkms_migrate.phases.mysql.rules.rule import Fix, Found, parameter, source_rule, target_rule
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

TRUST = "log_bin_trust_function_creators"


@target_rule(
    "function-creators",
    "error",
    "The target's account may not make functions and triggers",
    breaks="They are refused with error 1418 or 1419 while the binary log is on.",
    fix=parameter(TRUST, "1"),
)
def _function_creators(survey: Survey, target: Server) -> Iterator[Found]:
    count = survey.moved.count("routine", "trigger")
    if count and target.on("log_bin") and not target.on(TRUST) and not target.grants.has("SUPER"):
        yield Found(
            f"{TRUST} is OFF, and {counted(count, 'routine or trigger is', 'routines and triggers are')} to be made."
        )


@source_rule(
    "events",
    "info",
    "Events are made disabled",
    breaks="Nothing: so they do not fire on both ends. They do nothing on the target until they are enabled.",
    fix=Fix(text="Enable them at the cut-over.", sql="ALTER EVENT <event> ENABLE"),
)
def _events(survey: Survey) -> Iterator[Found]:
    if count := survey.moved.count("event"):
        yield Found(f"{counted(count, 'event')} will be made disabled.")


@target_rule(
    "event-scheduler",
    "warning",
    "No event will run on the target",
    breaks="Events that are enabled at the cut-over do not fire.",
    fix=parameter("event_scheduler", "ON"),
)
def _event_scheduler(survey: Survey, target: Server) -> Iterator[Found]:
    if survey.moved.count("event") and survey.source.on("event_scheduler") and not target.on("event_scheduler"):
        yield Found(f"event_scheduler is ON on the source and {target.text('event_scheduler')} on the target.")


@source_rule(
    "view-broken",
    "warning",
    "A view does not work on the source",
    breaks="It refers to what is gone, or to what its owner may not read: it cannot be made on the target.",
    fix=Fix(text="Mend or drop it on the source.", sql="DROP VIEW <view>"),
)
def _view_broken(survey: Survey) -> Iterator[Found]:
    for name in survey.moved.broken:
        schema, _, view = name.partition(".")
        yield Found(
            "The server says that it references invalid tables, columns or rights.",
            name,
            {"view": f"`{schema}`.`{view}`"},
        )


@source_rule(
    "loadable-function",
    "warning",
    "The source has functions that were loaded from libraries",
    breaks="RDS loads no libraries: views and routines that call them fail when they are used.",
    fix=Fix(text="Write them anew as stored functions.", sql="CREATE FUNCTION <function> …"),
)
def _loadable_function(survey: Survey) -> Iterator[Found]:
    for name in survey.moved.functions:
        yield Found("It comes from a library.", name, {"function": name})


RULES = (_function_creators, _events, _event_scheduler, _view_broken, _loadable_function)
