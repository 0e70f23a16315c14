"""The first administrator, the demo users, and the migration that adds them."""

import getpass
import io
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts import demo, users
from app.accounts.commands import create_admin
from app.accounts.models import User
from app.accounts.passwords import directly, matches
from app.accounts.permissions import Role
from app.config import Settings
from app.errors import AppError, ConfigError, Conflict, InvalidInput
from app.extensions import db
from app.factory import create_core
from app.migrate import migrate
from app.standalone.ports import free_port
from app.standalone.servers import Servers
from tests.support.database import create_database
from tests.support.in_process import PASSWORD, make_settings


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def core(settings: Settings) -> Iterator[Flask]:
    core = create_core(settings, role="test")
    with core.app_context():
        yield core
        db.session.remove()
        db.engine.dispose()


def test_the_first_administrator_is_added_with_a_password_from_a_pipe(
    core: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\nsomething else\n"))
    create_admin("First@Example.com")
    user = users.find("first@example.com")
    assert user is not None
    assert user.role == Role.ADMIN
    assert matches(PASSWORD, user.password_hash, directly)
    assert "First@example.com is an administrator now" in capsys.readouterr().out


def test_at_a_terminal_the_password_is_asked_for_twice(
    core: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return PASSWORD

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", answer)
    create_admin("second@example.com")
    assert asked == ["Password of second@example.com: ", "The same again: "]
    assert users.find("second@example.com")


def test_two_different_passwords_change_nothing(
    core: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([PASSWORD, "something else"])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _: next(answers))
    with pytest.raises(InvalidInput, match="differ"):
        create_admin("third@example.com")
    assert users.find("third@example.com") is None


@pytest.mark.parametrize(("email", "typed"), [("fourth@example.com", "short\n"), ("4", PASSWORD)])
def test_a_bad_address_or_password_is_refused_with_what_is_wrong(
    core: Flask, monkeypatch: pytest.MonkeyPatch, email: str, typed: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    with pytest.raises(InvalidInput, match=r"8 to 200 characters|not valid"):
        create_admin(email)
    assert users.find(email) is None


def test_a_second_administrator_of_one_address_is_refused(
    core: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.create("taken@example.com", PASSWORD, Role.USER, offload=directly)
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD))
    with pytest.raises(Conflict, match="has this e-mail address"):
        create_admin("TAKEN@example.com")


def test_migrations_that_start_at_once_wait_for_each_other_and_add_the_demo_users_once(
    servers: Servers,
) -> None:
    settings = make_settings(servers, create_database(servers), demo_users=True)
    cores = [create_core(settings, role="test") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate, cores))
    migrate(cores[0])
    with cores[0].app_context():
        found = db.session.execute(select(User.email, User.role).order_by(User.id)).all()
        assert [tuple(row) for row in found] == [
            ("administrator@test.com", "admin"),
            ("username@test.com", "user"),
        ]
    for core in cores:
        with core.app_context():
            db.session.remove()
            db.engine.dispose()


def test_a_demo_user_who_changed_the_password_keeps_it(servers: Servers) -> None:
    settings = make_settings(servers, create_database(servers), demo_users=True)
    core = create_core(settings, role="test")
    migrate(core)
    with core.app_context():
        user = users.find("username@test.com")
        assert user is not None
        user.password_hash = "kept"
        db.session.commit()
        demo.add_demo_users(settings)
        assert db.session.scalar(select(func.count()).where(User.password_hash == "kept")) == 1
        db.session.remove()
        db.engine.dispose()


def test_demo_users_are_refused_in_production(core: Flask, settings: Settings) -> None:
    production = settings.model_copy(update={"environment": "production"})
    with pytest.raises(ConfigError, match="development only"):
        demo.add_demo_users(production)


def test_a_database_that_is_away_is_named_with_what_to_do(servers: Servers) -> None:
    away = f"postgresql://app:x@127.0.0.1:{free_port()}/app"
    core = create_core(make_settings(servers, away), role="test")
    with core.app_context():
        for command in (lambda: migrate(core), lambda: create_admin("some@example.com")):
            with pytest.raises(AppError, match="RINGBACK_DATABASE_URL") as refused:
                command()
            assert refused.value.code == "database_unavailable"


def test_before_the_migration_an_administrator_is_told_to_migrate_first(servers: Servers) -> None:
    core = create_core(make_settings(servers, create_database(servers)), role="test")
    with core.app_context():
        with pytest.raises(AppError, match="python -m app migrate"):
            create_admin("some@example.com")
        db.session.remove()
        db.engine.dispose()
