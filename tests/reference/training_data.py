"""Records of training data as trl tokenizes them: its own `_prepare_dataset`, collator and packing, run on the small tokenizer.

Each case is a record by itself. Templates for `assistant_only_loss` get the marks that transformers needs to find the
assistant's tokens; the tests find them with the plain templates.
"""

import json
import random
from itertools import chain
from types import SimpleNamespace

from datasets import Dataset, disable_progress_bars
from transformers import PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.data_utils import pack_dataset
from trl.trainer.dpo_trainer import DataCollatorForPreference

from chat import CONVERSATIONS, turns
from common import output_folder
from texts import STORY
from tokenizer import template

SEED = 13
PARAGRAPHS = [line for line in STORY.split("\n") if line.strip()]

# What follows an assistant's header in each template, before and after it is marked.
MARKS = {
    "instruct-v0.1-launch": ("{{ message['content'] + eos_token + ' ' }}",
                             "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{{ ' ' }}"),
    "instruct-v0.2-launch": ("{{ message['content'] + eos_token}}", "{% generation %}{{ message['content'] + eos_token}}{% endgeneration %}"),
    "instruct-sept-2024": ("{{- ' ' + message['content'] + eos_token}}",
                           "{%- generation %}{{- ' ' + message['content'] + eos_token}}{%- endgeneration %}"),
    "zephyr": ("{{ '<|assistant|>\n'  + message['content'] + eos_token }}",
               "{{ '<|assistant|>\n' }}{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{{ '' }}"),
    "chatml": ("{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}",
               "{{'<|im_start|>' + message['role'] + '\\n'}}{% if message['role'] == 'assistant' %}{% generation %}"
               "{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}"
               "{{ '\\n' }}"),
    "tools-v3": ('{{- " " + turn["content"] + eos_token }}',
                 '{%- generation %}{{- " " + turn["content"] + eos_token }}{%- endgeneration %}'),
}
TOKENIZERS = {"instruct-v0.1-launch": "legacy", "instruct-v0.2-launch": "legacy", "instruct-sept-2024": "canonical", "zephyr": "canonical",
              "chatml": "canonical", "tools-v3": "canonical"}
ANSWERED = {
    "one": turns("What is a lighthouse?", "A tower with a light."),
    "two": CONVERSATIONS["answered"],
    "three": turns("Hi", "Hello!", "Count to three.", "1, 2, 3.", "And back?", "3, 2, 1."),
    "open": CONVERSATIONS["five"],
    "code": turns("How?", "```java\nint x = 1;\n```", "(again)", "(\"yes\")"),
    "unicode": turns("Où est la tour? 灯塔", "Là-bas — 灯 👩‍🚀", "मित्र", "🦙"),
    "whitespace": turns("  two lines\n\nand trailing spaces  \n", "\n answer \t", " ", "  "),
    "empty": turns("a", "", "b", ""),
}
WITH_SYSTEM = {"system": turns("What is a lighthouse?", "A tower, matey.", "Who?", "Me.", system="You are a pirate.\nBe brief.")}
TEXTS = [
    {"text": "The lamp was lit at dusk."}, {"text": PARAGRAPHS[0]}, {"text": "It ends already.</s>"}, {"text": " begins with a space"},
    {"text": "<s>twice"}, {"text": "a"}, {"text": "灯塔 👩‍🚀 \n"},
]
COMPLETIONS = [
    {"prompt": "Question: What is a lighthouse?\nAnswer:", "completion": " A tower with a light."},
    {"prompt": "The keeper climbed", "completion": " the stairs</s>"}, {"prompt": "no sp", "completion": "ace between"},
    {"prompt": "a space ", "completion": "at the end"}, {"prompt": "empty", "completion": ""}, {"prompt": "", "completion": "all of it"},
    {"prompt": PARAGRAPHS[0], "completion": " " + PARAGRAPHS[1]},
]
PREFERENCES = [
    {"prompt": "What is a lighthouse?", "chosen": " A tower with a light.", "rejected": " A house."},
    {"prompt": "The lamp", "chosen": " was lit.</s>", "rejected": " was not</s>"}, {"prompt": "a ", "chosen": "b", "rejected": "c"},
    {"chosen": "The lamp was lit at dusk.", "rejected": "The lamp was dark."}, {"chosen": "Q: up? A: yes", "rejected": "Q: up? A: no"},
    {"chosen": "same", "rejected": "same"}, {"chosen": "one", "rejected": "one two"}, {"chosen": "tour 灯塔", "rejected": "tour 灯火"},
    {"prompt": PARAGRAPHS[0], "chosen": " " + PARAGRAPHS[1], "rejected": " no"},
]


