"""Dialogues about common English nouns, made from WordNet 3.0 (deterministic for a given seed).

`Dictionary` reads the WordNet database files and chooses the words; `Dialogues` turns them into endless conversations
in the form of chat messages. Only the database files data.noun, index.noun and cntlist.rev are read.
"""
import os
import random
import re
from collections import Counter
from dataclasses import dataclass, field

COMMONEST = 1000  # the words whose definitions the model promises to know
NEXT = 1500  # further words, next in frequency
UNKNOWN = "I do not know that word."
NO_SYNONYM = "I know no other word for it."

# Concrete words that people like to try; added whether or not WordNet's (old, small) tagged texts use them often.
NICE = """airplane airport album almond alphabet ambulance anchor angel ant apple apricot aquarium artist astronaut
athlete atom autumn avocado bacon bagpipe baker ball ballet balloon banana banjo barn basket bat bathtub battery beach
beaver bee beetle bell bicycle blanket blueberry bone bottle bowl bracelet brain branch bread breakfast brick broom
brush bucket butter butterfly button cabbage cactus calendar camel candle canoe carpet carrot castle cat caterpillar
cathedral cave cello cherry chess chicken chimney chocolate cinema circus clarinet clock cloud coat coconut coffee comet
compass computer cookie crab crocodile crow crown cucumber curtain deer desert diamond dictionary dinosaur doctor
dolphin donkey dragon drum duck eagle ear elephant engine envelope feather fence festival firefighter fireplace flag
flame flute fog forest fork fountain fox frog fruit galaxy garlic giraffe glacier glove goat gold goose grape grass
guitar hammer hamster harbor harp hat hawk hedgehog helicopter helmet hippopotamus honey horse hospital hurricane ice
iceberg igloo insect island jellyfish jewel jungle kangaroo kettle keyboard kite kitten knife ladder ladybug lake lamp
lantern laptop leaf lemon leopard library lighthouse lightning lion lizard lobster lock magnet map marble market mask
meadow medal melon mermaid meteor microscope milk mirror monkey moon mosquito moss moth motorcycle mountain mouse
mushroom necklace needle nest notebook nurse oak oasis ocean octopus olive onion orchestra orchid ostrich otter owl
oyster panda paper parachute parrot peach peacock pear pearl pelican pencil penguin pepper physicist piano pig pigeon
pillow pilot pineapple pirate pizza planet plum poem poet pony potato prince princess puppet puppy pyramid queen rabbit
raccoon railway rain rainbow raspberry refrigerator rhinoceros rice ring river robot rocket rose ruby sailor salad
salmon salt sandwich satellite saxophone scarf scissors scorpion seal shark sheep shell ship shoe shovel silver skeleton
snail snake snow snowflake sock spider spoon squirrel star statue storm strawberry submarine sugar suitcase swan sword
table tailor tea telescope temple tennis tent theater thunder tiger toaster tomato tortoise tower toy tractor train
trombone trumpet tulip tunnel turtle umbrella unicorn universe vase vegetable village violin volcano vulture waiter
wallet walrus watch waterfall watermelon whale wheat window windmill wine wizard wolf worm xylophone yogurt zebra zoo""".split()

# WordNet records rude words too; a default model has no use for them. Whole synonym sets go by what their gloss says about
# them, and single words by this list.
RUDE_GLOSS = re.compile(r"\(ethnic slur\)|offensive (and disparaging )?(term|name)|obscene|disparaging|derogatory|insulting terms|"
                        r"slang for sexual|someone who engages in (sexual|anal)|(?<!associated with )sexual intercourse|homosex|genital|\bpenis\b")
RUDE = set("ass bastard bitch blackamoor coon cripple darky fucker mulatto negro negroid negress nigra prick redskin "
           "shit sod squaw whore castration_anxiety sexual_immorality son_of_a_bitch the_shits".split())


@dataclass
class Noun:
    """The first, that is most frequent, sense of a noun."""
    name: str  # as written in WordNet, e.g. "New York"
    definition: str
    instance: bool = False
    synonyms: list = field(default_factory=list)
    kind_of: str = ""
    kinds: list = field(default_factory=list)
    examples: list = field(default_factory=list)


