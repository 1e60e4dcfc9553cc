"""Tiny random checkpoints with the other heads of the reference, and what Hugging Face transformers computes with each.

Sequence classification, token classification, question answering, and the bare network whose hidden states embeddings
are made of (`MistralModel`, tensors without the prefix `model.`, as e5-mistral stores them).
"""

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (AutoModel, AutoModelForQuestionAnswering, AutoModelForSequenceClassification,
                          AutoModelForTokenClassification, AutoTokenizer, MistralConfig, pipeline)
from transformers.loss.loss_utils import (ForQuestionAnsweringLoss, ForSequenceClassificationLoss, ForTokenClassification)

from checkpoints import random_weights
from common import output_folder, write_json

SHAPE = {"model_type": "mistral", "hidden_act": "silu", "vocab_size": 99, "hidden_size": 32, "intermediate_size": 37,
         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
         "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "sliding_window": 8, "tie_word_embeddings": False,
         "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "torch_dtype": "float32"}


def labels(*names):
    return {"id2label": {str(i): name for i, name in enumerate(names)}, "label2id": {name: i for i, name in enumerate(names)}}


SEQUENCE, TOKEN, QUESTION = "MistralForSequenceClassification", "MistralForTokenClassification", "MistralForQuestionAnswering"
CASES = {
    "single-label": SHAPE | labels("bad", "fair", "good") | {"architectures": [SEQUENCE]},
    "multi-label": SHAPE | labels("sea", "ship", "bird", "storm") | {
        "architectures": [SEQUENCE], "problem_type": "multi_label_classification"},
    "regression": SHAPE | labels("score") | {"architectures": [SEQUENCE], "pad_token_id": None},
    "token": SHAPE | labels("O", "B-PER", "I-PER", "B-LOC", "I-LOC") | {"architectures": [TOKEN]},
    "question": SHAPE | {"architectures": [QUESTION]},
    "embedding": SHAPE | {"architectures": ["MistralModel"]},
    "bidirectional": SHAPE | {"architectures": ["MistralModel"], "is_causal": False},
}
LENGTHS = (11, 7, 3)
# gradients that are recorded: those of the head, and one at the bottom of the network
GRADIENTS = ("score.weight", "score.bias", "qa_outputs.weight", "qa_outputs.bias", "model.layers.0.self_attn.q_proj.weight")


def main():
    output = output_folder(__doc__) / "heads"
    for seed, (name, config) in enumerate(CASES.items(), 1):
        folder = output / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_json(folder / "config.json", config)
        save_file(weights(config, torch.Generator().manual_seed(seed)), folder / "model.safetensors", metadata={"format": "pt"})
        expected = record(folder, config, torch.Generator().manual_seed(1000 + seed))
        assert all(tensor.isfinite().all() for tensor in expected.values())
        save_file({key: tensor.contiguous().clone() for key, tensor in sorted(expected.items())},
                  folder / "expected.safetensors")
    for seed, (name, (config, predict)) in enumerate(PIPELINES.items(), 101):
        folder = output / name
        folder.mkdir(exist_ok=True)
        write_json(folder / "config.json", config)
        save_file(weights(config, torch.Generator().manual_seed(seed)), folder / "model.safetensors", metadata={"format": "pt"})
        write_json(folder / "expected.json", predict(folder))
    (output / "losses").mkdir(exist_ok=True)
    save_file(losses(torch.Generator().manual_seed(77)), output / "losses" / "expected.safetensors")


def weights(config, source):
    all = random_weights("heads", config, source)
    del all["lm_head.weight"]
    head, hidden = config["architectures"][0], config["hidden_size"]
    if head == "MistralModel":
        return {name.removeprefix("model."): weight for name, weight in all.items()}
    name, rows = ("qa_outputs", 2) if head == QUESTION else ("score", len(config["id2label"]))
    all[f"{name}.weight"] = torch.randn(rows, hidden, generator=source) * 2.5 / hidden**0.5
    if head != SEQUENCE:
        all[f"{name}.bias"] = torch.randn(rows, generator=source)
    return all


def record(folder, config, source):
    head = config["architectures"][0]
    kind = {SEQUENCE: AutoModelForSequenceClassification, TOKEN: AutoModelForTokenClassification,
            QUESTION: AutoModelForQuestionAnswering}.get(head, AutoModel)
    model, info = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not any(info.values()), info
    model.eval()
    rows = [torch.randint(3, config["vocab_size"], (length,), generator=source) for length in LENGTHS]
    expected = {}
    for name, ids, mask in inputs(rows):
        if config["pad_token_id"] is None and len(ids) > 1:
            continue
        expected |= {f"{name}.input_ids": ids, f"{name}.attention_mask": mask}
        given = {"input_ids": ids, "attention_mask": mask}
        if head == "MistralModel":
            states = model(**given).last_hidden_state
            expected |= {f"{name}.last_hidden_state": states} | pooled(name, states, mask)
            continue
        given |= targets(config, ids, mask, source)
        model.zero_grad()
        result = model(**given)
        result.loss.backward()
        expected |= {f"{name}.{key}": value for key, value in given.items() if key not in ("input_ids", "attention_mask")}
        expected |= {f"{name}.{key}": result[key] for key in ("loss", "logits", "start_logits", "end_logits") if key in result}
        expected |= {f"{name}.grad.{key}": weight.grad.clone() for key, weight in model.named_parameters() if key in GRADIENTS}
    return {key: tensor.detach() for key, tensor in expected.items()}


def inputs(rows):
    """A row by itself, and all as one batch, padded with id 0 on the left or on the right."""
    yield "row", rows[0][None], torch.ones(1, len(rows[0]), dtype=torch.int64)
    for side in ("left", "right"):
        ids, mask = torch.zeros(2, len(rows), max(LENGTHS), dtype=torch.int64)
        for i, row in enumerate(rows):
            place = slice(-len(row), None) if side == "left" else slice(len(row))
            ids[i, place], mask[i, place] = row, 1
        yield side, ids, mask


def targets(config, ids, mask, source):
    if config["architectures"] == [QUESTION]:
        return {name: torch.randint(0, 3, ids.shape[:1], generator=source) for name in ("start_positions", "end_positions")}
    count = len(config["id2label"])
    if config["architectures"] == [TOKEN]:
        return {"labels": torch.where(mask == 1, torch.randint(0, count, ids.shape, generator=source), -100)}
    if count == 1:
        return {"labels": torch.randn(len(ids), generator=source)}
    if "problem_type" in config:
        return {"labels": torch.randint(0, 2, (len(ids), count), generator=source).float()}
    return {"labels": torch.randint(0, count, ids.shape[:1], generator=source)}


def losses(source):
    """Losses by themselves, of random logits and labels of every kind: the loss and its gradient."""
    def floats(*shape):
        return torch.randn(*shape, generator=source)

    def integers(high, *shape):
        return torch.randint(0, high, shape, generator=source)

    def sequence(logits, labels, problem=None):
        config = MistralConfig(num_labels=logits.shape[1], problem_type=problem)
        return ForSequenceClassificationLoss(labels, logits, config)

    def token(logits, labels):
        return ForTokenClassification(logits, labels, MistralConfig(num_labels=logits.shape[2]))

    def question(logits, positions):
        start, end = logits.unbind(-1)
        return ForQuestionAnsweringLoss(start, end, positions[0], positions[1])

    ignored = integers(3, 4)
    ignored[1:3] = -100
    partly = integers(4, 2, 5)
    partly[0, 2:] = -100
    outside = torch.tensor([[0, 6, -3, 9], [5, 2, 1, 6]])
    cases = {
        "single": (sequence, floats(4, 3), integers(3, 4)),
        "single-ignored": (sequence, floats(4, 3), ignored),
        "multi": (sequence, floats(4, 3) * 30, integers(2, 4, 3).float()),
        "regression": (sequence, floats(4, 1), floats(4)),
        "regression-row": (sequence, floats(1, 1), floats(1, 1)),
        "regression-several": (lambda *given: sequence(*given, "regression"), floats(4, 3), floats(4, 3)),
        "token": (token, floats(2, 5, 4), partly),
        "question": (question, floats(4, 6, 2), integers(6, 2, 4)),
        "question-outside": (question, floats(4, 6, 2), outside),
        "question-column": (question, floats(4, 6, 2), integers(6, 2, 4, 1)),
    }
    recorded = {}
    for name, (function, logits, labels) in cases.items():
        logits.requires_grad_()
        loss = function(logits, labels)
        loss.backward()
        recorded |= {f"{name}.logits": logits.detach(), f"{name}.labels": labels, f"{name}.loss": loss.detach(),
                     f"{name}.grad": logits.grad}
    assert all(tensor.isfinite().all() for tensor in recorded.values())
    return recorded


def entities(folder):
    """What the token classification pipeline finds, by aggregation strategy."""
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    model = AutoModelForTokenClassification.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    found = {}
    for strategy in ("none", "simple", "first", "average", "max"):
        run = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=strategy)
        found[strategy] = [[{key: float(value) if key == "score" else value for key, value in entity.items()}
                            for entity in run(text)] for text in TEXTS]
    return {"texts": TEXTS, "entities": found}


