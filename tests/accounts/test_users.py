"""Rules that only the database can keep when two ask at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.accounts import users
from app.accounts.models import User
from app.accounts.passwords import directly
from app.accounts.permissions import Role
from app.errors import Conflict, InvalidInput
from app.extensions import db, transaction
from app.factory import create_core
from app.migrate import migrate
from app.standalone.servers import Servers
from tests.support.database import create_database
from tests.support.in_process import PASSWORD, Accounts, make_settings


@pytest.fixture
def empty(servers: Servers) -> Iterator[Flask]:
    """An app whose database has no users."""
    core = create_core(make_settings(servers, create_database(servers)), role="test")
    migrate(core)
    with core.app_context():
        yield core
        db.session.remove()
        db.engine.dispose()


def add_admin(name: str) -> UUID:
    return users.create(f"{name}@example.com", PASSWORD, Role.ADMIN, offload=directly).id


def test_the_last_active_administrator_can_neither_be_disabled_nor_demoted(empty: Flask) -> None:
    only = add_admin("only")
    users.change(add_admin("disabled"), active=False)
    for change in ({"active": False}, {"role": Role.USER}):
        with pytest.raises(Conflict) as refused:
            users.change(only, **change)
        assert refused.value.code == "last_admin"
    assert users.get(only).active
    assert users.get(only).role == Role.ADMIN


def test_two_administrators_cannot_demote_each_other_at_once(empty: Flask) -> None:
    pair = [add_admin("one"), add_admin("two")]

    def demote(user_id: UUID) -> str:
        with empty.app_context():
            try:
                users.change(user_id, role=Role.USER)
            except Conflict as error:
                return error.code
            return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, pair)) == ["done", "last_admin"]


def test_of_two_who_ask_for_one_address_at_once_one_gets_it(web_app: APIFlask) -> None:
    def create(email: str) -> str:
        with web_app.app_context():
            try:
                users.create(email, PASSWORD, Role.USER, offload=directly)
            except Conflict as error:
                return error.code
            return "done"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(create, ["Same@example.com", "sAME@example.com"]))
    assert answers == ["done", "email_taken"]


def test_the_rules_of_address_and_password_hold_below_the_api_too(web_app: APIFlask) -> None:
    with web_app.app_context():
        for email, password, field in (
            ("nobody", PASSWORD, "email"),
            ("some@example.com", "short", "password"),
        ):
            with pytest.raises(InvalidInput) as refused:
                users.create(email, password, Role.USER, offload=directly)
            assert list(refused.value.fields) == [field]


def test_an_error_of_the_database_does_not_repeat_the_values_of_the_statement(
    web_app: APIFlask, accounts: Accounts
) -> None:
    email = accounts.add()
    with web_app.app_context():
        with pytest.raises(IntegrityError) as error, transaction() as session:
            session.add(User(email=email, password_hash="the hash"))
        assert "the hash" not in str(error.value)
        db.session.remove()
