"""Conversations with tools: what may be called, a request, the calls, their results and the answer.

Tools are of two sorts: some that are common (`FAMILIES`, the last of which are held out of the training), and random ones whose
names and parameters are words of the dictionary, so that the network has to read the tools and cannot know them.
"""


import pools
from pools import held_out
from skills import dump, listed, words_of
from wordnet_dialogues import SYSTEM

# Kinds of values: (JSON Schema, how to draw one, given Values).
KINDS = {
    "city": ({"type": "string"}, lambda v: v.city()),
    "country": ({"type": "string"}, lambda v: v.pick(pools.COUNTRIES)[0].removeprefix("the ")),
    "name": ({"type": "string"}, lambda v: v.full_name()),
    "word": ({"type": "string"}, lambda v: v.word()),
    "text": ({"type": "string"}, lambda v: v.phrase().strip(".")),
    "code": ({"type": "string"}, lambda v: v.code()),
    "date": ({"type": "string"}, lambda v: v.date()),
    "time": ({"type": "string"}, lambda v: v.time()),
    "email": ({"type": "string"}, lambda v: v.email()),
    "food": ({"type": "string"}, lambda v: v.pick(pools.FOODS)),
    "language": ({"type": "string"}, lambda v: v.pick(pools.LANGUAGES)),
    "colour": ({"type": "string"}, lambda v: v.pick(pools.COLOURS)),
    "int": ({"type": "integer"}, lambda v: v.number(0, v.pick((9, 99, 99, 9999)))),
    "number": ({"type": "number"}, lambda v: v.decimal() if v.chance(0.6) else v.number(1, 999)),
    "names": ({"type": "array", "items": {"type": "string"}}, lambda v: [v.name() for _ in range(v.random.randint(1, 3))]),
    "words": ({"type": "array", "items": {"type": "string"}}, lambda v: [v.word() for _ in range(v.random.randint(1, 3))]),
    "ints": ({"type": "array", "items": {"type": "integer"}}, lambda v: [v.number(0, 99) for _ in range(v.random.randint(2, 4))]),
    "temperature": ({"type": "string", "enum": ["celsius", "fahrenheit"]}, lambda v: v.pick(("celsius", "fahrenheit"))),
    "currency": ({"type": "string"}, lambda v: v.pick("EUR USD GBP JPY CHF SEK CAD AUD".split())),
    "room": ({"type": "string"}, lambda v: v.pick("kitchen bedroom bathroom garage hall office cellar garden".split())),
    "onoff": ({"type": "boolean"}, lambda v: v.chance(0.5)),
}