def main():
    output = output_folder(__doc__)
    disable_progress_bars()
    recorder = Recorder(output)
    sft = [recorder.sft(None, behaviour, record) for behaviour in ("legacy", "canonical") for record in TEXTS + COMPLETIONS]
    sft += [recorder.sft(None, "canonical", record, completion_only_loss=False) for record in COMPLETIONS]
    sft += [recorder.sft(None, "legacy", record, max_length=8) for record in TEXTS + COMPLETIONS]
    sft += [recorder.sft(None, "legacy", record) for record in (
        {"input_ids": [1, 5, 6, 7]}, {"input_ids": [1, 5, 6, 7], "labels": [-100, -100, 6, 7]},
        {"input_ids": [1, 5], "labels": [-100, -100]})]
    for name, behaviour in TOKENIZERS.items():
        conversations = ANSWERED | (WITH_SYSTEM if name in ("instruct-sept-2024", "zephyr", "chatml") else {})
        for messages in conversations.values():
            sft.append(recorder.sft(name, behaviour, {"messages": messages}))
            sft.append(recorder.sft(name, behaviour, {"messages": messages}, assistant_only_loss=True))
            answer = max(index for index, message in enumerate(messages) if message["role"] == "assistant")
            record = {"prompt": messages[:answer], "completion": messages[answer:answer + 1]}
            sft.append(recorder.sft(name, behaviour, record))
        two = {"prompt": ANSWERED["three"][:1], "completion": ANSWERED["three"][1:]}
        sft.append(recorder.sft(name, behaviour, two))
        sft.append(recorder.sft(name, behaviour, two, assistant_only_loss=True))
        sft.append(recorder.sft(name, behaviour, two, completion_only_loss=False, assistant_only_loss=True))
        sft.append(recorder.sft(name, behaviour, {"messages": ANSWERED["three"]}, max_length=24, assistant_only_loss=True))
    dpo = [recorder.dpo(None, behaviour, record) for behaviour in ("legacy", "canonical") for record in PREFERENCES]
    dpo += [recorder.dpo(None, "canonical", record, max_length=12) for record in PREFERENCES]
    for name, behaviour in TOKENIZERS.items():
        for other in (turns("What is a lighthouse?", "A house."), turns("Hi", "Hello!", "Count to three.", "No.")):
            chosen = ANSWERED["one"] if len(other) == 2 else ANSWERED["three"][:4]
            dpo.append(recorder.dpo(name, behaviour, {"chosen": chosen, "rejected": other}))
            dpo.append(recorder.dpo(name, behaviour, {"prompt": chosen[:-1], "chosen": chosen[-1:], "rejected": other[-1:]}))
    cases = {"sft": sft, "dpo": dpo, "classification": recorder.classification(), "packing": packing(), "blocks": [recorder.blocks()]}
    write(output / "training" / "data.json", cases)
    dropped = sum("input_ids" not in case for case in sft) + sum("prompt_ids" not in case for case in dpo)
    print(f"{len(sft)} SFT records, {len(dpo)} preference records, {dropped} of them dropped")


