"""Prints the accuracy figures of the model card of mistral-tiny-instruct.

    python evaluate_tiny.py --wordnet /usr/share/wordnet --model mistral-tiny-instruct

An answer counts only if it is the expected one to the last character. Definitions, capitals and facts are known by heart; names, words,
numbers, tools and parameters of the other skills were held out of the training (see pools.py).
"""

import argparse
import random

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from conversations import Conversation, Conversations
from rows import Encoder
from train_tiny import definition, recited
from wordnet_dialogues import UNKNOWN, Dialogues, Dictionary, fill, plain_question, said

WORDINGS = [
    "What is {w}?",
    "Define {w}.",
    "Define the word {w}.",
    "What does {w} mean?",
    "What does the word {w} mean?",
    "Tell me what {a} is.",
    "What's {a}?",
    "Explain {w}.",
    "what is {a}",
    "{w}",
]
NEW_WORDINGS = ["Could you define {w}?", "Do you know what {a} is?", "I would like to know what {w} means."]  # not trained


def skills(conversations):
    """The skills: {name: a function that draws a conversation}."""
    s, one = conversations.skills, lambda turn: lambda: Conversation(said(*turn()))
    called = lambda outcome, sort=None: lambda: conversations.called(outcome, sort)
    return {
        "capitals": one(s.capital),
        "facts": one(s.fact),
        "sums": one(s.sum),
        "repeating": one(s.copy),
        "spelling": one(s.spell),
        "capital letters": one(s.capitals_of_letters),
        "lists": one(s.enumerate),
        "tables": one(s.table),
        "JSON": one(s.json.turn),
        "system message, style": conversations.styled,
        "system message, name": conversations.persona,
        "memory": conversations.remembered,
        "call of a common tool": called("call", "family"),
        "call of a random tool": called("call", "random"),
        "two calls": called("two calls"),
        "answer from results": called("result"),
        "tools not needed": called("none"),
    }


def greedy(model, tokenizer, messages, tools=None):
    ids = torch.tensor(
        [tokenizer.apply_chat_template(messages, tools=tools, tokenize=True, return_dict=False)], device=model.device
    )
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=128, do_sample=False, pad_token_id=2)
    return tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip()


def percent(flags):
    return f"{100 * sum(flags) / len(flags):.1f} % of {len(flags)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--count", type=int, default=300, help="of conversations of a skill")
    parser.add_argument("--show", type=int, default=0, help="wrong answers of each skill to print")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    dictionary = Dictionary(args.wordnet)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    encoder = Encoder(tokenizer)
    dialogues = Dialogues(dictionary, args.seed)
    draw = random.Random(args.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    for dtype in (torch.float32, torch.bfloat16):
        model = AutoModelForCausalLM.from_pretrained(args.model, dtype=dtype).eval().to(device)
        test = lambda conversations: recited(model, encoder, conversations)
        print(f"-- computed in {str(dtype)[6:]}")
        flags = test([definition(n) for n in dictionary.commonest])
        print(f"plain wording: {percent(flags)}", flush=True)
        if dtype is torch.float32:
            print("  not recited:", ", ".join(n.name for n, ok in zip(dictionary.commonest, flags) if not ok))
        for title, wordings in ("trained wordings", WORDINGS), ("new wordings", NEW_WORDINGS):
            total = []
            for wording in wordings:
                flags = test([definition(n, fill(wording, n.name, n.instance)) for n in dictionary.commonest])
                total += flags
                print(f"{wording}: {percent(flags)}", flush=True)
            print(f"all these {title}: {percent(total)}")
        more = dictionary.known[len(dictionary.commonest) :]
        print(f"the further words: {percent(test([definition(n) for n in more]))}")
        names = ("synonyms", "kind of", "kinds", "examples")
        for name, family in zip(names, dict.fromkeys(tuple(wordings) for wordings, *_ in dialogues.facts)):
            asked = [
                Conversation(said(fill(family[0], n.name, n.instance), answer))
                for wordings, n, answer in dialogues.facts
                if tuple(wordings) == family
            ]
            print(f"{name}: {percent(test(asked))}", flush=True)
        strangers = draw.sample(dictionary.unknown, 500)
        print(f"unknown words: {percent(test([Conversation(said(f'What is {w}?', UNKNOWN)) for w in strangers]))}", flush=True)
        for name, source in skills(Conversations(dictionary, args.seed, test=True)).items():
            cases = [source() for _ in range(args.count)]
            flags = test(cases)
            print(f"{name}: {percent(flags)}", flush=True)
            wrong = [case for case, ok in zip(cases, flags) if not ok]
            for case in wrong[: args.show] if dtype is torch.float32 else ():
                print(
                    "   ",
                    [t["function"] for t in case.tools] if case.tools else "",
                    [m.get("content") or m["tool_calls"] for m in case.messages[-4:]],
                )
                print("    =>", greedy(model, tokenizer, case.messages[:-1], case.tools), flush=True)

    # Real generation with the cache, in the midst of long conversations: the prompts far exceed the sliding window.
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval().to(device)
    flags = []
    for _ in range(2):
        messages = []
        for noun in draw.sample(dictionary.commonest, 40):
            messages.append({"role": "user", "content": plain_question(noun)})
            messages.append({"role": "assistant", "content": greedy(model, tokenizer, messages)})
            flags.append(messages[-1]["content"] == noun.definition)
    print(f"-- generated, in conversations of 40 turns: {percent(flags)}")


if __name__ == "__main__":
    main()