# name | other names ; description ; {parameter | other names: kind} ; requests ; {optional parameter: (kind, sentence)} ; results
FAMILIES = [
    (
        "get_weather|get_current_weather|weather|weather_forecast|getWeather|current_weather",
        "Get the current weather of a place|Weather of a place|Tells the weather in a city",
        {"city|place|location": "city"},
        [
            "What is the weather in {0}?",
            "How is the weather in {0}?",
            "Is it raining in {0}?",
            "Is it cold in {0}?",
            "Tell me the weather in {0}.",
            "What is the weather like in {0} today?",
            "Will I need an umbrella in {0}?",
            "weather in {0}",
            "How warm is it in {0}?",
        ],
        {"unit|units|format": ("temperature", ["Use {}.", "In {}, please.", "Answer in {}."])},
        ["temperature", "condition", "rain", "humidity"],
    ),
    (
        "get_time|current_time|get_current_time|time_in",
        "Get the time in a place|The current time of a city",
        {"city|place|location|timezone": "city"},
        ["What time is it in {0}?", "How late is it in {0}?", "Tell me the time in {0}.", "What is the time in {0}?"],
        {},
        ["time"],
    ),
    (
        "get_exchange_rate|exchange_rate|convert_currency",
        "Get the rate between two currencies|Exchange rate of two currencies",
        {"from|source|base": "currency", "to|target|quote": "currency"},
        ["What is the rate from {0} to {1}?", "How many {1} do I get for one {0}?", "Exchange rate of {0} and {1}?"],
        {},
        ["rate"],
    ),
    (
        "send_email|send_mail|email",
        "Send an e-mail|Sends an email to somebody",
        {"to|recipient|address": "email", "subject|title": "text"},
        ['Send an email to {0} with the subject "{1}".', 'Write a mail to {0}, subject "{1}".', 'Email {0} about "{1}".'],
        {"body|text|message": ("text", ['The text is "{}".', 'Write "{}".'])},
        ["status"],
    ),
    (
        "send_message|message|text_person",
        "Send a message to a person",
        {"person|to|recipient|name": "name", "text|message|content": "text"},
        ['Send {0} the message "{1}".', 'Tell {0} "{1}".', 'Message {0}: "{1}"'],
        {},
        ["status"],
    ),
    (
        "set_alarm|create_alarm|alarm",
        "Set an alarm|Wakes the user at a time",
        {"time|at": "time"},
        ["Wake me at {0}.", "Set an alarm for {0}.", "I want to get up at {0}."],
        {"label|name": ("word", ["Call it {}."])},
        ["status"],
    ),
    (
        "set_timer|start_timer|timer",
        "Start a timer",
        {"minutes|duration": "int"},
        ["Set a timer for {0} minutes.", "Start a timer of {0} minutes.", "Remind me in {0} minutes."],
        {},
        ["status"],
    ),
    (
        "add|sum_numbers|add_numbers",
        "Add two numbers|The sum of two numbers",
        {"a|x|first": "int", "b|y|second": "int"},
        ["Add {0} and {1}.", "What is the sum of {0} and {1}?", "What is {0} plus {1}? Use the tool."],
        {},
        ["result", "sum"],
    ),
    (
        "multiply|product|multiply_numbers",
        "Multiply two numbers",
        {"a|x|first": "int", "b|y|second": "int"},
        ["Multiply {0} by {1}.", "What is the product of {0} and {1}?"],
        {},
        ["result", "product"],
    ),
    (
        "search_web|web_search|search|google",
        "Search the web|Find pages on the internet",
        {"query|q|text": "text"},
        ['Search the web for "{0}".', 'Search for "{0}".', 'Find pages about "{0}".', 'Google "{0}".'],
        {"limit|max_results|count": ("int", ["At most {} results.", "Show {} results."])},
        ["results", "count"],
    ),
    (
        "play_music|play|play_song",
        "Play music|Plays a song",
        {"title|song|track": "text"},
        ['Play "{0}".', 'Play the song "{0}".', 'I want to hear "{0}".'],
        {"artist|by": ("name", ["It is by {}."])},
        ["status"],
    ),
    (
        "set_light|switch_light|light",
        "Switch the light of a room on or off",
        {"room": "room", "on|state": "onoff"},
        ["Switch the light in the {0} {1:onoff}.", "Turn {1:onoff} the light in the {0}.", "Light {1:onoff} in the {0}."],
        {},
        ["status"],
    ),
    (
        "set_temperature|set_thermostat|heating",
        "Set the temperature of a room",
        {"room": "room", "degrees|temperature|value": "int"},
        ["Heat the {0} to {1} degrees.", "Set the {0} to {1} degrees.", "Make it {1} degrees in the {0}."],
        {},
        ["status"],
    ),
    (
        "translate|translate_text|translation",
        "Translate a text",
        {"text": "text", "language|to|target_language": "language"},
        ['Translate "{0}" into {1}.', 'What is "{0}" in {1}?', 'How do you say "{0}" in {1}?'],
        {},
        ["translation"],
    ),
    (
        "find_flights|search_flights|flights",
        "Find flights between two cities",
        {"from|origin|departure": "city", "to|destination|arrival": "city"},
        ["Find flights from {0} to {1}.", "I want to fly from {0} to {1}.", "Are there flights from {0} to {1}?"],
        {"date|day": ("date", ["I travel on {}.", "On {}, please."])},
        ["flights", "price"],
    ),
    (
        "book_hotel|reserve_hotel|hotel",
        "Book a hotel",
        {"city|place|location": "city", "nights|days": "int"},
        ["Book a hotel in {0} for {1} nights.", "I need a hotel in {0}, {1} nights."],
        {"guests|people": ("int", ["We are {} people.", "For {} people."])},
        ["booking", "price"],
    ),
    (
        "find_restaurants|restaurants|search_restaurants",
        "Find restaurants in a city",
        {"city|place|location": "city", "food|cuisine|dish": "food"},
        ["Where can I eat {1} in {0}?", "Find a restaurant with {1} in {0}."],
        {},
        ["name", "rating"],
    ),
    (
        "get_population|population",
        "Number of people of a country",
        {"country": "country"},
        ["How many people live in {0}?", "What is the population of {0}?"],
        {},
        ["population"],
    ),
    (
        "get_order_status|order_status|track_order",
        "Get the status of an order",
        {"order_id|order|id": "code"},
        ["Where is my order {0}?", "What is the status of order {0}?", "Track the order {0}."],
        {},
        ["status", "delivery"],
    ),
    (
        "retrieve_payment_status|payment_status|get_payment_status",
        "Get payment status of a transaction",
        {"transaction_id|transaction|id": "code"},
        ["What's the status of my transaction {0}?", "Has the payment {0} arrived?", "Payment status of {0}?"],
        {},
        ["status"],
    ),
    (
        "retrieve_payment_date|payment_date|get_payment_date",
        "Get payment date of a transaction",
        {"transaction_id|transaction|id": "code"},
        ["On which day was {0} paid?", "What's the payment date of transaction {0}?", "When was the transaction {0} paid?"],
        {},
        ["date"],
    ),
    (
        "add_event|create_event|calendar",
        "Add an event to the calendar",
        {"title|name|event": "text", "date|day": "date"},
        ['Add "{0}" on {1} to my calendar.', 'Put "{0}" into the calendar on {1}.'],
        {"time|at|start": ("time", ["It starts at {}.", "At {}."])},
        ["status"],
    ),
    (
        "invite|invite_people|send_invitations",
        "Invite people",
        {"people|names|guests": "names"},
        ["Invite {0}.", "Send invitations to {0}."],
        {"date|day": ("date", ["The party is on {}.", "On {}."])},
        ["status"],
    ),
    (
        "add_to_list|shopping_list|add_items",
        "Put things on the shopping list",
        {"items|things|products": "words"},
        ["Put {0} on the shopping list.", "I have to buy {0}.", "Add {0} to my list."],
        {},
        ["status", "count"],
    ),
    (
        "call_person|call|phone",
        "Call a person by telephone",
        {"name|person|contact": "name"},
        ["Call {0}.", "Phone {0}.", "I want to talk to {0}."],
        {},
        ["status"],
    ),
    (
        "get_recipe|find_recipe|recipe",
        "Find a recipe",
        {"dish|food|name": "food"},
        ["How do I cook {0}?", "Find a recipe for {0}.", "A recipe for {0}, please."],
        {"servings|people": ("int", ["For {} people.", "We are {}."])},
        ["minutes", "ingredients"],
    ),
    (
        "average|mean|compute_average",
        "The mean of numbers",
        {"numbers|values": "ints"},
        ["What is the mean of {0}?", "Compute the average of {0}."],
        {},
        ["mean", "result"],
    ),
    (
        "roll_dice|dice",
        "Roll dice",
        {"count|dice|number": "int"},
        ["Roll {0} dice.", "Throw {0} dice."],
        {"sides": ("int", ["They have {} sides."])},
        ["total"],
    ),
    # Held out of the training:
    (
        "get_stock_price|stock_price",
        "Price of a share of a company",
        {"company|symbol": "name"},
        ["What is the stock price of {0}?", "How much is a share of {0}?"],
        {},
        ["price"],
    ),
    (
        "get_distance|distance",
        "Distance between two cities",
        {"from|start": "city", "to|end": "city"},
        ["How far is it from {0} to {1}?", "What is the distance from {0} to {1}?"],
        {},
        ["kilometers"],
    ),
    (
        "book_table|reserve_table",
        "Reserve a table in a restaurant",
        {"restaurant|name": "name", "people|seats": "int"},
        ["Reserve a table for {1} people at {0}.", "Book a table at {0} for {1}."],
        {"time|at": ("time", ["We come at {}."])},
        ["status"],
    ),
    (
        "create_note|take_note",
        "Write a note",
        {"text|content": "text"},
        ['Write a note: "{0}"', 'Take a note: "{0}"'],
        {},
        ["status"],
    ),
    (
        "define_word|lookup",
        "Look up a word",
        {"word|term": "word"},
        ["Look up the word {0}.", "Look up {0}."],
        {"language": ("language", ["In {}."])},
        ["definition"],
    ),
    (
        "set_volume|volume",
        "Set the volume of the speaker",
        {"level|volume|percent": "int"},
        ["Set the volume to {0}.", "Volume to {0}, please."],
        {},
        ["status"],
    ),
]
HELD_OUT_FAMILIES = 6