def answers(folder):
    """The best span of each context, as the question answering pipeline of transformers 4 finds it in tokens of question and
    context, in this order: (start, end) in characters, for several limits of tokens."""
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    found = []
    for question, context in zip(QUESTIONS, TEXTS):
        given = tokenizer(question, context, return_offsets_mapping=True)
        inside = torch.tensor([part == 1 for part in given.sequence_ids()])
        with torch.no_grad():
            result = model(input_ids=torch.tensor([given["input_ids"]]))
        start, end = (torch.where(inside, logits[0], -10000.0).softmax(-1) for logits in (result.start_logits, result.end_logits))
        for longest in (1, 3, 15):
            scores = (start[:, None] * end[None, :]).triu().tril(longest - 1)
            first, last = divmod(scores.argmax().item(), len(start))
            found.append({"question": question, "context": context, "max_answer_len": longest,
                          "input_ids": given["input_ids"],
                          "start": given["offset_mapping"][first][0], "end": given["offset_mapping"][last][1]})
    return found


TOKENIZER = Path(__file__).parents[1] / "src/test/resources/reference/tokenizer/small/canonical"
TEXTS = ["a fox", "the ship and the lighthouse at the sea", "one  two three, four. five-six", "nine",
         "it is a caf\u00e9 town", "na\u00efve \u00e9t\u00e9 in \u6f22\u5b57"]
QUESTIONS = ["who?", "where is the ship", "what \u00e9 comes?", "a", "is it", "where"]
PIPELINES = {
    "entities": (SHAPE | labels("O", "B-PER", "I-PER", "B-LOC", "I-LOC") | {"vocab_size": 500, "architectures": [TOKEN]}, entities),
    "answers": (SHAPE | {"vocab_size": 500, "architectures": [QUESTION]}, answers),
}


def pooled(name, states, mask):
    """As sentence-transformers pools: the last token, the mean and the first token of those that are no padding."""
    first, last = mask.argmax(1), mask.shape[1] - 1 - mask.flip(1).argmax(1)
    every = torch.arange(len(states))
    results = {"cls": states[every, first], "last": states[every, last],
               "mean": (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)}
    return {f"{name}.{how}": value for how, value in results.items()} | {
        f"{name}.{how}.normalized": torch.nn.functional.normalize(value, dim=1) for how, value in results.items()}


if __name__ == "__main__":
    main()
