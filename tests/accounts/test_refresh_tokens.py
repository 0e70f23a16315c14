from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.refresh_tokens import RefreshToken, looks_like_refresh_token
from app.errors import Unauthenticated

KEY = b"k" * 32


def test_a_token_is_read_back_as_it_was_handed_out() -> None:
    token = RefreshToken.first(uuid4())
    assert RefreshToken.parse(token.text(KEY), KEY) == token
    assert looks_like_refresh_token(token.text(KEY))


def test_two_sign_ins_get_different_tokens() -> None:
    session_id = uuid4()
    assert RefreshToken.first(session_id) != RefreshToken.first(session_id)


def test_a_token_has_exactly_one_successor_and_it_is_a_valid_other_token() -> None:
    token = RefreshToken.first(uuid4())
    successor = token.successor(KEY)
    assert successor == token.successor(KEY)
    assert successor.digest() != token.digest()
    assert RefreshToken.parse(successor.text(KEY), KEY) == successor


def test_the_successor_cannot_be_told_without_the_key() -> None:
    token = RefreshToken.first(uuid4())
    assert token.successor(KEY) != token.successor(b"l" * 32)


def test_a_token_of_another_key_is_not_valid() -> None:
    with pytest.raises(Unauthenticated) as refused:
        RefreshToken.parse(RefreshToken.first(uuid4()).text(KEY), b"l" * 32)
    assert refused.value.code == "refresh_invalid"


@given(position=st.integers(0, 79), character=st.sampled_from("0123456789abcdefABC_-."))
def test_a_token_with_one_edited_character_is_not_valid(position: int, character: str) -> None:
    text = RefreshToken.first(uuid4()).text(KEY)
    edited = text[:position] + character + text[position + 1 :]
    if edited != text:
        with pytest.raises(Unauthenticated):
            RefreshToken.parse(edited, KEY)


@given(st.text())
def test_any_other_text_is_not_valid(text: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        RefreshToken.parse(text, KEY)
    assert refused.value.code == "refresh_invalid"
