"""The quiz: what the program says, players by hand, and what no player gets at."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

import limpet
from examples.quiz import QUESTIONS, Quiz, Scores
from tests.support.programs import EXAMPLES, run, serving, started

RIGHT = [question.right for question in QUESTIONS]


@pytest.fixture
def url() -> Iterator[str]:
    with serving("examples.quiz:SERVICES") as (url, _):
        yield url


@pytest.fixture
def session(url: str) -> Iterator[limpet.ClientSession]:
    with limpet.connect(url) as session:
        yield session


def play(session: limpet.ClientSession, player: str, answers: str) -> int:
    quiz = session.service("quiz").open_as(Quiz, player)
    for letter in answers:
        quiz.answer(letter)
    return quiz.points


def top(session: limpet.ClientSession) -> tuple[tuple[str, int], ...]:
    return session.service("scores").open_as(Scores).top()


def test_the_program() -> None:
    out, err = run("quiz.py")
    lines = out.splitlines()
    for player, points in (("Ada", 4), ("Ben", 3), ("Cleo", 1)):
        assert f"{player}, there are 4 questions." in lines
        assert f"points for {player}: {points}" in lines
    table = lines.index("High scores:")
    assert [line.split() for line in lines[table + 1 :]] == [["1", "Ada", "4"], ["2", "Ben", "3"], ["3", "Cleo", "1"]]
    refusals = lines[lines.index("Eve looks for a shorter way:") + 2 : table : 2]
    assert [line.split(":")[0].strip() for line in refusals] == [
        "AccessDenied",
        "AccessDenied",
        "EncodeError",
        "AccessDenied",
        "AccessDenied",
        "AccessDenied",
    ]
    # The other two were refused before anything was asked. Those within one second may be told as a count.
    told = err.count("limpet.audit WARNING: denied") - err.count("more within a second")
    assert told + sum(int(count) for count in re.findall(r"(\d+) more within a second", err)) == 4


def test_by_hand(url: str) -> None:
    with started(EXAMPLES / "quiz.py", url, "Ada", stdin=subprocess.PIPE) as client:
        out, _ = client.communicate("b\nmaybe\na\nd\nd\n")
        assert client.returncode == 0
    assert out.count("? b is right") == 1
    assert "? maybe? answer with a, b, c or d" in out
    assert "? d is wrong" in out
    assert out.splitlines()[-2:] == ["points for Ada: 3", f"   1 {'Ada':20} 3"]


def test_a_script_by_hand(url: str, session: limpet.ClientSession) -> None:
    with started(EXAMPLES / "quiz.py", url, "Ada", *RIGHT, stdin=subprocess.DEVNULL) as client:
        client.communicate()
        assert client.returncode == 0
    assert top(session) == (("Ada", len(RIGHT)),)


def test_a_player_may_give_up(url: str, session: limpet.ClientSession) -> None:
    with started(EXAMPLES / "quiz.py", url, "Ada", "b", stdin=subprocess.DEVNULL) as client:
        client.communicate()
        assert client.returncode == 0
    assert top(session) == ()


def test_players_do_not_share_their_state(url: str, session: limpet.ClientSession) -> None:
    with limpet.connect(url) as other:
        ada = session.service("quiz").open_as(Quiz, "Ada")
        ben = other.service("quiz").open_as(Quiz, "Ben")
        assert ada.answer("b")
        assert ben.ask() == (QUESTIONS[0].text, QUESTIONS[0].choices)
        assert not ben.answer("a")
        assert (ada.points, ben.points) == (1, 0)


def test_all_share_the_scores(url: str, session: limpet.ClientSession) -> None:
    with limpet.connect(url) as other:
        assert play(session, "Ben", "badd") == 3
        assert play(other, "Ada", "badc") == 4
        assert play(other, "Ben", "aaaa") == 1  # the best counts
        assert top(session) == top(other) == (("Ada", 4), ("Ben", 3))


def test_only_a_whole_quiz_counts(session: limpet.ClientSession) -> None:
    play(session, "Ada", "bad")
    assert top(session) == ()


def test_there_is_no_second_try(session: limpet.ClientSession) -> None:
    quiz = session.service("quiz").open_as(Quiz, "Ada")
    assert not quiz.answer("a")
    assert quiz.ask() == (QUESTIONS[1].text, QUESTIONS[1].choices)
    for _ in QUESTIONS[1:]:
        quiz.answer("a")
    assert quiz.ask() is None
    with pytest.raises(ValueError, match="no more"):
        quiz.answer("a")


@pytest.mark.parametrize("answer", ["", "e", "ab", 1, None, ["a"], ("a",), "A"])
def test_what_is_no_answer(answer: Any, session: limpet.ClientSession) -> None:
    quiz = session.service("quiz").open_as(Quiz, "Ada")
    with pytest.raises(ValueError, match="a, b, c or d"):
        quiz.answer(answer)
    assert quiz.answer("b")


@pytest.mark.parametrize("player", ["", "x" * 21, "A\n", 5, ["Ada"]])
def test_what_is_no_name(player: Any, session: limpet.ClientSession) -> None:
    with pytest.raises(ValueError, match="a player's name"):
        session.service("quiz").open(player)


def test_what_there_is(session: limpet.ClientSession) -> None:
    assert dir(session.service("quiz").open("Eve")) == ["answer", "ask", "points", "questions"]
    assert dir(session.service("scores").open()) == ["top"]


def test_the_list_of_questions_tells_no_answer(session: limpet.ClientSession) -> None:
    questions = session.service("quiz").open("Eve").questions
    assert len(questions) == len(QUESTIONS)
    for look in (repr, str, "{}".format):
        assert QUESTIONS[0].text not in look(questions)
    for take in (list, reversed, limpet.copy, lambda found: found[-1], lambda found: found[0:1][0], next):
        with pytest.raises((limpet.CallError, TypeError)):
            list(take(questions))


@pytest.mark.parametrize("name", ["points", "questions", "_points", "_questions", "ask", "player"])
def test_nothing_can_be_set(name: str, session: limpet.ClientSession) -> None:
    quiz = session.service("quiz").open("Eve")
    with pytest.raises(limpet.AccessDenied):
        setattr(quiz, name, 100)
    assert quiz.points == 0
