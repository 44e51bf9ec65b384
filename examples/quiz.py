"""A quiz: each player has a state of their own, and the answers stay on the server.

Look at ``SERVICES``: a class, of which each ``open`` makes an instance, and one object for
all. At what begins with an underscore and what does not, which decides what a client
reaches. And at ``peek``, which tries. It is no exam: who plays again knows the answers,
and nothing proves a player's name.

    python examples/quiz.py                                          a server, three players, and one who peeks
    limpet serve examples.quiz:SERVICES                              the server alone, until Ctrl-C
    python examples/quiz.py limpet://127.0.0.1:7373 Ada              a player at the keyboard
    python examples/quiz.py limpet://127.0.0.1:7373 Ada b a d c      a player who plays by itself
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import limpet

ROOT = Path(__file__).resolve().parent.parent

# ---------------------------------------------------------------- the server's half


@dataclass(frozen=True)
class Question:
    """Not marked with @limpet.expose, so none ever leaves the server."""

    text: str
    choices: tuple[str, ...]
    right: str


QUESTIONS = (
    Question("Which of these is immutable?", ("a list", "a tuple", "a dict", "a set"), "b"),
    Question("What does 7 // 2 give?", ("3", "3.5", "4", "an error"), "a"),
    Question("Which one makes a generator of a function?", ("return", "async", "lambda", "yield"), "d"),
    Question("What is len({1, 1, 2})?", ("1", "3", "2", "an error"), "c"),
)


class Scores:
    """The best score of each player. All sessions share it, so it has a lock."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._best: dict[str, int] = {}

    def top(self) -> tuple[tuple[str, int], ...]:
        """Return names and points, the best first."""
        with self._lock:
            return tuple(sorted(self._best.items(), key=lambda entry: (-entry[1], entry[0])))

    @limpet.hide
    def record(self, player: str, points: int) -> None:
        """Note a score. For quizzes alone: a client gets its points by answering."""
        with self._lock:
            self._best[player] = max(points, self._best.get(player, 0))


SCORES = Scores()


class Quiz:
    """One player's way through the questions. Nobody else calls it, so it needs no lock."""

    def __init__(self, player: str) -> None:
        if type(player) is not str or not 0 < len(player) <= 20 or not player.isprintable():
            raise ValueError("a player's name has 1 to 20 printable characters")
        # Without the underscores the player could not only read these, but also set them.
        self._player = player
        self._questions = list(QUESTIONS)
        self._answered = 0
        self._points = 0

    @property
    def points(self) -> int:
        return self._points

    @property
    def questions(self) -> list[Question]:
        """All of them: to be counted, for the list goes out as a read-only view, and no Question goes at all."""
        return self._questions

    def ask(self) -> tuple[str, tuple[str, ...]] | None:
        """Return the text and the choices of the next question, None after the last."""
        if self._answered == len(self._questions):
            return None
        question = self._questions[self._answered]
        return question.text, question.choices

    def answer(self, letter: str) -> bool:
        """Answer the next question with a, b, c or d, and tell whether that was right. There is no second try.

        Raises:
            ValueError: if it is no such letter, or there are no more questions.
        """
        if self._answered == len(self._questions):
            raise ValueError("there are no more questions")
        if letter not in ("a", "b", "c", "d"):
            raise ValueError("answer with a, b, c or d")
        is_right = letter == self._questions[self._answered].right
        self._answered += 1
        self._points += is_right
        if self._answered == len(self._questions):
            SCORES.record(self._player, self._points)
        return is_right


SERVICES = {"quiz": Quiz, "scores": SCORES}

# ---------------------------------------------------------------- the client's half


def play(url: str, player: str, *script: str) -> None:
    """Answer all questions: by the script, and what it leaves open at the keyboard."""
    answers = iter(script)
    with limpet.connect(url) as session, suppress(EOFError, KeyboardInterrupt):
        quiz = session.service("quiz").open_as(Quiz, player)
        print(f"{player}, there are {len(quiz.questions)} questions.")
        while (asked := quiz.ask()) is not None:
            text, choices = asked
            print(text, *(f" {letter}: {choice}" for letter, choice in zip("abcd", choices, strict=True)))
            answer = next(answers, "") or input("? ")
            try:
                print(f"{answer} is {'right' if quiz.answer(answer) else 'wrong'}")
            except ValueError as error:
                print(f"{answer}? {error}")
        print(f"points for {player}: {quiz.points}")
        if not script:
            show(session.service("scores").open_as(Scores).top())


def show(table: tuple[tuple[str, int], ...]) -> None:
    for place, (player, points) in enumerate(table, 1):
        print(f"{place:4} {player:20} {points}")


def peek(session: limpet.ClientSession) -> None:
    """Try to get at the answers, and at points."""
    quiz: Any = session.service("quiz").open("Eve")
    scores: Any = session.service("scores").open()
    attempts: dict[str, Callable[[], object]] = {
        "quiz._questions": lambda: quiz._questions,  # noqa: SLF001 - to see it refused
        "quiz.questions[0]": lambda: quiz.questions[0],
        "limpet.copy(quiz.questions)": lambda: limpet.copy(quiz.questions),
        "quiz.questions.pop(0)": lambda: quiz.questions.pop(0),
        "quiz.points = 100": lambda: setattr(quiz, "points", 100),
        "scores.record('Eve', 100)": lambda: scores.record("Eve", 100),
    }
    for code, attempt in attempts.items():
        try:
            attempt()
        except limpet.CallError as error:
            print(f"{code}\n    {type(error).__name__}: {error}")
        else:
            sys.exit(f"{code} was not refused")


# ---------------------------------------------------------------- both, in processes of their own


@contextmanager
def serving(service: str) -> Iterator[str]:
    """Serve in a process of its own, yield the URL, and end it in every case."""
    command = [sys.executable, "-m", "limpet", "serve", service, "--listen", "limpet://127.0.0.1:0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - fixed words
        try:
            line = server.stdout.readline() if server.stdout else ""
            if not line:
                sys.exit("the server did not start")
            yield line.split()[-1]
        finally:
            server.terminate()


def main() -> None:
    scripts = {"Ada": "badc", "Ben": "bbdc", "Cleo": "aaaa"}
    with serving("examples.quiz:SERVICES") as url:
        players = [
            subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, __file__, url, name, *script], stdout=subprocess.PIPE, text=True
            )
            for name, script in scripts.items()
        ]
        for player in players:
            print(player.communicate()[0])

        with limpet.connect(url) as session:
            print("Eve looks for a shorter way:")
            peek(session)
            table = session.service("scores").open_as(Scores).top()
    print("\nHigh scores:")
    show(table)
    if table != (("Ada", 4), ("Ben", 3), ("Cleo", 1)):
        sys.exit("these are not the scores they should be")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that it, too, ends the server
    play(*sys.argv[1:]) if sys.argv[1:] else main()
