"""Writes the training data of `examples/training`, made from WordNet 3.0 (the same for every run).

    python wordnet_training.py --wordnet /usr/share/wordnet --output ../../examples/training

The tasks are about the words that mistral-tiny-instruct knows, but were not part of its training:

* categories: the lexical category of a noun, one of the 26 files of WordNet's lexicographers, such as animal or food;
* definitions: the same for the definition of a noun, as a text with a label;
* sentences: pairs of answers to the same question, a sentence (chosen) and the definition as it was trained (rejected).

A quarter of the words is held out. Words of one synonym set, which have the same definition and category, are on the
same side.
"""
import argparse
import json
import os
import random

from wordnet_dialogues import Dictionary, plain_question

CATEGORIES = ("top act animal artifact attribute body cognition communication event feeling food group location motive object "
              "person phenomenon plant possession process quantity relation shape state substance time").split()
FIRST = 3  # number of the first of the files for nouns
PAIRS = (400, 100)  # training and held out


def categories(directory):
    """The category of each noun synset, by its offset in data.noun."""
    with open(os.path.join(directory, "data.noun"), encoding="utf-8") as file:
        return {line[:8]: CATEGORIES[int(line.split()[1]) - FIRST] for line in file if not line.startswith(" ")}


def category_question(noun):
    return "In which category is " + plain_question(noun)[len("What is "):]


def message(role, content):
    return [{"role": role, "content": content}]


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", required=True)
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    dictionary = Dictionary(args.wordnet)
    category = categories(args.wordnet)

    synsets = {}  # offset of the first sense -> nouns
    for noun in dictionary.known:
        synsets.setdefault(dictionary.index[noun.name.lower().replace(" ", "_")][0], []).append(noun)
    offsets = sorted(synsets)
    random.Random(1).shuffle(offsets)
    held_out, held_out_texts = len(offsets) // 4, set()
    for side, chosen, pairs in (("test", offsets[:held_out], PAIRS[1]), ("train", offsets[held_out:], PAIRS[0])):
        rows = [(category[offset], noun) for offset in chosen for noun in synsets[offset]]
        write(os.path.join(args.output, f"categories-{side}.jsonl"),
              [{"prompt": message("user", category_question(noun)), "completion": message("assistant", name)} for name, noun in rows])
        definitions = {synsets[offset][0].definition: offset for offset in chosen}
        write(os.path.join(args.output, f"definitions-{side}.jsonl"),
              [{"text": text, "label": category[offset]} for text, offset in definitions.items() if text not in held_out_texts])
        held_out_texts |= definitions.keys()
        write(os.path.join(args.output, f"sentences-{side}.jsonl"),
              [{"prompt": message("user", plain_question(noun)), "chosen": message("assistant", f"It is {noun.definition}."),
                "rejected": message("assistant", noun.definition)} for _, noun in rows[:pairs]])


if __name__ == "__main__":
    main()
