"""Random values of conversations: names, places, numbers, words and phrases."""

import json
import random

import pools
from pools import held_out


class Values:
    """Random values: names, places, numbers, words and phrases."""

    def __init__(self, dictionary, seed, test=False):
        self.random, self.test, self.dictionary = random.Random(seed), test, dictionary
        side = lambda values: [value for value in values if held_out(value) is test]
        self.words = side(dictionary.unknown)
        self.known = [n.name for n in dictionary.known if n.name.isalpha() and n.name.islower()]
        self.examples = side(sorted({e for n in dictionary.known for e in n.examples if e.isascii() and '"' not in e}))

    def pick(self, values):
        return values[int(self.random.random() * len(values))]

    def chance(self, p):
        return self.random.random() < p

    def made_up(self, syllables=(2, 2, 3)):
        while True:
            word = "".join(
                self.pick(
                    (
                        "b",
                        "br",
                        "d",
                        "dr",
                        "f",
                        "g",
                        "gr",
                        "h",
                        "j",
                        "k",
                        "l",
                        "m",
                        "n",
                        "p",
                        "r",
                        "s",
                        "st",
                        "t",
                        "tr",
                        "v",
                        "w",
                        "z",
                    )
                )
                + self.pick("aeiou")
                + self.pick(("", "", "l", "n", "r", "s"))
                for _ in range(self.pick(syllables))
            )
            if held_out(word) is self.test:
                return word

    def word(self):
        return self.pick(self.known if self.chance(0.6) else self.words)

    def single_word(self):
        """A word that is all of a question's matter: not one of the known ones in tests."""
        return self.pick(self.words) if self.test else self.word()

    def name(self):
        return self.pick(pools.NAMES) if not self.test and self.chance(0.6) else self.made_up().capitalize()

    def full_name(self):
        return self.name() + (" " + self.made_up().capitalize() if self.chance(0.4) else "")

    def city(self):
        return self.pick(pools.CITIES) if not self.test and self.chance(0.6) else self.made_up().capitalize()

    def number(self, low, high):
        while True:
            number = self.random.randint(low, high)
            if high - low < 100 or held_out(number) is self.test:
                return number

    def decimal(self):
        return self.random.randint(1, 999) / self.pick((10, 100))

    def phrase(self):
        p = self.random.random()
        if p < 0.3:
            return self.pick(self.examples)
        words = [self.word() for _ in range(self.random.randint(1, 5))]
        return " ".join(words).capitalize() if p < 0.7 else " ".join(words)

    def code(self):
        letters = "".join(self.pick("ABCDEFGHKLMNPQRSTUVWXYZ") for _ in range(self.random.randint(1, 3)))
        return letters + self.pick(("", "-")) + str(self.random.randint(100, 99999))

    def date(self):
        return f"{self.random.randint(2020, 2031)}-{self.random.randint(1, 12):02}-{self.random.randint(1, 28):02}"

    def time(self):
        return f"{self.random.randint(0, 23):02}:{self.pick((0, 5, 10, 15, 20, 30, 40, 45, 50)):02}"

    def email(self):
        return f"{self.name().lower()}@{self.word().replace(' ', '')}.{self.pick(('com', 'org', 'net'))}"


def listed(values):
    values = [str(v) for v in values]
    return values[0] if len(values) == 1 else ", ".join(values[:-1]) + " and " + values[-1]


def in_words(value):
    """A value as a text says it."""
    return (
        listed(value) if isinstance(value, list) else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    )


def words_of(key):
    return key.replace("_", " ")


def dump(value):
    return json.dumps(value, ensure_ascii=False)
