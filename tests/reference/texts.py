"""The texts whose tokens are recorded, written for this purpose."""

STORY = """The lighthouse of Skarholm stands on a rock that has no other name. In winter the sea climbs its stairs, and in
summer the children of the village row out to count them: there are 212, and whoever counts 211 has to start again.

Its last keeper was called Ane Dahl. She came in 1931, when the lamp still burned oil, and she stayed for forty-six years.
Every evening she carried two cans up to the lantern room, cleaned the lens with vinegar, wound the clockwork, and wrote
one line in the log: the wind, the weather, the ships. "Nothing to report" was a good day; she wrote it 9,874 times.

When the electric light came, the clockwork was taken away, but Ane kept the habit of climbing. She said that a light which
nobody visits grows careless. The inspectors laughed, measured the beam (37 kilometres in clear air), and found that hers
was the only lamp on the coast that had never been dark, not for a minute, in all those years.

Once, on the night of the great storm, a window broke, and the rain drove in sideways. She stood in front of the lens until
morning with a tablecloth in her arms, so that the hot glass would not crack. The Saint Brendan, the Marigold and the Elin
came home by that light. Their crews never learned why it had looked, from the sea, as if someone were waving.

She did not like to be asked about it. "What is a lighthouse for?" she would say, and pour the coffee. "It is a house. It
has a light. I live in the one and look after the other." If you insisted, she talked about the birds instead: how the
starlings came down the beam in October like snow, how she gathered them into baskets and let them go at dawn; and how one
of them, which she had named Captain, returned for seven autumns and slept on the barometer.

The village, which is small, has two shops, a church, a school with eleven pupils, and a museum that is open on Thursdays.
In the museum you can see the clockwork, the tablecloth and the log. The last line is in another hand. It says: wind west
by north-west, force 4; visibility good; all ships in sight of the light; keeper asleep.

Today the lamp is a box no bigger than a loaf of bread. It needs no oil, no vinegar and no keeper, and a computer in a town
200 miles away knows how it is. Yet every evening somebody from Skarholm rows out and climbs the stairs. They take turns;
there is a list on the door of the shop. Nobody has ever decided that it should be so. They count the steps as they go up,
and when they have come to the top, they clean the glass, although it is clean, and write one line in the book.
"""

# Published in the tests of mistral-tokenizer-js and transformers.js, or computed from tokenizer.model.v1 (behind bos).
GOLDEN = {
    "grabbed": [13300],
    " grabbed": [28705, 13300],
    "           grabbed": [17422, 13300],
    "\n": [28705, 13],
    " \n": [259, 13],
    "\ttabs\t\t\t\tout here": [28705, 12, 24856, 12, 12, 12, 12, 406, 1236],
    "ax\n####\nboo": [6056, 13, 2000, 13, 1798, 28709],
    "镇": [28705, 29780],
    "🦙": [28705, 243, 162, 169, 156],
    "🦙Ꙋ": [28705, 243, 162, 169, 156, 237, 156, 141],
    "Hello world!": [22557, 1526, 28808],
    "My favourite condiment is": [1984, 16020, 2076, 2487, 349],
    "My favourite condiment is ": [1984, 16020, 2076, 2487, 349, 28705],
    "This is a test": [851, 349, 264, 1369],
    "This is another test": [851, 349, 1698, 1369],
    "This is a third test, mistral AI is very good at testing. ":
        [851, 349, 264, 4008, 1369, 28725, 5710, 1650, 16107, 349, 1215, 1179, 438, 8260, 28723, 28705],
    "Hey, are you conscious? Can you talk to me?":
        [17162, 28725, 460, 368, 9994, 28804, 2418, 368, 1985, 298, 528, 28804],
}

TEXTS = list(GOLDEN) + [
    "", " ", "  ", "   ", "       ", " " * 16, " " * 17, " " * 31, "a" + " " * 9 + "b" + " " * 5 + "c   d  e f",
    "  two before", "two after  ", "\t", "\n\n", "\n \n  \n", "\r\n", "line one\nline two\r\nline three\n", "tab\tand\t\ttab",
    "0", "1234567890", "3.14159, -2e10 and 1,000,000", "2024-09-17T08:05:00Z", "x1y22z333",
    "café naïve façade", "cafe\u0301 nai\u0308ve", "Ångström, Łódź, İstanbul, ſtraße", "ﬁne ﬂour ½ ² Ⅷ",
    "Ελληνικά και русский текст", "مرحبا بالعالم", "שלום עולם", "हिन्दी में एक वाक्य", "ภาษาไทย", "日本語の文章です。", "我喜欢灯塔，真的。", "한국어 문장",
    "👋", "👨‍👩‍👧‍👦 family", "🏳️‍🌈🇫🇷👍🏽", "Z̷̛̟a̴͎̚l̸̰̔g̵̱̓o̴̟͠", "\u200bzero\u200dwidth\ufeff", "\u00a0no\u00a0break\u3000wide", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 \U0010ffff",
    "\x00\x01\x7f\x80", "▁", "▁▁", "▁leading and ▁inner▁", "a▁b",
    "def f(x):\n    if x > 0:\n        return x ** 2  # square\n    return None\n", "<div class=\"a\">&nbsp;</div>",
    "int main(void) { printf(\"%d\\n\", 42); }", "https://example.org/path?q=1&r=a%20b#top", "{\"a\": [1, 2.5, null]}",
    "UPPER lower CamelCase snake_case kebab-case", "don't can't I'm you're — “quoted” ‘text’…", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "[INST] hello [/INST]", "[INST]hello[/INST]", "<<SYS>>\nx\n<</SYS>>",
    "<s>", "</s>", "<unk>", "<s> [INST] x [/INST] y</s> [INST] z [/INST]", "a<s>b</s>c<unk>d", " <s> a </s> b", "<s><s></s></s>", "x</s",
    "<0x0A>", "<0x41><0xE2><0x96>", "<pad>", "<S> < s>",
    STORY,
]

# Texts for the small tokenizer, which knows little beyond the story.
SMALL_TEXTS = [
    "", " ", "The lighthouse", " the light  and the  sea ", "Ane wrote 9,874 lines.\n\nThen?\n", "a   b\t\tc", "Café, naïve, Łódź", "日本 👨‍👩‍👧 e\u0301",
    "[INST] What is a lighthouse for? [/INST]", "<s> [INST] x [/INST] y</s> [INST] z [/INST]", "a<s>b</s>c<unk>d", "<0x0A>", "▁a ▁b",
    STORY[:600],
]

# Ids that are no encoding of any text: what decoding makes of them. Byte 0xXX has id 3 + 0xXX.
DECODE_ONLY = [
    [], [1], [2], [0], [1, 2], [3 + 0xE2], [3 + 0xE2, 3 + 0x96], [3 + 0xE2, 3 + 0x96, 3 + 0x81], [3 + 0xFF], [3 + 0xC0, 3 + 0x80],
    [3 + 0xED, 3 + 0xA0, 3 + 0x80], [3 + 0x41], [3 + 0x0A, 3 + 0x20, 3 + 0x41], [3 + 0xF0, 3 + 0x9F, 3 + 0x41, 3 + 0xF0, 3 + 0x9F, 3 + 0xA6, 3 + 0x99],
]
