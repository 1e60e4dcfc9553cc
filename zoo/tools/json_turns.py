"""Turns that ask for JSON: the facts of a sentence, or of the dictionary, under the keys that the question names."""

import pools
from values import dump, listed
from wordnet_dialogues import plain_question


class JsonTurns:
    """`turn()` returns (question, answer); `noun` draws a noun of the dictionary."""

    def __init__(self, values, noun):
        self.values, self.noun = values, noun

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

    def turn(self):
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


def schema(answer):
    """The JSON Schema of an answer."""
    kinds = {str: "string", bool: "boolean", int: "integer", float: "number"}
    kind = lambda value: (
        {"type": "array", "items": {"type": "string"}} if isinstance(value, list) else {"type": kinds[type(value)]}
    )
    return {"type": "object", "properties": {k: kind(v) for k, v in answer.items()}, "required": list(answer)}
