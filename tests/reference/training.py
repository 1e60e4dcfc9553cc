"""Training as transformers, peft and trl do it, on the tiny checkpoints: losses, gradient norms, gradients and weights.

Everything is trained by `Trainer` of transformers or `DPOTrainer` of trl, in float32, without shuffling and without dropout. Below
`training/`, each case is a folder with `expected.json`:

    {"checkpoint": folder below reference/, "arguments": {names of transformers' TrainingArguments},
     "records": [...],                        in the order in which they are read; again from the first one in each epoch
     "steps": [{"step", "loss", "grad_norm", "learning_rate", ...}],     grad_norm before clipping; DPO also has trl's metrics
     "rounding": {...}}                       the largest differences, in this script, when the same steps are computed in another
                                              order: batches of 4 without accumulation, and sdpa: relative of loss and norm, and
                                              absolute of the parameters after the last step

and `gradients.safetensors`: those of the first step before clipping. Names of tensors are those of the checkpoint and, of adapters,
`model.layers.0.self_attn.q_proj.lora_A.weight`; only the files of peft have peft's names. See README.md for the cases.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import (AutoModelForCausalLM, AutoModelForSequenceClassification,
                          AutoTokenizer, PrinterCallback, Trainer, TrainingArguments)
from transformers.trainer_callback import ProgressCallback
from trl import DPOConfig, DPOTrainer

from common import output_folder, write_json
from dequantized import dequantized

TARGETS = ["q_proj", "v_proj", "down_proj"]
ARGUMENTS = {"learning_rate": 1e-3, "lr_scheduler_type": "cosine", "warmup_ratio": 0.25, "weight_decay": 0.1,
             "max_grad_norm": 1.0, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "max_steps": 12,
             "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8}
OTHER_ORDER = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1}
SCRATCH = tempfile.TemporaryDirectory()
VOCABULARY = 97  # ids that every checkpoint has


def main():
    reference = output_folder(__doc__)
    output = reference / "training"
    for case in (sft_full, sft_lora, adapters, modules_to_save, label_smoothing, dpo_full, dpo_lora, dpo_losses, qlora,
                 classification):
        case(reference, output)
    files = [file for file in output.rglob("*") if file.is_file()]
    print(f"{len(files)} files, {sum(file.stat().st_size for file in files)} bytes")


# ---------------------------------------------------------------------------------------------- the cases


def sft_full(reference, output):
    """Every parameter is trained. 13 records: the last step of an epoch has one micro-batch of one record."""
    for name, checkpoint, seed in (("sft-full", "window8-f32", 1), ("sft-full-tied", "nowindow-tied-sharded", 2)):
        records = language_records(13, seed)
        case = Case(reference, output / name, f"checkpoints/{checkpoint}", records, ARGUMENTS | {"max_grad_norm": 12.0})
        packed_equals_padded(case.network(), records)
        case.expected["log_probabilities"] = [log_probabilities(case.network(), record) for record in records]
        trained = case.record(lambda attention: case.network(attention))
        save(parameters(trained), case.folder / "parameters.safetensors")


def sft_lora(reference, output):
    """An adapter as peft begins it, B zero, and one with B not zero."""
    for name, seed, b in (("sft-lora", 3, 0.0), ("sft-lora-continued", 4, 0.05)):
        case = Case(reference, output / name, "checkpoints/window8-f32", language_records(13, seed),
                    ARGUMENTS | {"learning_rate": 1e-2, "max_grad_norm": 3.0})
        case.initial(LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, task_type="CAUSAL_LM"), seed, b)
        trained = case.record(lambda attention: case.adapted(attention))
        save_adapter(trained, case.folder / "final")
        case.logits(("initial", "final"))


def adapters(reference, output):
    """Adapters for inference only: logits of the network with each, and the merged weights of one."""
    network = "checkpoints/window8-f32"
    all_seven = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    configs = {
        "patterns": LoraConfig(
            r=4, lora_alpha=8, use_rslora=True, target_modules=all_seven, task_type="CAUSAL_LM",
            rank_pattern={"model.layers.0.self_attn.q_proj": 2, "layers.1.mlp.down_proj": 6, r"layers\.[02]\.self_attn\.v_proj": 3,
                          "up_proj": 5},
            alpha_pattern={"model.layers.0.self_attn.q_proj": 32, "o_proj": 1, "up_proj": 3}),
        "expression": LoraConfig(r=3, lora_alpha=6, target_modules=r".*\.layers\.(0|2)\.(self_attn\.k_proj|mlp\.gate_proj)",
                                 task_type="CAUSAL_LM"),
        "all-linear": LoraConfig(r=2, lora_alpha=3, target_modules="all-linear", lora_dropout=0.1, task_type="CAUSAL_LM")}
    for seed, (name, config) in enumerate(configs.items(), 20):
        case = Case(reference, output / "adapters" / name, network, None, None)
        case.initial(config, seed, 0.1, folder=case.folder)
        case.logits(("",))
        if name == "patterns":
            merged = parameters(case.adapted(folder=case.folder).merge_and_unload())
            base = parameters(case.network())
            assert merged.keys() == base.keys()
            save({key: value for key, value in merged.items() if not value.equal(base[key])}, case.folder / "merged.safetensors")


def modules_to_save(reference, output):
    """Embeddings and head are trained beside the adapter; peft keeps a copy of each."""
    case = Case(reference, output / "modules-to-save", "checkpoints/window8-f32", language_records(8, 5),
                ARGUMENTS | {"max_steps": 2, "warmup_ratio": 0.0})
    case.initial(LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, modules_to_save=["lm_head", "embed_tokens"],
                            task_type="CAUSAL_LM"), 5, 0.05, shift=0.02)
    trained = case.record(lambda attention: case.adapted(attention))
    save_adapter(trained, case.folder / "final")
    case.logits(("initial", "final"))


def label_smoothing(reference, output):
    case = Case(reference, output / "label-smoothing", "checkpoints/window8-f32", language_records(4, 6),
                ARGUMENTS | {"max_steps": 1, "warmup_ratio": 0.0, "label_smoothing_factor": 0.1})
    case.record(lambda attention: case.network(attention))


def dpo_full(reference, output):
    case = Case(reference, output / "dpo-full", "checkpoints/window8-f32", preference_records(16, 7),
                ARGUMENTS | {"max_grad_norm": 4.0}, PreferenceTrainer)
    case.expected["reference_log_probabilities"] = pair_log_probabilities(case.network(), case.records)
    trained = case.record(lambda attention: case.network(attention), lambda: {"ref_model": case.network()})
    save(parameters(trained), case.folder / "parameters.safetensors")


def dpo_lora(reference, output):
    """The reference is the network without the adapter, as trl takes it for an adapter that it creates; for the one that continues,
    with B not zero, trl takes the adapter as it was at the beginning."""
    config = LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, task_type="CAUSAL_LM")
    for name, seed, b in (("dpo-lora", 8, 0.0), ("dpo-lora-continued", 9, 0.05)):
        case = Case(reference, output / name, "checkpoints/window8-f32", preference_records(16, seed),
                    ARGUMENTS | {"learning_rate": 1e-2}, PreferenceTrainer)
        case.initial(config, seed, b)
        before = case.network() if b == 0 else case.adapted()
        case.expected["reference"] = "base" if b == 0 else "initial"
        case.expected["reference_log_probabilities"] = pair_log_probabilities(before, case.records)
        if b == 0:
            trained = case.record(lambda attention: case.network(attention), lambda: {"peft_config": config}, case.begin)
        else:
            trained = case.record(lambda attention: case.adapted(attention))
        save_adapter(trained, case.folder / "final")


def dpo_losses(reference, output):
    """A step of each loss from an adapter with B not zero; the reference is the network without it.

    `sigmoid` of trl 1.13 ignores `label_smoothing`; "conservative" is its loss with label smoothing of earlier versions,
    -(1 - e) log sigmoid(z) - e log sigmoid(-z), made of `sigmoid` and `robust` by `loss_weights`.
    """
    config = LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, task_type="CAUSAL_LM")
    e = 0.1
    losses = {"sigmoid": {}, "hinge": {}, "ipo": {}, "robust": {"label_smoothing": e},
              "conservative": {"label_smoothing": e, "loss_type": ["sigmoid", "robust"], "loss_weights": [2 * (1 - e), 2 * e - 1]}}
    for name, given in losses.items():
        arguments = ARGUMENTS | {"max_steps": 1, "warmup_ratio": 0.0, "loss_type": name} | given
        case = Case(reference, output / "dpo-losses" / name, "checkpoints/window8-f32", preference_records(4, 10), arguments,
                    PreferenceTrainer)
        case.initial(config, 10, 0.2, folder=output / "dpo-losses" / "initial")
        case.record(lambda attention: case.network(attention), lambda: {"peft_config": config}, case.begin)


def qlora(reference, output):
    """Adapters over the values of quantized weights, which stay as they are."""
    for seed, (name, checkpoint) in enumerate({"nf4": "bitsandbytes", "int4": "int4"}.items(), 11):
        case = Case(reference, output / f"qlora-{name}", f"quantized/{checkpoint}", language_records(8, seed),
                    ARGUMENTS | {"learning_rate": 1e-2, "max_steps": 3})
        case.initial(LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, task_type="CAUSAL_LM"), seed, 0.05)
        trained = case.record(lambda attention: case.adapted(attention))
        save_adapter(trained, case.folder / "final")
        case.logits(("initial",))


def classification(reference, output):
    """The heads with the network below them; rows are padded on the right.

    Nothing is accumulated: transformers adds the losses of the micro-batches of these heads without dividing by their number.
    """
    source = np.random.default_rng(13)
    labels = {"single-label": lambda length: int(source.integers(0, 3)),
              "multi-label": lambda length: source.integers(0, 2, 4).astype(float).tolist()}
    for name, norm in (("single-label", 20.0), ("multi-label", 3.0)):
        records = [{"input_ids": source.integers(3, VOCABULARY, length).tolist(), "labels": labels[name](length)}
                   for length in source.integers(2, 14, 8)]
        case = Case(reference, output / f"classification-{name}", f"heads/{name}", records,
                    ARGUMENTS | OTHER_ORDER | {"max_steps": 6, "max_grad_norm": norm})
        case.record(lambda attention: AutoModelForSequenceClassification.from_pretrained(
            case.checkpoint, dtype=torch.float32, attn_implementation=attention))


# ---------------------------------------------------------------------------------------------- what a case is made of


class Case:

    def __init__(self, reference, folder, checkpoint, records, arguments, trainer=None):
        self.checkpoint, self.folder, self.records, self.arguments = reference / checkpoint, folder, records, arguments
        self.trainer = trainer or LanguageTrainer
        self.start = folder / "initial"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.expected = {"checkpoint": checkpoint, "arguments": arguments, "records": records}

    def network(self, attention="eager"):
        if self.checkpoint.parent.name == "quantized":
            return dequantized(self.checkpoint, attention)
        return AutoModelForCausalLM.from_pretrained(self.checkpoint, dtype=torch.float32, attn_implementation=attention)

    def adapted(self, attention="eager", folder=None):
        return PeftModel.from_pretrained(self.network(attention), folder or self.start, is_trainable=True)

    def initial(self, config, seed, b, folder=None, shift=0.0):
        """Writes the adapter with which training begins: A as peft draws it, B normal with deviation b."""
        self.start = folder or self.start
        torch.manual_seed(seed)
        network = get_peft_model(self.network(), config)
        with torch.no_grad():
            for name, weight in network.named_parameters():
                if "lora_B" in name:
                    weight.normal_(0, b)
                elif "modules_to_save" in name:
                    weight.add_(torch.randn_like(weight) * shift)
        save_adapter(network, self.start)

    def begin(self, trainer):
        """Puts the initial adapter in the place of the one that trl created."""
        missing = set_peft_model_state_dict(trainer.model, load_file(self.start / "adapter_model.safetensors"))
        assert not missing.unexpected_keys

    def record(self, network, options=dict, begin=None):
        """Trains, writes what happened, and returns the trained network."""
        runs = []
        for attention, order in (("eager", {}), ("sdpa", OTHER_ORDER)):
            trainer = self.trainer(network(attention), self.records, self.arguments | order, **options())
            if begin:
                begin(trainer)
            trainer.train()
            steps = [{key: value for key, value in entry.items() if shown(key)}
                     for entry in trainer.state.log_history if "loss" in entry]
            assert len(steps) == self.arguments["max_steps"]
            runs.append((steps, trainer.first, trainer.model))
        (steps, gradients, trained), (others, _, other) = runs
        norms = [step["grad_norm"] for step in steps]
        rounding = {key: max(abs(a[key] - b[key]) / abs(a[key]) for a, b in zip(steps, others)) for key in ("loss", "grad_norm")}
        kept, again = parameters(trained), parameters(other)
        rounding["parameters"] = max((kept[key] - again[key]).abs().max().item() for key in kept)
        write_json(self.folder / "expected.json", self.expected | {"steps": steps, "rounding": rounding})
        save(gradients, self.folder / "gradients.safetensors")
        clipped = sum(norm > self.arguments["max_grad_norm"] for norm in norms)
        print(f"{self.folder.name}: loss {steps[0]['loss']:.4f} to {steps[-1]['loss']:.4f}, norms {min(norms):.3f} to "
              f"{max(norms):.3f}, {clipped} of {len(norms)} clipped, rounding {rounding}")
        assert rounding["loss"] < 2e-5 and rounding["grad_norm"] < 1e-4
        return trained

    def logits(self, folders):
        ids = torch.tensor([language_records(1, 99)[0]["input_ids"]])
        tensors = {"input_ids": ids}
        with torch.no_grad():
            tensors["base.logits"] = self.network()(ids).logits
            for folder in folders:
                values = self.adapted(folder=self.folder / folder).eval()(ids).logits
                assert (values - tensors["base.logits"]).abs().max() > 0.01 or folder == "initial"
                tensors[f"{folder}.logits".removeprefix(".")] = values
        save(tensors, self.folder / "logits.safetensors")


def shown(key):
    return key in ("step", "loss", "grad_norm", "learning_rate") or key.startswith(("rewards/", "logps/"))


class Recorded:
    """Keeps the gradients of the first step, before clipping."""
    first = None

    def _clip_grad_norm(self, model):
        if self.first is None:
            self.first = {plain(name): weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}
        return super()._clip_grad_norm(model)

    @staticmethod
    def arguments(kind, given, **others):
        given = dict(given)
        given["warmup_steps"] = given.pop("warmup_ratio")  # below one: the share of all steps
        return kind(output_dir=SCRATCH.name, use_cpu=True, bf16=False, report_to="none", save_strategy="no", logging_steps=1,
                    optim="adamw_torch", train_sampling_strategy="sequential", remove_unused_columns=False, disable_tqdm=True,
                    gradient_checkpointing=False, **given, **others)

    def quiet(self):
        for callback in (PrinterCallback, ProgressCallback):
            self.remove_callback(callback)


class LanguageTrainer(Recorded, Trainer):

    def __init__(self, network, records, arguments):
        super().__init__(model=network, args=self.arguments(TrainingArguments, arguments), train_dataset=records,
                         data_collator=padded)
        self.quiet()


class PreferenceTrainer(Recorded, DPOTrainer):

    def __init__(self, network, records, arguments, **options):
        given = self.arguments(DPOConfig, arguments, beta=0.1)
        super().__init__(model=network, args=given, train_dataset=Dataset.from_list(records),
                         processing_class=AutoTokenizer.from_pretrained(TOKENIZER, pad_token="<unk>"), **options)
        self.quiet()

    def _prepare_dataset(self, dataset, *others):
        return dataset  # has ids already


TOKENIZER = Path(__file__).parents[1] / "src/test/resources/reference/tokenizer/small/canonical"


def padded(records):
    """Rows are padded on the right: id 0, label -100."""
    longest = max(len(record["input_ids"]) for record in records)
    ids, mask = torch.zeros(2, len(records), longest, dtype=torch.int64)
    for row, record in enumerate(records):
        ids[row, :len(record["input_ids"])] = torch.tensor(record["input_ids"])
        mask[row, :len(record["input_ids"])] = 1
    of_tokens = isinstance(records[0]["labels"], list) and isinstance(records[0]["labels"][0], int)
    labels = [record["labels"] + [-100] * (longest - len(record["labels"])) if of_tokens else record["labels"]
              for record in records]
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor(labels)}


# ---------------------------------------------------------------------------------------------- data


def language_records(count, seed):
    """Rows of 2 to 19 tokens. The labels of a beginning and of single tokens are -100; in some rows none are."""
    source = np.random.default_rng(seed)
    records = []
    for number in range(count):
        ids = source.integers(3, VOCABULARY, 2 + (7 * number + 11) % 18)
        labels = ids.copy()
        if number % 3:
            labels[:source.integers(0, len(ids) - 1)] = -100
            labels[1:-1][source.random(len(ids) - 2) < 0.15] = -100
        records.append({"input_ids": ids.tolist(), "labels": labels.tolist()})
    return records


def preference_records(count, seed):
    source = np.random.default_rng(seed)

    def row(low, high):
        return source.integers(3, VOCABULARY, source.integers(low, high)).tolist()
    return [{"prompt_ids": row(1, 9), "chosen_ids": row(1, 11), "rejected_ids": row(1, 11)} for _ in range(count)]


# ---------------------------------------------------------------------------------------------- networks


def log_probabilities(network, record):
    """Of the tokens whose labels count, in order."""
    with torch.no_grad():
        scores = network(torch.tensor([record["input_ids"]])).logits[0].log_softmax(-1)
    return [scores[i - 1, label].item() for i, label in enumerate(record["labels"]) if i > 0 and label != -100]


def pair_log_probabilities(network, records):
    return [[sum(log_probabilities(network.eval(), {"input_ids": record["prompt_ids"] + record[key],
                                                    "labels": [-100] * len(record["prompt_ids"]) + record[key]}))
             for key in ("chosen_ids", "rejected_ids")] for record in records]


def packed_equals_padded(network, records):
    """One row of several sequences whose positions begin again at 0 has the loss of the padded batch."""
    some = records[:4]
    ids = torch.tensor([sum((record["input_ids"] for record in some), [])])
    labels = torch.tensor([sum(([-100] + record["labels"][1:] for record in some), [])])
    positions = torch.tensor([sum((list(range(len(record["input_ids"]))) for record in some), [])])
    with torch.no_grad():
        packed = network(input_ids=ids, position_ids=positions, labels=labels, use_cache=False).loss
        rows = network(**padded(some)).loss
    assert (packed - rows).abs() < 1e-5, (packed, rows)


def plain(name):
    return name.replace("base_model.model.", "").replace(".default", "").replace(".modules_to_save", "").replace(".base_layer", "")


def parameters(network):
    """The parameters that are trained, by name; all, where none are frozen."""
    if isinstance(network, PeftModel):
        return {plain(name): weight.detach() for name, weight in network.named_parameters() if weight.requires_grad}
    return {name: weight.detach() for name, weight in network.named_parameters()}


def save_adapter(network, folder):
    """The files of peft, without its README.md, with sets in order and without the path of this machine."""
    network.save_pretrained(folder, selected_adapters=["default"])
    (folder / "README.md").unlink()
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = Path(config["base_model_name_or_path"] or "").name
    config |= {key: sorted(config[key]) for key in ("target_modules", "modules_to_save") if isinstance(config[key], list)}
    write_json(path, config)


def save(tensors, path):
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    save_file({name: tensor.contiguous().clone() for name, tensor in sorted(tensors.items())}, path)


if __name__ == "__main__":
    main()