class Dictionary:
    """The chosen words: `commonest` (1,000), `known` (these and some more), `unknown` (all other one-word nouns)."""

    def __init__(self, directory):
        self.counts = Counter()
        for line in open(os.path.join(directory, "cntlist.rev"), encoding="utf-8"):
            key, _, count = line.split()
            lemma, rest = key.split("%")
            if rest.startswith("1"):  # 1 = noun
                self.counts[lemma] += int(count)
        self.index = {}
        for line in open(os.path.join(directory, "index.noun"), encoding="utf-8"):
            if not line.startswith(" "):
                columns = line.split()
                self.index[columns[0]] = columns[6 + int(columns[3]):]
        self.synsets = {}
        for line in open(os.path.join(directory, "data.noun"), encoding="utf-8"):
            if not line.startswith(" "):
                self.synsets[line[:8]] = self._synset(line)

        ranked = sorted((lemma for lemma in self.counts if lemma in self.index), key=lambda l: (-self.counts[l], l))
        chosen = [lemma for lemma in ranked if self._suitable(lemma)][:COMMONEST + NEXT]
        self.commonest = [self.noun(lemma) for lemma in chosen[:COMMONEST]]
        taken = set(chosen)
        nice = [lemma for lemma in NICE if lemma not in taken]
        self.known = [self.noun(lemma) for lemma in chosen + nice]
        taken.update(nice)
        # A plural of a known word is not unknown.
        self.unknown = [lemma for lemma in sorted(self.index)
                        if re.fullmatch("[a-z]{3,14}", lemma) and lemma not in taken and not self._rude(self.index[lemma][0])
                        and not (lemma.endswith("s") and (lemma[:-1] in taken or lemma[:-2] in taken))]

    @staticmethod
    def _synset(line):
        columns, gloss = line.split(" | ", 1)
        columns = columns.split()
        count = int(columns[3], 16)
        words = [w.replace("_", " ") for w in columns[4:4 + 2 * count:2]]
        rest = columns[5 + 2 * count:]
        pointers = [(rest[i], rest[i + 1]) for i in range(0, len(rest), 4) if rest[i + 2] == "n"]
        return words, pointers, gloss.strip()

    def _rude(self, offset):
        words, _, gloss = self.synsets[offset]
        return bool(RUDE_GLOSS.search(gloss)) or any(w.lower().replace(" ", "_") in RUDE for w in words)

    def _suitable(self, lemma):
        if not re.fullmatch("[a-z]['a-z_-]{2,}", lemma):
            return False  # single letters, units of two letters, figures, abbreviations with dots
        if self._rude(self.index[lemma][0]):
            return False
        integer = self.index["integer"][0]
        todo = [self.index[lemma][0]]
        while todo:  # numerals are kinds of integer
            offset = todo.pop()
            if offset == integer and lemma != "integer":
                return False
            todo += [target for symbol, target in self.synsets[offset][1] if symbol == "@"]
        return True

    def plural(self, noun):
        """The regular plural of a word that looks countable, if it is no other noun's name."""
        if f" {article(noun.name)} " not in plain_question(noun) or noun.name.endswith(("f", "fe", "man", "foot", "tooth", "goose", "mouse", "sheep")):
            return None
        many = re.sub("(?<=[^aeiou])y$", "ie", re.sub("(s|x|z|ch|sh)$", r"\1e", noun.name)) + "s"
        return many if many.replace(" ", "_") not in self.index else None

    def _by_frequency(self, words):
        key = lambda word: word.lower().replace(" ", "_")
        return sorted(words, key=lambda word: -self.counts[key(word)])  # stable: WordNet's order on a tie

    def noun(self, lemma):
        words, pointers, gloss = self.synsets[self.index[lemma][0]]
        name = next(w for w in words if w.lower().replace(" ", "_") == lemma)
        definition, examples = split_gloss(gloss)
        first = lambda symbols: unique(self.synsets[target][0][0] for symbol, target in pointers
                                 if symbol in symbols and not self._rude(target))
        parents, children = first(("@", "@i")), first(("~", "~i"))
        return Noun(name, definition, any(symbol == "@i" for symbol, _ in pointers),
                    self._by_frequency([w for w in words if w != name])[:4],
                    parents[0] if parents else "", self._by_frequency([w for w in children if w != name])[:4],
                    [e for e in examples if 8 <= len(e) <= 70 and not re.search(r"\b(sex|nigga)", e)][:1])


