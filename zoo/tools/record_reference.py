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

NEW_TOKENS = 96

TOOLS = [
    {"type": "function", "function": {
        "name": "weather", "description": "Weather of a place",
        "parameters": {"type": "object", "required": ["place"], "properties": {"place": {"type": "string"}}}}},
    {"type": "function", "function": {
        "name": "send_message", "description": "Send a message to a person",
        "parameters": {"type": "object", "required": ["person", "text"],
                       "properties": {"person": {"type": "string"}, "text": {"type": "string"}}}}},
]

# Each case is a list of messages: user, assistant, user, ...; an answer given as None is the model's own. A case that starts with
# a list offers these tools.
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
    "unicode": ["What is a zwürkel 🙂 日本語?"],
    "system message": [{"system": "You are a helpful assistant."}, "What is a volcano?"],
    "turns": ["Hi", None, "What is a penguin?", None, "And an eagle?"],
    "turns with system message": [{"system": "Answer briefly."}, "What is a telescope?", None, "Thank you!", None, "Define music."],
    "capital": ["What is the capital of France?"],
    "sum": ["What is 17 plus 25?"],
    "list": ["List the days of the week."],
    "JSON": ["What is a lighthouse? Answer as JSON."],
    "JSON with keys": ["Extract name and age as JSON: Anna is 34 years old and lives in Bern."],
    "style": [{"system": "Answer in upper case."}, "What is a violin?"],
    "memory": ["My name is Ada.", None, "What is a violin?", None, "What is my name?"],
    "call of a tool": [TOOLS, "Is it raining in Bern?"],
    "call with text": [TOOLS, 'Send Ada the message "see you at noon".'],
    "tools not needed": [TOOLS, "What is a lighthouse?"],
    "given answer": ["What is a cat?", "I have forgotten it.", "What is a house?"],
}
LONG = ["Hello!", "What is a person?", "And a group?", "What is time?", "Define year.", "What does the word water mean?",
        "What is a house?", "What is another word for problem?", "Name some kinds of dog.", "What is a zwirkel?", "Thank you!",
        "Tell me what a school is.", "What's a door?", "Explain music.", "What is a lighthouse?", "What is a friend?",
        "Use time in a sentence.", "What is the capital of Italy?", "And a telescope?", "List the months.", "What is 8 times 7?",
        "What is a volcano?", "Define wine.", "Write hello world in Java.", "What does moon mean?", "List 5 fruits.", "What is a penguin?",
        "What are dogs?", "Make a table of the capitals of France, Italy and Spain.", "What is the opposite of old?", "Spell moon.",
        "What is a bridge? Answer as JSON.", "Name some kinds of tree.", "Count to 20.", "What is a clock?", "List the planets.",
        "What is another word for house?", "What is a river?", "What is a fox?", "Define mountain.", "What is a library?",
        "Explain the word dictionary.", "What is an orchestra?", "What is an engine?", "List 8 animals.", "What is a kitchen?",
        "What is a desert?", "Bye!"]


def write_json(directory, name, value):
    text = json.dumps(value, indent=2, ensure_ascii=False)
    text = re.sub(r"\[[\d,\s]+\]", lambda m: re.sub(r"\s+", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), text)  # ids on one line
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text + "\n")


def messages_of(case):
    result = []
    for entry in case:
        if isinstance(entry, list):
            continue
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

    def answer(messages, tools=None):
        prompt = tokenizer.apply_chat_template(messages, tools=tools, tokenize=True, return_dict=False)
        ids = torch.tensor([prompt])
        with torch.no_grad():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False,
                                 pad_token_id=2, output_logits=True, return_dict_in_generate=True)
        generated = out.sequences[0, len(prompt):].tolist()
        margins = [float(top[0] - top[1]) for top in (logits[0].topk(2).values for logits in out.logits)]
        return {**({"tools": tools} if tools else {}), "messages": [dict(m) for m in messages], "prompt": tokenizer.apply_chat_template(messages, tools=tools, tokenize=False),
                "prompt_ids": prompt, "generated_ids": generated,
                "text": tokenizer.decode(generated, skip_special_tokens=True),
                # The least lead of a chosen token's logit over the second: how far another arithmetic may stray.
                "smallest_margin": round(min(margins), 4)}

    def play(messages, tools):
        for i, message in enumerate(messages):
            if message["content"] is None:
                message["content"] = answer(messages[:i])["text"]
        return answer(messages, tools)

    cases = [{"name": name, **play(messages_of(case), case[0] if isinstance(case[0], list) else None)} for name, case in CASES.items()]
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
