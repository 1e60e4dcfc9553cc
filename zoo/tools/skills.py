"""Turns beyond the dictionary: facts, sums, copying, lists, JSON, answers in a prescribed style, and memory over turns.

Every function of `Skills` returns one turn, (question, answer). With test=True names are made up, and rare words, phrases, numbers,
sums and the nouns of JSON and styles are those held out of the training (see pools.py): no answer was learnt by heart.
"""

import json
import random

import pools
from pools import held_out
from wordnet_dialogues import SMALL_TALK, fill, plain_question, untidy


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


def words_of(key):
    return key.replace("_", " ")


def dump(value):
    return json.dumps(value, ensure_ascii=False)


class Skills:
    """The turns; `any()` draws one of a random skill."""

    def __init__(self, values):
        self.values = values
        self.dictionary = values.dictionary
        self.weights = [
            (self.capital, 12),
            (self.sum, 10),
            (self.fact, 6),
            (self.talk, 4),
            (self.copy, 7),
            (self.spell, 5),
            (self.capitals_of_letters, 6),
            (self.enumerate, 6),
            (self.table, 2),
            (self.program, 1),
            (self.json, 14),
        ]
        self.choices = [skill for skill, weight in self.weights for _ in range(weight)]

    def any(self):
        skill = self.values.pick(self.choices)
        question, answer = skill()
        if skill in (self.capital, self.sum, self.fact, self.talk):
            question = untidy(self.values.random, question)
            if self.values.chance(0.05):
                question = question.lower()
        return question, answer

    def noun(self):
        """A noun whose definition is known; held-out words only in tests."""
        nouns = self.dictionary.known
        while True:
            noun = self.values.pick(nouns if self.values.chance(0.7) else self.dictionary.commonest)
            if held_out(noun.name) is self.values.test:
                return noun

    def definition(self):
        noun = self.noun()
        return plain_question(noun) if self.values.chance(0.7) else fill("Define {w}.", noun.name, noun.instance), noun.definition

    def capital(self):
        v = self.values
        country, capital, continent = v.pick(pools.COUNTRIES)
        p = v.random.random()
        if p < 0.6:
            ask = v.pick(
                ("What is the capital of {}?",) * 4
                + (
                    "Which city is the capital of {}?",
                    "Name the capital of {}.",
                    "What's the capital of {}?",
                    "Tell me the capital of {}.",
                    "capital of {}",
                    "Do you know the capital of {}?",
                    "Which is the capital city of {}?",
                )
            )
            return ask.format(country), f"The capital of {country} is {capital}."
        if p < 0.8:
            ask = v.pick(
                (
                    "Of which country is {} the capital?",
                    "Which country has the capital {}?",
                    "{} is the capital of which country?",
                )
            )
            return ask.format(capital), f"{capital} is the capital of {country}."
        ask = v.pick(("On which continent is {}?", "Where is {}?", "In which part of the world is {}?"))
        return ask.format(country), f"{country[0].upper() + country[1:]} is in {continent}."

    def sum(self):
        v = self.values
        while True:
            sign = v.pick("++--*")
            a, b = (
                (v.random.randint(0, 12), v.random.randint(0, 12))
                if sign == "*"
                else (v.random.randint(0, 99), v.random.randint(0, 99))
            )
            if sign == "-" and a < b:
                a, b = b, a
            if sign == "*" or held_out(f"{a}{sign}{b}") is v.test:  # products are known by heart
                break
        result = a + b if sign == "+" else a - b if sign == "-" else a * b
        name = {"+": "plus", "-": "minus", "*": "times"}[sign]
        ask = v.pick(
            ("What is {a} {n} {b}?",) * 3
            + (
                "How much is {a} {n} {b}?",
                "What is {a} {s} {b}?",
                "{a} {s} {b}",
                "{a} {s} {b} = ?",
                "Calculate {a} {s} {b}.",
                "{a} {n} {b}?",
            )
        )
        return ask.format(a=a, b=b, n=name, s=sign), f"{a} {name} {b} is {result}."

    def fact(self):
        v = self.values
        if v.chance(0.6):
            return v.pick(pools.FACTS)
        a, b = v.pick(pools.OPPOSITES)
        if v.chance(0.5):
            a, b = b, a
        return v.pick(("What is the opposite of {}?", "Name the opposite of {}.", "What is the contrary of {}?")).format(
            a
        ), f"The opposite of {a} is {b}."

    def talk(self):
        questions, answer = self.values.pick(SMALL_TALK)
        return self.values.pick(questions), answer

    def copy(self):
        v = self.values
        text = v.pick((v.phrase, v.phrase, v.code, v.name, v.single_word))()
        ask = v.pick(
            ("Repeat: {}", "Say: {}", "Repeat after me: {}", 'Say "{}".', 'Repeat "{}".', "Repeat these words: {}", "Write: {}")
        )
        return ask.format(text), text

    def spell(self):
        word = self.values.single_word()
        return self.values.pick(("Spell {}.", "How is {} spelled?", "Spell the word {}.")).format(word), "-".join(word)

    def capitals_of_letters(self):
        v = self.values
        text = v.pick((v.single_word, v.phrase))()
        return v.pick(
            ('Write "{}" in capital letters.', "In capital letters: {}", 'Write "{}" in upper case.', "In upper case: {}")
        ).format(text), text.upper()

    def enumerate(self):
        v = self.values
        p = v.random.random()
        if p < 0.4:
            title, entries = v.pick(list(pools.LISTS.items()))
            ask = v.pick(("List {}.", "Name {}.", "What are {}?", "Give me a list of {}.")).format(title)
        elif p < 0.7:
            title, entries = v.pick(list(pools.SAMPLES.items()))
            count = v.random.randint(2, 8)
            entries = entries[:count]
            ask = v.pick(("List {n} {t}.", "Name {n} {t}.", "Give me {n} {t}.")).format(
                n=count if v.chance(0.5) else "two three four five six seven eight".split()[count - 2], t=title
            )
        elif p < 0.85:
            count = v.random.randint(2, 20)
            return v.pick(("Count to {}.", "Count from 1 to {}.")).format(count), ", ".join(map(str, range(1, count + 1))) + "."
        else:
            entries = [v.word() for _ in range(v.random.randint(2, 6))]
            ask = v.pick(("Make a list of {}.", "Write as a list: {}", "List these: {}")).format(listed(entries))
            if v.chance(0.3):
                return "Number these: " + listed(entries), "\n".join(f"{i}. {e}" for i, e in enumerate(entries, 1))
        return ask, "\n".join(f"- {e}" for e in entries)

    def table(self):
        rows = [self.values.pick(pools.COUNTRIES) for _ in range(self.values.random.randint(2, 4))]
        ask = self.values.pick(
            (
                "Make a table of the capitals of {}.",
                "Show the capitals of {} in a table.",
                "A table of the capitals of {}, please.",
            )
        )
        return ask.format(listed(r[0] for r in rows)), "| Country | Capital |\n|---|---|\n" + "\n".join(
            f"| {c} | {capital} |" for c, capital, _ in rows
        )

    def program(self):
        language, (tag, line) = self.values.pick(list(pools.HELLO_WORLD.items()))
        ask = self.values.pick(
            ("Write hello world in {}.", "How do I print a line in {}?", "Show me hello world in {}.", "Hello world in {}")
        )
        return ask.format(language), f"```{tag}\n{line}\n```"

    # -- JSON

    def record(self):
        """A text with facts, and the facts under random keys: (text, {key: value})."""
        v = self.values
        kind = v.random.randrange(5)
        key = lambda *names: v.pick(names)
        if kind < 2:
            name = v.full_name()
            facts = {key("name", "person", "full_name"): name}
            parts = []
            choices = [
                ("age", lambda: v.random.randint(5, 99), "is {} years old"),
                (key("city", "town", "place", "home"), v.city, "lives in {}"),
                (key("job", "profession", "occupation"), lambda: v.pick(pools.JOBS), "is a {}"),
                (key("email", "mail"), v.email, "can be reached at {}"),
                (key("language"), lambda: v.pick(pools.LANGUAGES), "speaks {}"),
                (key("hobbies"), lambda: v.random.sample(pools.HOBBIES, v.random.randint(1, 3)), "likes {}"),
                (key("married"), lambda: v.chance(0.5), None),
                (key("birthday", "born"), v.date, "was born on {}"),
            ]
            for label, draw, words in v.random.sample(choices, v.random.randint(1, 4)):
                facts[label] = value = draw()
                parts.append(
                    ("is married" if value else "is not married")
                    if words is None
                    else words.format(listed(value) if isinstance(value, list) else value)
                )
            return f"{name} {listed(parts)}.", facts
        if kind == 2:
            thing, price, count = v.word(), v.decimal() if v.chance(0.5) else v.number(1, 999), v.number(1, 99)
            colour = v.pick(pools.COLOURS)
            text = v.pick(
                (
                    f"The {colour} {thing} costs {price} euros, and {count} are left.",
                    f"We sell a {colour} {thing} for {price} euros; there are {count} of them.",
                )
            )
            facts = {
                key("product", "item", "article", "name"): thing,
                key("colour", "color"): colour,
                "price": price,
                key("quantity", "count", "stock"): count,
            }
        elif kind == 3:
            title, city, date, time = v.word(), v.city(), v.date(), v.time()
            text = f"The {title} takes place in {city} on {date} at {time}."
            facts = {key("event", "title", "name"): title, key("city", "place", "location"): city, "date": date, "time": time}
        else:
            food, minutes, needs = (
                v.pick(pools.FOODS),
                v.number(5, 120),
                v.random.sample(pools.INGREDIENTS, v.random.randint(2, 4)),
            )
            people = v.random.randint(1, 8)
            text = f"{food.capitalize()} for {people} people {'take' if food.endswith('s') else 'takes'} {minutes} minutes and needs {listed(needs)}."
            facts = {
                key("dish", "name", "title", "recipe"): food,
                key("minutes", "time", "duration"): minutes,
                key("servings", "people"): people,
                "ingredients": needs,
            }
        return text, facts

    def lexical(self):
        """Facts of the dictionary under random keys, and the keys if none are named: (question, {key: value}, keys)."""
        v = self.values
        if v.chance(0.3):
            country, capital, continent = v.pick(pools.COUNTRIES)
            return (
                f"What is the capital of {country}?",
                {"country": country, "capital": capital, "continent": continent},
                ("country", "capital"),
            )
        noun = self.noun()
        word, definition = (
            v.pick(("word", "noun", "term", "name", "thing")),
            v.pick(("definition", "meaning", "explanation", "description")),
        )
        facts = {word: noun.name, definition: noun.definition}
        if noun.kind_of:
            facts[v.pick(("kind", "category", "kind_of"))] = noun.kind_of
        if noun.synonyms:
            facts["synonyms"] = noun.synonyms
        return plain_question(noun), facts, ("word", "definition")

    def json(self):
        v = self.values
        extracted = v.chance(0.55)
        text, facts, defaults = (*self.record(), None) if extracted else self.lexical()
        keys = list(facts)
        v.random.shuffle(keys)
        plain = not extracted and v.chance(0.35)  # no keys are named
        answer = dict(zip(defaults, facts.values())) if plain else {k: facts[k] for k in keys[: v.random.randint(1, len(keys))]}
        chosen = list(answer)
        names = listed(f'"{k}"' if v.chance(0.1) else k for k in chosen)
        word = "key" if len(chosen) == 1 else "keys"
        if plain:
            order = v.pick(("Answer as JSON.", "Answer in JSON.", "Answer with JSON."))
        elif v.chance(0.3):
            order = v.pick(("Answer with JSON of this schema: {}", "JSON schema: {}", "Follow this JSON schema: {}")).format(
                dump(schema(answer))
            )
        else:
            order = v.pick(
                (
                    f"Answer as JSON with the {word} {names}.",
                    f"Give {names} as JSON.",
                    f"As JSON with {names}.",
                    f"Answer as JSON: {names}.",
                )
            )
        if not extracted:
            question = f"{text} {order}"
        else:
            question = v.pick((f"{text} {order}", f"{order}\n{text}", f"Extract {names} as JSON: {text}"))
        return question, dump(answer)

    # -- style

    def style(self):
        """A system message and what it does to an answer: (instruction, function)."""
        v = self.values
        p = v.random.random()
        if p < 0.25:
            return v.pick(
                (
                    "Answer in upper case.",
                    "Answer in capital letters.",
                    "Use only capital letters.",
                    "Write everything in upper case.",
                    "You answer in upper case only.",
                )
            ), str.upper
        if p < 0.32:
            return v.pick(("Answer in lower case.", "Use only small letters.", "Write everything in lower case.")), str.lower
        if p < 0.52:
            start = v.pick(
                ("Well,", "Sure:", "Answer:", "Of course!", "Hmm,", v.name() + ":", v.word().capitalize() + "!", v.phrase() + ":")
            )
            return v.pick(('Begin each answer with "{}".', 'Start every answer with "{}".', "Begin your answers with {}")).format(
                start
            ), lambda a: f"{start} {a}"
        if p < 0.72:
            end = v.pick(
                (
                    "Over.",
                    "Thank you.",
                    "Amen.",
                    "I hope this helps.",
                    v.name() + ".",
                    v.word().capitalize() + ".",
                    v.word().capitalize() + "!",
                    v.phrase() + ".",
                )
            )
            return v.pick(('End each answer with "{}".', 'Finish every answer with "{}".', "End your answers with {}")).format(
                end
            ), lambda a: f"{a} {end}"
        if p < 0.80:
            return v.pick(("Put your answers in quotation marks.", "Answer in quotation marks.")), lambda a: f'"{a}"'
        if p < 0.86:
            return v.pick(
                ("Answer as a list with dashes.", "Begin each line with a dash.")
            ), lambda a: a if a.startswith("- ") else f"- {a}"
        if p < 0.93:
            word = v.pick((v.word, v.name, v.phrase))()
            return v.pick(('Answer every question with "{}".', 'Always answer "{}".', 'Whatever is asked, say "{}".')).format(
                word
            ), lambda a: word
        return v.pick(("Answer in bold.", "Write your answers in bold.")), lambda a: f"**{a}**"

    def persona(self):
        """A system message with a name: (instruction, question, answer)."""
        v = self.values
        name, job = v.name(), v.pick(pools.JOBS)
        instruction = v.pick(
            (
                "Your name is {n}.",
                "You are {n}.",
                "You are called {n}.",
                "You are {n}, a {j}.",
                "Your name is {n}. You are a {j}.",
            )
        ).format(n=name, j=job)
        if job in instruction and v.chance(0.5):
            return instruction, v.pick(("What is your job?", "What do you do?", "What is your profession?")), f"I am a {job}."
        return (
            instruction,
            v.pick(("Who are you?", "What is your name?", "What are you called?", "Introduce yourself.")),
            f"I am {name}.",
        )

    # -- memory

    def memory(self):
        """Something to remember: (statement, reply, question, answer, the answer if it was never said)."""
        v = self.values
        p = v.random.random()
        if p < 0.35:
            name = v.name()
            return (
                v.pick(("My name is {}.", "I am {}.", "Hello, I am {}.", "Hi, my name is {}.", "Call me {}.")).format(name),
                f"Nice to meet you, {name}.",
                v.pick(("What is my name?", "Who am I?", "Do you know my name?", "What's my name?")),
                f"Your name is {name}.",
                "You have not told me your name.",
            )
        if p < 0.5:
            city = v.city()
            return (
                v.pick(("I live in {}.", "My home is in {}.", "I am from {}.")).format(city),
                f"{city} must be a fine place.",
                v.pick(("Where do I live?", "Where am I from?", "In which city do I live?")),
                f"You live in {city}.",
                "You have not told me where you live.",
            )
        if p < 0.62:
            age = v.random.randint(5, 99)
            return (
                v.pick(("I am {} years old.", "My age is {}.")).format(age),
                f"{age} is a fine age.",
                v.pick(("How old am I?", "What is my age?")),
                f"You are {age} years old.",
                "You have not told me your age.",
            )
        if p < 0.8:
            thing = v.pick("animal food city word number song book plant game sport drink fruit".split())
            value = v.number(1, 9999) if thing == "number" else v.city() if thing == "city" else v.word()
            return (
                v.pick(("My favourite {t} is {v}.", "My favorite {t} is {v}.")).format(t=thing, v=value),
                f"I will remember that, {value}.",
                f"What is my {v.pick(('favourite', 'favorite'))} {thing}?",
                f"Your favourite {thing} is {value}.",
                f"You have not told me your favourite {thing}.",
            )
        if p < 0.9:
            animal, name = v.pick("dog cat horse bird fish rabbit hamster brother sister friend".split()), v.name()
            return (
                v.pick(("My {a} is called {n}.", "The name of my {a} is {n}.")).format(a=animal, n=name),
                f"{name} is a nice name.",
                v.pick(("What is my {a} called?", "What is the name of my {a}?")).format(a=animal),
                f"Your {animal} is called {name}.",
                f"You have not told me the name of your {animal}.",
            )
        code = v.pick((v.code, v.word, lambda: v.number(1, 9999)))()
        return (
            v.pick(("Remember this: {}", "Remember {}.", "Please remember the word {}.")).format(code),
            f"I remember {code}.",
            v.pick(("What did I ask you to remember?", "What should you remember?", "What do you remember?")),
            f"I remember {code}.",
            "You did not ask me to remember anything.",
        )


def schema(answer):
    """The JSON Schema of an answer."""
    kinds = {str: "string", bool: "boolean", int: "integer", float: "number"}
    kind = lambda value: (
        {"type": "array", "items": {"type": "string"}} if isinstance(value, list) else {"type": kinds[type(value)]}
    )
    return {"type": "object", "properties": {k: kind(v) for k, v in answer.items()}, "required": list(answer)}