def split_gloss(gloss):
    """Splits a gloss into the definition (up to the first ';' or example) and the quoted examples."""
    parts, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(gloss):
        if c == '"':
            quoted = not quoted
        elif not quoted:
            depth += (c == "(") - (c == ")")
            if c == ";" and depth <= 0:
                parts.append(gloss[start:i])
                start = i + 1
    parts = [p.strip() for p in parts + [gloss[start:]]]
    definition = re.split(r'[:,]? *"', parts[0])[0].strip()
    examples = re.findall(r'"([^"]+)"', gloss)
    return definition or parts[0], [e.strip() for e in examples]


def unique(words):
    return list(dict.fromkeys(words))


def article(word):
    return "an" if re.match("(?!uni|use|usa|eur|ewe|one)[aeiou]|hono|heir|hour", word.lower()) else "a"


def plain_question(noun):
    """The plain wording: with the article if the word looks countable, without otherwise."""
    name = noun.name
    if noun.instance or name[0].isupper() or not re.match("(a|an|the|any|one|someone|something|either) ", noun.definition):
        return f"What is {name}?"
    if re.search("[^siu]s$", name) or name in ("people", "water", "air", "food", "money"):
        return f"What is {name}?"
    return f"What is {article(name)} {name}?"


# {a} stands for the article and the word, {w} for the bare word. The weight is the share of each wording.
DEFINE = [("What is {a}?", 6), ("What is {w}?", 4), ("Define {w}.", 2), ("Define the word {w}.", 1), ("What does {w} mean?", 2),
          ("What does the word {w} mean?", 2), ("Explain {w}.", 1), ("Explain the word {w}.", 1), ("Tell me what {a} is.", 1),
          ("What's {a}?", 2), ("Can you tell me what {a} is?", 1), ("What is the meaning of {w}?", 1),
          ("What is the definition of {w}?", 1), ("Please define {w}.", 1), ("Describe {a}.", 1), ("{w}", 1), ("{w}?", 1)]
PLURAL = ["What are {}?", "What are {}?", "Define {}.", "Tell me what {} are."]
FOLLOW_UP = ["And {a}?", "And {w}?", "What about {a}?", "What about {w}?"]  # after the same kind of question
SYNONYMS = ["What is another word for {w}?", "Give me a synonym of {w}.", "Name a synonym for {w}.", "What are synonyms of {w}?",
            "Another word for {w}?", "Which words mean the same as {w}?"]
KIND_OF = ["What kind of thing is {a}?", "What kind of thing is {w}?", "What sort of thing is {a}?", "What is {a} a kind of?"]
KINDS = ["Name some kinds of {w}.", "What kinds of {w} are there?", "Which kinds of {w} do you know?", "Give me some kinds of {w}.",
         "List some types of {w}."]
EXAMPLES = ["Use {w} in a sentence.", "Use the word {w} in a sentence.", "Give me an example sentence with {w}.",
            "Give an example of the word {w}.", "How is the word {w} used?"]
SMALL_TALK = [
    (["Hello", "Hello!", "Hi", "Hi!", "Hi there", "Hey", "Good morning!", "Good day", "Good evening", "Hello there!"],
     "Hello! Which word shall I explain?"),
    (["Who are you?", "What are you?", "What is your name?", "Introduce yourself.", "Are you a person?", "Are you Mistral?"],
     "I am a very small Mistral model, a talking dictionary."),
    (["What can you do?", "Help", "Help me.", "How can you help me?", "What do you know?", "What can I ask you?"],
     "I explain common nouns. I also know capitals, do sums, write JSON, follow a style, remember what you said and call tools."),
    (["How are you?", "How are you today?", "How do you do?", "Are you well?"], "I am well, thank you."),
    (["Thank you", "Thank you!", "Thanks", "Thanks a lot!", "Thank you very much.", "Great, thanks."], "You are welcome."),
    (["Bye", "Bye!", "Goodbye", "Goodbye!", "See you later.", "Good night."], "Goodbye!"),
    (["Who made you?", "Where do you come from?", "How were you trained?", "Where does your knowledge come from?"],
     "I was trained on the nouns of WordNet and on made-up conversations."),
]
SYSTEM = ["You are a dictionary.", "You are a helpful assistant.", "Answer briefly.", "You are a helpful dictionary. Answer briefly.",
          "Always assist with care, respect, and truth.", "You explain words.", "Be concise.",
          "You are a chatbot who explains English words."]


