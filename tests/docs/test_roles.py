"""The page of roles tells what the code permits."""

import re

from app.accounts.permissions import ROLES, Permission
from tests.docs.pages import named_in_first_column, text_of

PAGE = "docs/roles.md"


def test_the_page_of_roles_gives_each_role_what_it_holds_and_explains_each_permission() -> None:
    text = text_of(PAGE)
    told = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE))
    words: dict[str, set[str]] = {"all": set(Permission), "none": set()}
    assert {
        role: words[held] if held in words else set(re.findall(r"`(.*?)`", held))
        for role, held in told.items()
    } == {str(role): set(held) for role, held in ROLES.items()}
    assert named_in_first_column(text) == [*told, *Permission]
