"""The demo's small world: things one keeps for years, seen from eight sides, as short articles in two languages.

A *subject* is a topic seen from one side, such as the care of clay pots. From a subject come an article, the house
title of that article, and questions about it. The base model learns articles and questions; titles are left for the
fine-tune to teach. Everything is drawn from the `random.Random` that the caller passes: same state, same text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Topic:
    """A thing to write about, with sentences true of no other."""

    name: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Aspect:
    """A side to write about, what there is to say of it in a few words, and sentences that fit every topic."""

    name: str
    gist: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Exchange:
    """A question and its answer, with `{topic}`, `{Topic}`, `{aspect}` and `{gist}` to fill in."""

    ask: str
    answer: str


@dataclass(frozen=True)
class Language:
    """All the patterns of one language; `joint` stands between two sentences, `title` is the house style."""

    code: str
    joint: str
    instruction: str
    title: str
    openers: tuple[str, ...]
    closers: tuple[str, ...]
    topics: tuple[Topic, ...]
    aspects: tuple[Aspect, ...]
    questions: tuple[Exchange, ...]


@dataclass(frozen=True)
class World:
    """Every language, and the small talk that belongs to none of the articles."""

    languages: tuple[Language, ...]
    talk: tuple[Exchange, ...]


@dataclass(frozen=True)
class Subject:
    """One topic of one language, seen from one side."""

    language: Language
    topic: Topic
    aspect: Aspect

    def fill(self, pattern: str) -> str:
        """`pattern` with this subject's names in place of the braces."""
        name = self.topic.name
        return pattern.format(
            topic=name, Topic=name[:1].upper() + name[1:], aspect=self.aspect.name, gist=self.aspect.gist
        )

    def title(self) -> str:
        """The one right title in the house style."""
        return self.fill(self.language.title)


def parse_world(data: Mapping[str, Any]) -> World:
    """The world from `world.toml` as `tomllib` reads it. Raises `KeyError` or `TypeError` for a missing part."""
    joints = {"ja": "", "en": " "}
    languages = tuple(_parse_language(code, joint, data[code]) for code, joint in joints.items())
    return World(languages=languages, talk=_exchanges(data["talk"]))


def _parse_language(code: str, joint: str, data: Mapping[str, Any]) -> Language:
    return Language(
        code=code,
        joint=joint,
        instruction=data["instruction"],
        title=data["title"],
        openers=tuple(data["openers"]),
        closers=tuple(data["closers"]),
        topics=tuple(Topic(entry["name"], tuple(entry["facts"])) for entry in data["topics"]),
        aspects=tuple(Aspect(entry["name"], entry["gist"], tuple(entry["sentences"])) for entry in data["aspects"]),
        questions=_exchanges(data["questions"]),
    )


def _exchanges(entries: Sequence[Mapping[str, str]]) -> tuple[Exchange, ...]:
    return tuple(Exchange(entry["ask"], entry["answer"]) for entry in entries)


def all_subjects(world: World) -> list[Subject]:
    """Every topic from every side, in the order of the file."""
    return [
        Subject(language, topic, aspect)
        for language in world.languages
        for topic in language.topics
        for aspect in language.aspects
    ]


def split_subjects(world: World, unseen_share: float, rng: Random) -> tuple[list[Subject], list[Subject]]:
    """The subjects the base model reads about, and those it never meets: `unseen_share` of each language's."""
    seen: list[Subject] = []
    unseen: list[Subject] = []
    for language in world.languages:
        subjects = [subject for subject in all_subjects(world) if subject.language is language]
        rng.shuffle(subjects)
        num_unseen = round(unseen_share * len(subjects))
        unseen += subjects[:num_unseen]
        seen += subjects[num_unseen:]
    return seen, unseen


def write_article(subject: Subject, rng: Random) -> str:
    """Three to five sentences: an opener, a fact of the topic, one to three of the aspect, now and then a closer."""
    language = subject.language
    body = rng.sample(subject.aspect.sentences, rng.choice((2, 2, 3)))
    if rng.random() < 0.8:
        body.insert(rng.randrange(2), rng.choice(subject.topic.facts))
    if len(body) < 4 and rng.random() < 0.5:
        body.append(rng.choice(language.closers))
    return subject.fill(language.joint.join([rng.choice(language.openers), *body]))


def conversation(prompt: str, answer: str) -> list[dict[str, str]]:
    """A user turn and an assistant turn, as messages."""
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]


def title_conversation(subject: Subject, rng: Random) -> list[dict[str, str]]:
    """The fine-tune's task: an instruction and an article, answered by its title."""
    return conversation(f"{subject.language.instruction}\n\n{write_article(subject, rng)}", subject.title())


def base_conversation(world: World, seen: Sequence[Subject], talk_share: float, rng: Random) -> list[dict[str, str]]:
    """What the base model learns: a question about an article on a seen subject, or small talk.

    Languages are drawn evenly, or the one with fewer subjects would be learned later.
    """
    if rng.random() < talk_share:
        exchange = rng.choice(world.talk)
        return conversation(exchange.ask, exchange.answer)
    language = rng.choice(world.languages)
    subject = rng.choice([subject for subject in seen if subject.language is language])
    exchange = rng.choice(subject.language.questions)
    return conversation(f"{exchange.ask}\n\n{write_article(subject, rng)}", subject.fill(exchange.answer))