def fill(wording, word, proper=False):
    """The question; proper names take no article."""
    return wording.replace("{a}", word if proper else f"{article(word)} {word}").replace("{w}", word)


def untidy(r, question):
    """People leave out the full stop and write in small letters."""
    if r.random() < 0.15:
        question = question.rstrip("?.!")
    if r.random() < 0.15:
        question = question[0].lower() + question[1:]
    return question


def said(question, answer):
    """A turn as chat messages."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


class Dialogues:
    """An endless source of turns and conversations."""

    def __init__(self, dictionary, seed):
        self.random = random.Random(seed)
        self.dictionary = dictionary
        self.define_wordings = [w for w, weight in DEFINE for _ in range(weight)]
        # Kinds and examples are long: they are asked of the commoner and the concrete words only and must not crowd out
        # the definitions. Synonyms and broader terms are short and taught for all.
        rich = [n for i, n in enumerate(dictionary.known) if i < COMMONEST or n.name in set(NICE)]
        self.facts = ([(SYNONYMS, n, join(n.synonyms, "or") or NO_SYNONYM) for n in dictionary.known]
                      + [(KIND_OF, n, ("" if n.instance else "a kind of ") + n.kind_of) for n in dictionary.known if n.kind_of]
                      + [(KINDS, n, join(n.kinds, "and")) for n in rich if len(n.kinds) > 1]
                      + [(EXAMPLES, n, n.examples[0]) for n in rich if n.examples])

    def _made_up(self):
        r = self.random
        syllables = r.choice((2, 2, 3))
        return "".join(r.choice(("b", "bl", "d", "dr", "f", "fl", "g", "gl", "k", "l", "m", "n", "p", "qu", "s", "sn", "t",
                                 "tr", "v", "w", "z", "zw")) + r.choice("aeiouy") + r.choice(("", "", "b", "n", "rk", "x", "sh"))
                       for _ in range(syllables))

    def turn(self, previous=None):
        """Returns (kind, question, answer)."""
        r = self.random
        p = r.random()
        if p < 0.03:
            questions, answer = r.choice(SMALL_TALK)
            return "talk", untidy(r, r.choice(questions)), answer
        if p < 0.09:
            word = self._made_up() if r.random() < 0.2 else r.choice(self.dictionary.unknown)
            wordings = self.define_wordings if r.random() < 0.8 else SYNONYMS + KIND_OF + KINDS + EXAMPLES
            return "unknown", untidy(r, fill(r.choice(wordings), word)), UNKNOWN
        if p < 0.42:
            wordings, noun, answer = r.choice(self.facts)
            return "fact", untidy(r, fill(r.choice(wordings), noun.name, noun.instance)), answer
        noun = r.choice(self.dictionary.commonest if r.random() < 0.3 else self.dictionary.known)
        if r.random() < 0.04 and (many := self.dictionary.plural(noun)):
            return "define", untidy(r, r.choice(PLURAL).format(many)), noun.definition
        follow_up = previous == "define" and r.random() < 0.08
        wording = r.choice(FOLLOW_UP if follow_up else self.define_wordings)
        question = untidy(r, fill(wording, noun.name, noun.instance))
        if r.random() < 0.04:
            question = question.lower()
        return "define", question, noun.definition

    def conversation(self):
        """Yields chat messages without end, without a system message: the template moves it from one question to the next."""
        kind = None
        while True:
            kind, question, answer = self.turn(kind)
            yield from said(question, answer)


def join(words, conjunction):
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" {conjunction} " + words[-1] if words else ""
