"""The tables of the source database and how each is filled, parents before children."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from wkms_migrate.lab.seed import rows
from wkms_migrate.lab.seed.rows import Row
from wkms_migrate.lab.seed.scale import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How to fill a table: a column that starts with `@` is a variable, used by the expressions of `assign`."""

    name: str
    columns: tuple[str, ...]
    rows: Callable[[Scale], Iterator[Row]]
    assign: Mapping[str, str] = field(default_factory=dict)


TABLES = (
    Table(
        name="departments",
        columns=("id", "name", "name_en", "parent_id", "cost_center", "budget_krw", "created_at"),
        rows=rows.departments_rows,
    ),
    Table(
        name="users",
        columns=(
            "id",
            "email",
            "name",
            "name_latin1",
            "department_id",
            "position",
            "roles",
            "hired_on",
            "birth_year",
            "leave_days",
            "@active",
            "@password_hash",
            "last_login_at",
            "created_at",
        ),
        assign={"is_active": "CAST(@active AS UNSIGNED)", "password_hash": "UNHEX(@password_hash)"},
        rows=rows.users_rows,
    ),
    Table(
        name="documents",
        columns=(
            "id",
            "title",
            "category",
            "owner_id",
            "department_id",
            "blob_container",
            "blob_name",
            "size_bytes",
            "@metadata",
            "@rate",
            "labels",
            "@flags",
            "@sha256",
            "review_score",
            "relevance",
            "embedding_norm",
            "legacy_code",
            "created_at",
            "updated_at",
        ),
        assign={
            "metadata": (
                # Both branches must be JSON: text would be read again, and its 1.10 as a DOUBLE.
                "IF(@rate IS NULL, JSON_EXTRACT(@metadata, '$'), JSON_SET(@metadata,"
                " '$.rate', CAST(@rate AS DECIMAL(5,2)), '$.effective', CAST('2026-01-01' AS DATE)))"
            ),
            "flags": "CAST(@flags AS UNSIGNED)",
            "content_sha256": "UNHEX(@sha256)",
        },
        rows=rows.documents_rows,
    ),
    Table(
        name="document_versions",
        columns=(
            "document_id",
            "version",
            "author_id",
            "summary",
            "reviewed_on",
            "review_time",
            "size_bytes",
            "@patch",
            "created_at",
        ),
        assign={"patch": "UNHEX(@patch)"},
        rows=rows.document_versions_rows,
    ),
    Table(
        name="permissions",
        columns=("document_id", "user_id", "department_id", "rights", "granted_by", "granted_at", "expires_at"),
        rows=rows.permissions_rows,
    ),
    Table(
        name="chat_sessions",
        columns=("id", "user_id", "title", "channel", "started_at", "ended_at", "turn_count"),
        rows=rows.chat_sessions_rows,
    ),
    Table(
        name="chat_messages",
        columns=(
            "id",
            "session_id",
            "role",
            "content",
            "sources",
            "tokens",
            "latency_ms",
            "temperature",
            "created_at",
        ),
        rows=rows.chat_messages_rows,
    ),
    Table(
        name="feedback",
        columns=("message_id", "user_id", "rating", "comment", "created_at"),
        rows=rows.feedback_rows,
    ),
    Table(
        name="audit_logs",
        columns=(
            "id",
            "created_at",
            "actor_id",
            "action",
            "object_type",
            "object_id",
            "@client_ip",
            "detail",
            "delta",
            "counter",
            "duration_ms",
            "score",
            "amount",
        ),
        assign={"client_ip": "UNHEX(@client_ip)"},
        rows=rows.audit_logs_rows,
    ),
)
