"""Departments and the people who work in them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from wkms_migrate.lab.seed.draw import Draw
from wkms_migrate.lab.seed.scale import NOW, SEED, moment
from wkms_migrate.lab.seed.vocabulary import words

POSITIONS = ("사원", "사원", "사원", "대리", "대리", "과장", "과장", "차장", "부장", "임원")
GUESTS = ("Zoë Müller", "José Núñez", "Ærøskøbing Ågård")
FIRST_TEAM = 6  # the departments before it are the company and its divisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A node of the organisation chart; id 0 is the whole company, as the old HR system had it."""

    id: int
    name: str
    name_en: str
    parent_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An employee. `hired_on` is None where the old HR system did not know it."""

    id: int
    email: str
    name: str
    name_latin1: str | None
    department_id: int
    position: str
    hired_on: date | None
    is_active: bool
    last_login_at: datetime | None


@cache
def departments() -> tuple[Department, ...]:
    """Return the organisation chart, parents first."""
    return tuple(
        Department(id=index, name=name, name_en=name_en, parent_id=parent)
        for index, (name, name_en, parent) in enumerate(words().departments)
    )


@cache
def users(count: int) -> tuple[User, ...]:
    """Return `count` employees with ids from 1."""
    return tuple(_user(number) for number in range(1, count + 1))


def _user(number: int) -> User:
    draw = Draw(SEED, "user", number)
    name, local = words().person(draw)
    # Some names were typed on a Mac and are stored decomposed.
    stored = unicodedata.normalize("NFD", name) if number % 37 == 0 else name
    return User(
        id=number,
        email=f"{local}{number}@wkms.example",
        name=f"{stored} 🌱" if number % 50 == 0 else stored,
        name_latin1=GUESTS[number % len(GUESTS)] if number % 25 == 0 else None,
        department_id=draw.between(FIRST_TEAM, len(departments()) - 1),
        position=draw.pick(POSITIONS),
        hired_on=None if number % 15 == 0 else NOW.date() - timedelta(days=draw.between(30, 9_000)),
        is_active=not draw.chance(0.06),
        last_login_at=None if draw.chance(0.1) else moment(draw).replace(microsecond=0),
    )
