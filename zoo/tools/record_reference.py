"""Records what the tests expect of mistral-tiny-instruct: definitions.json (the truth of WordNet) and greedy.json (what
transformers generates, in float32 on the shipped bfloat16 weights).

    python record_reference.py --wordnet /usr/share/wordnet --model mistral-tiny-instruct --output DIRECTORY
"""
import argparse
import json
import os
import random
import re

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from wordnet_dialogues import Dictionary, plain_question

NEW_TOKENS = 64

# Each case is a list of messages: user, assistant, user, ...; an answer given as None is the model's own.
CASES = {
    "definition": ["What is a lighthouse?"],
    "other wording": ["define the word violin"],
    "uncountable": ["What does water mean?"],
    "synonyms": ["What is another word for problem?"],
    "kind of": ["What kind of thing is a dog?"],
    "kinds": ["Name some kinds of dog."],
    "example": ["Use time in a sentence."],
    "greeting": ["Hello!"],
    "unknown word": ["What is a zwirkel?"],
    "unicode": ["What is a café crème 🙂, 日本語 or “naïve”?"],
    "system message": [{"system": "You are a helpful assistant."}, "What is a volcano?"],
    "turns": ["Hi", None, "What is a penguin?", None, "And an eagle?"],
    "turns with system message": [{"system": "Answer briefly."}, "What is a telescope?", None, "Thank you!", None, "Define music."],
    "given answer": ["What is a cat?", "I have forgotten it.", "What is a house?"],
}
LONG = ["Hello!", "What is a person?", "And a group?", "What is time?", "Define year.", "What does the word water mean?",
        "What is a house?", "What is another word for problem?", "Name some kinds of dog.", "What is a zwirkel?", "Thank you!",
        "Tell me what a school is.", "What's a door?", "Explain music.", "What is a lighthouse?", "What is a friend?",
        "Use time in a sentence.", "Bye!"]


def write_json(directory, name, value):
    text = json.dumps(value, indent=2, ensure_ascii=False)
    text = re.sub(r"\[[\d,\s]+\]", lambda m: re.sub(r"\s+", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), text)  # ids on one line
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text + "\n")


def messages_of(case):
    result = []
    for entry in case:
        if isinstance(entry, dict):
            result.append({"role": "system", "content": entry["system"]})
        else:
            turns = sum(m["role"] != "system" for m in result)
            result.append({"role": "assistant" if turns % 2 else "user", "content": entry})
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--seed", type=int, default=2024)
    args = parser.parse_args()
    os.makedirs(args.output, exist_ok=True)

    commonest = Dictionary(args.wordnet).commonest
    sample = random.Random(args.seed).sample(commonest, 100)
    write_json(args.output, "definitions.json", {
        "sample": [{"question": plain_question(noun), "definition": noun.definition} for noun in sample]})

    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()

    def answer(messages):
        prompt = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
        ids = torch.tensor([prompt])
        with torch.no_grad():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False,
                                 pad_token_id=2, output_logits=True, return_dict_in_generate=True)
        generated = out.sequences[0, len(prompt):].tolist()
        margins = [float(top[0] - top[1]) for top in (logits[0].topk(2).values for logits in out.logits)]
        return {"messages": [dict(m) for m in messages], "prompt": tokenizer.apply_chat_template(messages, tokenize=False),
                "prompt_ids": prompt, "generated_ids": generated,
                "text": tokenizer.decode(generated, skip_special_tokens=True),
                # The least lead of a chosen token's logit over the second: how far another arithmetic may stray.
                "smallest_margin": round(min(margins), 4)}

    def play(messages):
        for i, message in enumerate(messages):
            if message["content"] is None:
                message["content"] = answer(messages[:i])["text"]
        return answer(messages)

    cases = [{"name": name, **play(messages_of(case))} for name, case in CASES.items()]
    chat, turns = [], []
    for question in LONG:
        chat.append({"role": "user", "content": question})
        turn = answer(chat)
        del turn["messages"], turn["prompt"]
        turns.append({"question": question, **turn})
        chat.append({"role": "assistant", "content": turn["text"]})
    write_json(args.output, "greedy.json", {"max_new_tokens": NEW_TOKENS, "cases": cases, "long_chat": turns})


if __name__ == "__main__":
    main()
