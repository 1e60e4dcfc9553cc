"""Times training steps of transformers, peft and trl on a checkpoint, to be read beside `mistral train` on the same data.

    python tests/reference/training_speed.py --model DIR [--method lora full dpo] [--tokens 256] [--batch 4] [--accumulation 1]
        [--steps 8] [--threads 2] [--lora-r 16 --lora-alpha 32 --lora-target-modules q_proj,v_proj,down_proj]
        [--write-data FOLDER]

Records are random ids, `--tokens` each, with labels for all of them; pairs have a prompt of half of that and two answers of the
other half. A step is forward, backward, clipping and AdamW on `--batch` records (pairs). Prints a line of JSON for each method:
tokens of a step (of pairs: of both sequences), seconds of each step after the first one, and tokens/s at the median. The same
records are written to FOLDER/sft.jsonl and FOLDER/dpo.jsonl with `--write-data`.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import (AutoModelForCausalLM, PreTrainedTokenizerFast, PrinterCallback, Trainer, TrainerCallback,
                          TrainingArguments, default_data_collator)
from trl import DPOConfig, DPOTrainer

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--method", nargs="+", default=["lora", "full", "dpo"], choices=["lora", "full", "dpo"])
parser.add_argument("--dtype", default="float32")
parser.add_argument("--tokens", type=int, default=256)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--accumulation", type=int, default=1)
parser.add_argument("--steps", type=int, default=8)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--lora-r", type=int, default=16)
parser.add_argument("--lora-alpha", type=int, default=32)
parser.add_argument("--lora-target-modules", default="q_proj,v_proj,down_proj")
parser.add_argument("--write-data", type=Path)
options = parser.parse_args()

torch.set_num_threads(options.threads)
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


class Clock(TrainerCallback):
    """The times at which steps end."""

    def __init__(self):
        self.ends = []

    def on_step_end(self, *given, **others):
        self.ends.append(time.perf_counter())


class Preferences(DPOTrainer):
    def _prepare_dataset(self, dataset, *others):
        return dataset  # has ids already


def records(vocabulary):
    source = torch.Generator().manual_seed(0)
    count, half = options.batch * options.accumulation * options.steps, options.tokens // 2

    def row(length):
        return torch.randint(3, vocabulary, (length,), generator=source).tolist()
    texts = [row(options.tokens) for _ in range(count)]
    return {"sft": [{"input_ids": ids, "labels": ids} for ids in texts],
            "dpo": [{"prompt_ids": ids[:half], "chosen_ids": ids[half:], "rejected_ids": row(options.tokens - half)}
                    for ids in texts]}


def seconds(method, data, folder):
    """Of each step after the first one."""
    network, clock = AutoModelForCausalLM.from_pretrained(options.model, dtype=options.dtype), Clock()
    if method != "full":
        network = get_peft_model(network, LoraConfig(r=options.lora_r, lora_alpha=options.lora_alpha, task_type="CAUSAL_LM",
                                                     target_modules=options.lora_target_modules.split(",")))
    given = dict(output_dir=folder, use_cpu=True, bf16=False, report_to="none", save_strategy="no", logging_strategy="no",
                 train_sampling_strategy="sequential", remove_unused_columns=False, disable_tqdm=True, gradient_checkpointing=False,
                 per_device_train_batch_size=options.batch, gradient_accumulation_steps=options.accumulation,
                 max_steps=options.steps, learning_rate=1e-5)
    if method == "dpo":
        trainer = Preferences(model=network, args=DPOConfig(**given), train_dataset=Dataset.from_list(data["dpo"]),
                              callbacks=[clock], processing_class=PreTrainedTokenizerFast.from_pretrained(options.model))
    else:
        trainer = Trainer(model=network, args=TrainingArguments(**given), train_dataset=data["sft"], callbacks=[clock],
                          data_collator=default_data_collator)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [end - begin for begin, end in zip(clock.ends, clock.ends[1:])]


data = records(transformers.AutoConfig.from_pretrained(options.model).vocab_size)
if options.write_data:
    options.write_data.mkdir(parents=True, exist_ok=True)
    for name, rows in data.items():
        (options.write_data / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
with tempfile.TemporaryDirectory() as scratch:
    for method in options.method:
        times = seconds(method, data, scratch)
        tokens = options.batch * options.accumulation * options.tokens * (2 if method == "dpo" else 1)
        print(json.dumps({"method": method, "tokens_per_step": tokens, "seconds": [round(value, 4) for value in times],
                          "tokens_per_second": round(tokens / statistics.median(times), 1)}), flush=True)
