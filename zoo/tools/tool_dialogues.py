"""Conversations with tools: what may be called, a request, the calls, their results and the answer.

Tools are of two sorts: some that are common (`FAMILIES`, the last of which are held out of the training), and random ones whose
names and parameters are words of the dictionary, so that the network has to read the tools and cannot know them.
"""

from pools import held_out
from tool_tables import FAMILIES, HELD_OUT_FAMILIES, KINDS, MORE_KINDS, RESULTS, VERBS
from values import dump, in_words, listed, words_of
from wordnet_dialogues import SYSTEM, said


class Request:
    """A tool, as JSON, and a way to ask for it: `ask()` gives (request, arguments, keys of results)."""

    def __init__(self, function, ask):
        self.function, self.ask = function, ask

    @property
    def name(self):
        return self.function["name"]


class ToolDialogues:
    def __init__(self, values, skills):
        self.values, self.skills = values, skills
        self.families = FAMILIES[-HELD_OUT_FAMILIES:] if values.test else FAMILIES[:-HELD_OUT_FAMILIES]
        self.nouns = [w for w in values.known if 3 <= len(w) <= 10]
        self.rare = [w for w in values.words if 3 <= len(w) <= 10]

    # -- tools

    def _properties(self, kinds):
        """{name: kind} as JSON Schema, with descriptions now and then."""
        v, described, properties = self.values, self.values.chance(0.5), {}
        for name, kind in kinds.items():
            properties[name] = dict(KINDS[kind][0])
            if described:
                properties[name]["description"] = v.pick(("The {}", "the {}", "Value of the {}", "{} to use")).format(
                    words_of(name)
                )
        return properties

    def _tool(self, name, description, kinds, required):
        v = self.values
        parameters = {"type": "object", "properties": self._properties(kinds)}
        if v.chance(0.3):
            parameters = {"type": "object", "required": required, "properties": parameters["properties"]}
        elif v.chance(0.8):
            parameters["required"] = required
        if v.chance(0.15):
            parameters["additionalProperties"] = False
        function = {"name": name, "description": description, "parameters": parameters}
        if v.chance(0.1):
            del function["description"]
        return function

    def family(self, spec=None):
        v = self.values
        names, descriptions, parameters, asks, options, results = spec or v.pick(self.families)
        name = v.pick(names.split("|")) if v.chance(0.6) else names.split("|")[0]
        keys = {v.pick(n.split("|")) if v.chance(0.7) else n.split("|")[0]: kind for n, kind in parameters.items()}
        extra = {v.pick(n.split("|")): kind for n, kind in options.items() if v.chance(0.7)}
        kinds = {**keys, **{n: kind for n, (kind, _) in extra.items()}}
        if len(kinds) < len(keys) + len(extra):
            return self.family(spec)

        def ask():
            arguments = {n: KINDS[kind][1](v) for n, kind in keys.items()}
            text = v.pick(asks)
            for i, value in enumerate(arguments.values()):
                text = text.replace("{%d:onoff}" % i, "on" if value is True else "off").replace("{%d}" % i, in_words(value))
            for n, (kind, sentences) in extra.items():
                if v.chance(0.5):
                    arguments[n] = KINDS[kind][1](v)
                    text += " " + v.pick(sentences).format(arguments[n])
            return text, arguments, results

        return Request(self._tool(name, v.pick(descriptions.split("|")), kinds, list(keys)), ask)

    def _noun(self):
        return self.values.pick(self.nouns if self.values.chance(0.8) else self.rare)

    def plain_tool(self):
        """A tool of a random thing that is asked for without the names of its parameters: `find_bridge` with `city`."""
        v = self.values
        verb, nouns = self._thing()
        thing = " ".join(nouns)
        pair = v.pick((None, None, None, "from to", "start end", "source target", "origin destination"))
        if pair:
            kind = v.pick(("city", "word", "name", "date", "time", "int"))
            kinds = dict.fromkeys(pair.split(), kind)
            asks = [
                "{Verb} the {thing} from {0} to {1}.",
                "{Verb} {thing} from {0} to {1}.",
                "What is the {thing} from {0} to {1}?",
                "Is there a {thing} from {0} to {1}?",
                "How much {thing} is it from {0} to {1}?",
            ]
        else:
            kind = v.pick(("city", "city", "name", "word", "code", "date", "text", "int", "number", "names", "words"))
            names = {
                "city": ("city", "place", "location"),
                "name": ("name", "person", "company"),
                "code": ("id", "code", "number"),
                "date": ("date", "day"),
                "text": ("text", "query", "title"),
                "word": ("word", "item", "kind"),
                "int": ("count", "level", "amount", "value"),
                "number": ("amount", "value"),
                "names": ("names", "people"),
                "words": ("words", "items"),
            }
            kinds = {v.pick((*names[kind], self._noun())): kind}
            asks = {
                "city": [
                    "What is the {thing} in {0}?",
                    "Is there a {thing} in {0}?",
                    "{Verb} a {thing} in {0}.",
                    "Where is the {thing} of {0}?",
                    "How is the {thing} in {0}?",
                ],
                "date": ["{Verb} the {thing} on {0}.", "{Verb} a {thing} for {0}.", "What is the {thing} on {0}?"],
                "int": ["Set the {thing} to {0}.", "{Verb} {0} {thing}.", "{Verb} the {thing} {0}.", "{Thing} to {0}, please."],
                "number": ["Set the {thing} to {0}.", "{Verb} the {thing} {0}.", "{Verb} the {thing} for {0}."],
            }.get(
                kind,
                [
                    "{Verb} the {thing} of {0}.",
                    "What is the {thing} of {0}?",
                    "{Verb} the {thing} {0}.",
                    "{Verb} the {thing} for {0}.",
                    "{Verb} a {thing}: {0}",
                    "How much is the {thing} of {0}?",
                    '{Verb} the {thing} "{0}".',
                    "I need the {thing} of {0}.",
                ],
            )

        def ask():
            arguments = {n: KINDS[k][1](v) for n, k in kinds.items()}
            return (
                v.pick(asks).format(
                    *map(in_words, arguments.values()), Verb=verb.capitalize(), thing=thing, Thing=thing.capitalize()
                ),
                arguments,
                self._results(),
            )

        return Request(self._tool_of(verb, nouns, kinds, list(kinds)), ask)

    def _thing(self):
        """A verb and one or two nouns; only the evaluation draws the pairs that are held out."""
        v = self.values
        while True:
            verb, nouns = v.pick(VERBS), [self._noun() for _ in range(v.pick((1, 1, 2)))]
            if held_out(verb + "".join(nouns)) is v.test:
                return verb, nouns

    def _tool_name(self, verb, nouns):
        style = self.values.random.random()
        return (
            "_".join([verb] + nouns)
            if style < 0.6
            else verb + "".join(n.capitalize() for n in nouns)
            if style < 0.75
            else "_".join(nouns)
            if style < 0.93
            else "-".join([verb] + nouns)
        )

    def _tool_of(self, verb, nouns, kinds, required):
        name = self._tool_name(verb, nouns)
        return self._tool(name, f"{verb.capitalize()} {self.values.pick(('a', 'the'))} {' '.join(nouns)}", kinds, required)

    def _results(self):
        return [self._noun() for _ in range(self.values.random.randint(1, 2))] if self.values.chance(0.6) else ["status"]

    def random_tool(self):
        """A tool of random words: `repair_bridge` with `tower` and `speed`."""
        v = self.values
        verb, nouns = self._thing()
        kinds = {}
        for _ in range(v.random.randint(1, 3)):
            words = [self._noun() for _ in range(v.pick((1, 1, 1, 2)))]
            kind = v.pick(MORE_KINDS)
            kinds[v.pick(("_".join(words), "_".join(words), words[0] + "".join(w.capitalize() for w in words[1:])))] = kind
            if v.chance(0.1):
                kinds["on" if v.chance(0.3) else self._noun()] = "onoff"
        required = [n for n in kinds if v.chance(0.7)] or list(kinds)[:1]
        thing = " ".join(nouns)

        def spoken(key):
            return words_of("".join(" " + c.lower() if c.isupper() else c for c in key))

        def ask():
            arguments, parts = {}, []
            for n, kind in kinds.items():
                if n in required or v.chance(0.5):
                    arguments[n] = value = KINDS[kind][1](v)
                    quoted = isinstance(value, str) and (" " in value or v.chance(0.3))
                    parts.append((n, f'"{value}"' if quoted else in_words(value)))
            v.random.shuffle(parts)
            form = v.random.randrange(4)
            if form == 0:
                text = f"{verb.capitalize()} the {thing} with {listed(f'{spoken(n)} {s}' for n, s in parts)}."
            elif form == 1:
                text = f"{verb.capitalize()} the {thing}: {', '.join(f'{spoken(n)} {s}' for n, s in parts)}"
            elif form == 2:
                text = f"Please {verb} a {thing}. " + " ".join(f"The {spoken(n)} is {s}." for n, s in parts)
            else:
                text = f"I want to {verb} the {thing}, {listed(f'{s} is the {spoken(n)}' for n, s in parts)}."
            return text, arguments, self._results()

        return Request(self._tool_of(verb, nouns, kinds, required), ask)

    # -- results

    def result(self, keys):
        """A tool's result, as a dictionary or a plain value."""
        v = self.values
        p = v.random.random()
        if p < 0.06:
            return {"error": v.pick((v.phrase, v.word))()}
        if keys == ["status"]:
            return {"status": v.pick(("ok", "done", "sent", v.word()))}
        draw = lambda key: (
            v.chance(0.5)
            if key == "rain"
            else v.pick("sunny cloudy rainy windy snowy foggy".split())
            if key == "condition"
            else KINDS[RESULTS.get(key) or v.pick(("int", "word", "number", "city", "date", "code"))][1](v)
        )
        chosen = v.random.sample(keys, v.random.randint(1, min(3, len(keys))))
        if p < 0.2:
            return draw(chosen[0])
        return {key: draw(key) for key in chosen}

    @staticmethod
    def spoken(result):
        """How the assistant tells a result."""
        if not isinstance(result, dict):
            return f"The answer is {in_words(result)}."
        if "error" in result:
            return f"That did not work: {result['error']}."
        plain = [f"the {words_of(k)} is {in_words(value)}" for k, value in result.items() if not isinstance(value, bool)]
        flags = [f"{words_of(k).capitalize()}: {in_words(value)}." for k, value in result.items() if isinstance(value, bool)]
        return " ".join((["T" + listed(plain)[1:] + "."] if plain else []) + flags)

    # -- conversations

    def _id(self):
        return "".join(self.values.pick("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") for _ in range(9))

    def conversation(self, outcome=None, sort=None):
        """Returns (messages, tools); the last message is an answer or calls. `sort` says of which sort the called tool is: family, random."""
        v = self.values
        outcome = outcome or v.pick(("call",) * 12 + ("two calls",) * 3 + ("result",) * 5 + ("none",) * 3)
        draw = {"family": self.family, "random": lambda: v.pick((self.random_tool, self.plain_tool))()}
        draw[None] = lambda: v.pick((draw["family"], draw["random"]))()
        wanted = draw[sort]()
        requests = {wanted.name: wanted}
        while len(requests) < v.pick((1, 1, 2, 2, 3, 4)):
            request = draw[None]()
            requests.setdefault(request.name, request)
        requests = list(requests.values())
        v.random.shuffle(requests)
        tools = [{"type": "function", "function": r.function} for r in requests]
        messages = [{"role": "system", "content": v.pick(SYSTEM)}] if v.chance(0.1) else []
        while v.chance(0.2):
            messages += said(*self.skills.any())
        if outcome == "none":
            turn = (
                self.skills.definition() if v.chance(0.5) else v.pick((self.skills.capital, self.skills.talk, self.skills.fact))()
            )
            return messages + said(*turn), tools
        asked = [(wanted, wanted.ask())]
        if outcome == "two calls":
            other = v.pick(requests)
            asked.append((other, other.ask()))
        messages.append({"role": "user", "content": " ".join(text for _, (text, _, _) in asked)})
        calls = [
            {"type": "function", "id": self._id(), "function": {"name": r.name, "arguments": arguments}}
            for r, (_, arguments, _) in asked
        ]
        messages.append({"role": "assistant", "tool_calls": calls})
        if outcome == "result":
            result = self.result(asked[0][1][2])
            content = result if isinstance(result, str) else dump(result)
            messages.append({"role": "tool", "tool_call_id": calls[0]["id"], "content": content})
            messages.append({"role": "assistant", "content": self.spoken(result)})
        return messages, tools
