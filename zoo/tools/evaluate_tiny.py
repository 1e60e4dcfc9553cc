"""Prints the accuracy figures of the model card of mistral-tiny-instruct.

    python evaluate_tiny.py --wordnet /usr/share/wordnet --model mistral-tiny-instruct

The words are the 1,000 commonest nouns; an answer counts only if it is the WordNet definition to the last character.
"""
import argparse
import random

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from train_tiny import recited
from wordnet_dialogues import UNKNOWN, Dialogues, Dictionary, fill, plain_question

WORDINGS = ["What is {w}?", "Define {w}.", "Define the word {w}.", "What does {w} mean?", "What does the word {w} mean?",
            "Tell me what {a} is.", "What's {a}?", "Explain {w}.", "what is {a}", "{w}"]

NEW_WORDINGS = ["Could you define {w}?", "Do you know what {a} is?", "I would like to know what {w} means."]  # not trained


def greedy(model, tokenizer, messages):
    ids = torch.tensor([tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=64, do_sample=False, pad_token_id=2)
    return tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True)


def percent(flags):
    return f"{100 * sum(flags) / len(flags):.1f} % of {len(flags)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    dictionary = Dictionary(args.wordnet)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    dialogues = Dialogues(dictionary, args.seed)
    draw = random.Random(args.seed)

    for dtype in (torch.float32, torch.bfloat16):
        model = AutoModelForCausalLM.from_pretrained(args.model, dtype=dtype).eval()
        print(f"-- computed in {str(dtype)[6:]}")
        plain = [(plain_question(n), n.definition) for n in dictionary.commonest]
        flags = recited(model, tokenizer, plain)
        print(f"plain wording: {percent(flags)}", flush=True)
        if dtype is torch.float32:
            print("  not recited:", ", ".join(n.name for n, ok in zip(dictionary.commonest, flags) if not ok))
        for title, wordings in ("trained wordings", WORDINGS), ("new wordings", NEW_WORDINGS):
            total = []
            for wording in wordings:
                pairs = [(fill(wording, n.name, n.instance), n.definition) for n in dictionary.commonest]
                flags = recited(model, tokenizer, pairs)
                total += flags
                print(f"{wording}: {percent(flags)}", flush=True)
            print(f"all these {title}: {percent(total)}")
        more = dictionary.known[len(dictionary.commonest):]
        print(f"the further words: {percent(recited(model, tokenizer, [(plain_question(n), n.definition) for n in more]))}")
        names = ("synonyms", "kind of", "kinds", "examples")
        for name, family in zip(names, dict.fromkeys(tuple(wordings) for wordings, *_ in dialogues.facts)):
            pairs = [(fill(family[0], n.name, n.instance), answer)
                     for wordings, n, answer in dialogues.facts if tuple(wordings) == family]
            print(f"{name}: {percent(recited(model, tokenizer, pairs))}", flush=True)
        strangers = draw.sample(dictionary.unknown, 500)
        print(f"unknown words: {percent(recited(model, tokenizer, [(f'What is {w}?', UNKNOWN) for w in strangers]))}", flush=True)

    # Real generation with the cache, in the midst of long conversations: the prompts far exceed the sliding window.
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
    single = draw.sample(dictionary.commonest, 60)
    flags = [greedy(model, tokenizer, [{"role": "user", "content": plain_question(n)}]) == n.definition for n in single]
    print(f"-- generated: {percent(flags)}")
    flags = []
    for _ in range(4):
        messages = []
        for noun in draw.sample(dictionary.commonest, 15):
            messages.append({"role": "user", "content": plain_question(noun)})
            messages.append({"role": "assistant", "content": greedy(model, tokenizer, messages)})
            flags.append(messages[-1]["content"] == noun.definition)
    print(f"-- generated, in conversations of 15 turns: {percent(flags)}")


if __name__ == "__main__":
    main()
