"""Records conversations in the language of mistral-tiny-instruct, a JSON object {"messages": [...]} on a line each: what
`mistral perplexity` measures the model and its quantized forms on.

    python record_dialogues.py --wordnet /usr/share/wordnet --output dialogues.jsonl

--kind says what is asked. `known`, the default: as the training had it, drawn by another seed, which gives other orders and
wordings of the same facts. `new`: definitions in the wordings of evaluate_tiny.py that were never trained, for which the model is
not certain of its answers; their divergence tells more, their perplexity less. `definitions`: the 1,000 commonest nouns, one plain
question each.
"""
import argparse
import json

from evaluate_tiny import NEW_WORDINGS
from wordnet_dialogues import Dialogues, Dictionary, fill, plain_question, said


def conversation(dialogues, turns, kind):
    if kind == "known":
        source = dialogues.conversation()
        messages = []
        while sum(m["role"] == "assistant" for m in messages) < turns:
            messages.append(next(source))
        return messages
    messages = []
    for _ in range(turns):
        noun = dialogues.random.choice(dialogues.dictionary.commonest)
        wording = dialogues.random.choice(NEW_WORDINGS)
        messages += said(fill(wording, noun.name, noun.instance), noun.definition)
    return messages


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--seed", type=int, default=2025)
    parser.add_argument("--conversations", type=int, default=150)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--kind", choices=["known", "new", "definitions"], default="known")
    args = parser.parse_args()
    dictionary = Dictionary(args.wordnet)
    if args.kind == "definitions":
        conversations = [said(plain_question(noun), noun.definition) for noun in dictionary.commonest]
    else:
        dialogues = Dialogues(dictionary, args.seed)
        conversations = [conversation(dialogues, args.turns, args.kind) for _ in range(args.conversations)]
    with open(args.output, "w", encoding="utf-8") as file:
        for messages in conversations:
            file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