class Recorder:
    def __init__(self, output):
        self.tokenizers = {
            behaviour: PreTrainedTokenizerFast(tokenizer_file=str(output / "tokenizer" / "small" / behaviour / "tokenizer.json"),
                                               bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>")
            for behaviour in ("legacy", "canonical")}

    def sft(self, name, behaviour, record, max_length=1024, completion_only_loss=True, assistant_only_loss=False):
        tokenizer = self.tokenizers[behaviour]
        tokenizer.chat_template = template(name) if name else None
        marked = None
        if assistant_only_loss:
            plain, marks = MARKS[name]
            marked = template(name).replace(plain, marks)
            messages = record.get("messages") or record["prompt"] + record["completion"]
            assert marked != template(name)
            assert tokenizer.apply_chat_template(messages, tokenize=False) == tokenizer.apply_chat_template(
                messages, tokenize=False, chat_template=marked), name
        options = {"max_length": max_length, "completion_only_loss": completion_only_loss, "assistant_only_loss": assistant_only_loss}
        trainer = SimpleNamespace(_tokenizer=tokenizer, chat_template=marked, completion_only_loss=completion_only_loss)
        arguments = SFTConfig("unused", report_to="none", use_cpu=True, bf16=False, shuffle_dataset=False, **options)
        prepared = SFTTrainer._prepare_dataset(trainer, Dataset.from_list([record]), tokenizer, arguments, False, None, "train")
        case = {"tokenizer": behaviour, "template": name, **options, "record": record}
        return case | ({"input_ids": prepared[0]["input_ids"], "labels": prepared[0]["labels"]} if len(prepared) else {})

    def dpo(self, name, behaviour, record, max_length=1024):
        tokenizer = self.tokenizers[behaviour]
        tokenizer.chat_template = template(name) if name else None
        arguments = DPOConfig("unused", report_to="none", use_cpu=True, bf16=False, max_length=max_length)
        trainer = SimpleNamespace(_tokenizer=tokenizer)
        prepared = DPOTrainer._prepare_dataset(trainer, Dataset.from_list([record]), tokenizer, arguments, "train")
        case = {"tokenizer": behaviour, "template": name, "max_length": max_length, "record": record}
        if not len(prepared):
            return case
        batch = DataCollatorForPreference(pad_token_id=2, max_length=max_length)([prepared[0]])

        def ids(row, completion):
            return batch["input_ids"][row][(batch["attention_mask"][row] == 1) & (batch["completion_mask"][row] == completion)].tolist()

        assert ids(0, 0) == ids(1, 0)
        return case | {"prompt_ids": ids(0, 0), "chosen_ids": ids(0, 1), "rejected_ids": ids(1, 1)}

    def classification(self):
        """Texts as run_classification.py of transformers tokenizes them."""
        return [{"tokenizer": behaviour, "max_length": length, "text": text,
                 "input_ids": self.tokenizers[behaviour](text, truncation=True, max_length=length)["input_ids"]}
                for behaviour in ("legacy", "canonical") for length in (6, 512) for text in ("sea", PARAGRAPHS[0], " a  b\n")]

    def blocks(self):
        """`group_texts` of transformers' run_clm.py, over texts with the end-of-sequence token behind each."""
        texts = PARAGRAPHS[:6] + ["a"]
        size = 16
        tokens = list(chain(*(self.tokenizers["legacy"](text + "</s>")["input_ids"] for text in texts)))
        total = len(tokens) // size * size
        return {"tokenizer": "legacy", "texts": texts, "block_size": size, "blocks": [tokens[at:at + size] for at in range(0, total, size)]}


def write(path, cases):
    """JSON with each case on a line of its own."""
    lists = ("\"" + name + "\": [\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in list) + "]" for name, list in cases.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{" + ",\n".join(lists) + "}\n", encoding="utf-8")


def packing():
    """Lengths, and the examples of each row of trl's `bfd`, whose ids are the index of their example."""
    draw = random.Random(SEED)
    cases = []
    for row, count, longest in ((64, 300, 64), (50, 200, 25), (10, 40, 10), (7, 1, 7), (128, 900, 30)):
        lengths = [draw.randint(2, longest) for _ in range(count)]
        packed = pack_dataset(Dataset.from_dict({"input_ids": [[index] * length for index, length in enumerate(lengths)]}), row, "bfd")
        rows = [[ids[sum(parts[:at])] for at in range(len(parts))] for ids, parts in zip(packed["input_ids"], packed["seq_lengths"])]
        cases.append({"max_length": row, "lengths": lengths, "rows": rows})
    return cases


if __name__ == "__main__":
    main()
