"""Time zones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wkms_migrate.counted import counted
from wkms_migrate.phases.mysql.rules.rule import Fix, Found, parameter, source_rule, target_rule
from wkms_migrate.phases.mysql.server_state import Server
from wkms_migrate.phases.mysql.survey import Survey

ZONE = "time_zone"
UTC = frozenset({"SYSTEM", "UTC", "+00:00"})  # both clouds run their servers in UTC
OFFSET = re.compile(r"[+-]\d\d:\d\d")


@target_rule(
    "time-zone",
    "warning",
    "The servers are in different time zones",
    breaks="Stored values move exactly; NOW(), TIMESTAMP as it is shown, and events follow the server.",
    fix=parameter(ZONE, "<value>"),
)
def _time_zone(survey: Survey, target: Server) -> Iterator[Found]:
    source, there = (server.text(ZONE) for server in (survey.source, target))
    if source != there and not {source, there} <= UTC:
        value = "UTC" if source in UTC else source
        yield Found(f"{ZONE} is {source} on the source and {there} on the target.", values={"value": value})


@target_rule(
    "time-zone-names",
    "warning",
    "The target knows no names of time zones, the source does",
    breaks="CONVERT_TZ with a name gives NULL in views, generated columns and programs.",
    fix=Fix(text="RDS loads them by itself: is it RDS? Else run mysql_tzinfo_to_sql on the target."),
)
def _time_zone_names(survey: Survey, target: Server) -> Iterator[Found]:
    if survey.source.time_zones and target.time_zones == 0:
        yield Found(f"The source knows {counted(survey.source.time_zones or 0, 'name')}, the target none.")


@source_rule(
    "time-zone-names-source",
    "info",
    "The source knows no names of time zones",
    breaks="CONVERT_TZ with a name gives NULL there; on RDS it gives a time, so results change.",
    fix=Fix(text="Load them on Azure, if the results are to be compared.", sql="CALL mysql.az_load_timezone()"),
)
def _time_zone_names_source(survey: Survey) -> Iterator[Found]:
    if survey.source.time_zones == 0:
        yield Found("mysql.time_zone_name is empty.")


@target_rule(
    "event-time-zone",
    "error",
    "An event runs in a time zone that the target does not know",
    breaks="The event cannot be made.",
    fix=Fix(text="Load the names of time zones on the target, or give the event an offset such as +09:00."),
)
def _event_time_zone(survey: Survey, target: Server) -> Iterator[Found]:
    if target.time_zones != 0:
        return
    for one in survey.moved.stored:
        if one.time_zone and one.time_zone != "SYSTEM" and not OFFSET.fullmatch(one.time_zone):
            yield Found(f"It runs in {one.time_zone}.", one.id)


RULES = (_time_zone, _time_zone_names, _time_zone_names_source, _event_time_zone)
