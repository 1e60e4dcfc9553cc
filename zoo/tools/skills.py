"""Turns beyond the dictionary: facts, sums, copying, lists, JSON, answers in a prescribed style, and memory over turns.

Every function of `Skills` returns one turn, (question, answer). With test=True names are made up, and rare words, phrases, numbers,
sums and the nouns of JSON and styles are those held out of the training (see pools.py): no answer was learnt by heart.
"""

import pools
from pools import held_out
from json_turns import JsonTurns
from values import listed
from wordnet_dialogues import SMALL_TALK, fill, plain_question, untidy


class Skills:
    """The turns; `any()` draws one of a random skill."""

    def __init__(self, values):
        self.values = values
        self.dictionary = values.dictionary
        self.json = JsonTurns(values, self.noun)
        weights = [
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
            (self.json.turn, 14),
        ]
        self.choices = [skill for skill, weight in weights for _ in range(weight)]

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