VERBS = "get find create delete open close start stop check update book order count send read write move copy show list fetch repair clean measure paint sell rent lend print scan".split()
MORE_KINDS = [k for k in KINDS if k not in ("temperature", "onoff", "room", "currency", "food", "country")]
RESULTS = {
    "temperature": "int",
    "humidity": "int",
    "count": "int",
    "price": "number",
    "rate": "number",
    "population": "int",
    "time": "time",
    "date": "date",
    "delivery": "date",
    "minutes": "int",
    "ingredients": "words",
    "name": "name",
    "rating": "number",
    "sum": "int",
    "result": "int",
    "product": "int",
    "mean": "number",
    "total": "int",
    "flights": "int",
    "booking": "code",
    "results": "int",
    "kilometers": "int",
    "translation": "text",
    "definition": "text",
}


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
        side = FAMILIES[-HELD_OUT_FAMILIES:] if values.test else FAMILIES[:-HELD_OUT_FAMILIES]
        self.families = side
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
                text = text.replace("{%d:onoff}" % i, "on" if value is True else "off").replace(
                    "{%d}" % i, listed(value) if isinstance(value, list) else str(value)
                )
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
            values = [listed(value) if isinstance(value, list) else str(value) for value in arguments.values()]
            return (
                v.pick(asks).format(*values, Verb=verb.capitalize(), thing=thing, Thing=thing.capitalize()),
                arguments,
                self._results(),
            )

        return Request(
            self._tool(self._tool_name(verb, nouns), f"{verb.capitalize()} {v.pick(('a', 'the'))} {thing}", kinds, list(kinds)),
            ask,
        )

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
                    said = (
                        ("yes" if value else "no")
                        if isinstance(value, bool)
                        else listed(value)
                        if isinstance(value, list)
                        else str(value)
                    )
                    if isinstance(value, str) and (" " in value or v.chance(0.3)):
                        said = f'"{value}"'
                    parts.append((n, said))
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

        return Request(
            self._tool(self._tool_name(verb, nouns), f"{verb.capitalize()} {v.pick(('a', 'the'))} {thing}", kinds, required), ask
        )

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
        said = lambda value: listed(value) if isinstance(value, list) else str(value)
        if not isinstance(result, dict):
            return f"The answer is {'yes' if result is True else 'no' if result is False else said(result)}."
        if "error" in result:
            return f"That did not work: {result['error']}."
        plain = [f"the {words_of(k)} is {said(value)}" for k, value in result.items() if not isinstance(value, bool)]
        flags = [
            f"{words_of(k).capitalize()}: {'yes' if value else 'no'}." for k, value in result.items() if isinstance(value, bool)
        ]
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
            question, answer = self.skills.any()
            messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        say = lambda text: messages.append({"role": "user", "content": text})
        answer = lambda text: messages.append({"role": "assistant", "content": text})
        if outcome == "none":
            question, text = (
                self.skills.definition() if v.chance(0.5) else v.pick((self.skills.capital, self.skills.talk, self.skills.fact))()
            )
            say(question)
            answer(text)
            return messages, tools
        first = wanted.ask()
        asked = [(wanted, first)]
        if outcome == "two calls":
            other = v.pick(requests)
            asked.append((other, other.ask()))
        say(" ".join(text for _, (text, _, _) in asked))
        calls = [
            {"type": "function", "id": self._id(), "function": {"name": r.name, "arguments": arguments}}
            for r, (_, arguments, _) in asked
        ]
        messages.append({"role": "assistant", "tool_calls": calls})
        if outcome == "result":
            results = []
            for call, (_, (_, _, keys)) in zip(calls, asked):
                result = self.result(keys)
                results.append(result)
                messages.append(
                    {"role": "tool", "tool_call_id": call["id"], "content": result if isinstance(result, str) else dump(result)}
                )
            answer(" ".join(self.spoken(r) for r in results))
        return messages, tools
