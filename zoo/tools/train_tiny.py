"""Trains mistral-tiny-instruct, the small real Mistral network that ships inside the library, from nothing but WordNet.

    python train_tiny.py --wordnet /usr/share/wordnet --output mistral-tiny-instruct

Builds the tokenizer from the dialogues of wordnet_dialogues.py, trains a randomly initialised MistralForCausalLM with a plain
loop and writes a checkpoint directory in the layout of the published Mistral-7B-Instruct ones. About half an hour on two
idle CPU cores. The checkpoint is rewritten every --save-every steps, so that the run can be stopped at any moment.
"""
import argparse
import io
import itertools
import json
import math
import os
import re
import time

import sentencepiece
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoTokenizer, MistralConfig, MistralForCausalLM

from wordnet_dialogues import Dialogues, Dictionary, plain_question

VOCABULARY = 5632
LENGTH = 256  # of a training row: twice the sliding window, so that the model learns to live without the first tokens

# The template of Mistral-7B-Instruct-v0.2 since September 2024.
CHAT_TEMPLATE = r"""{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}

{{- bos_token }}
{%- for message in loop_messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('After the optional system message, conversation roles must alternate user/assistant/user/assistant/...') }}
    {%- endif %}
    {%- if message['role'] == 'user' %}
        {%- if loop.first and system_message is defined %}
            {{- ' [INST] ' + system_message + '\n\n' + message['content'] + ' [/INST]' }}
        {%- else %}
            {{- ' [INST] ' + message['content'] + ' [/INST]' }}
        {%- endif %}
    {%- elif message['role'] == 'assistant' %}
        {{- ' ' + message['content'] + eos_token}}
    {%- else %}
        {{- raise_exception('Only user and assistant roles are supported, with the exception of an initial optional system message!') }}
    {%- endif %}
{%- endfor %}
"""

CONFIG = {
    "architectures": ["MistralForCausalLM"],
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 256,
    "initializer_range": 0.02,
    "intermediate_size": 768,
    "max_position_embeddings": 2048,
    "model_type": "mistral",
    "num_attention_heads": 8,
    "num_hidden_layers": 6,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "sliding_window": 128,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": VOCABULARY,
}


def write_json(directory, name, value):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")


def build_tokenizer(dictionary, output, seed):
    """Trains the SentencePiece model and writes it together with its tokenizer.json form."""
    dialogues = Dialogues(dictionary, seed)
    texts = []
    for _ in range(60000):
        _, question, answer = dialogues.turn()
        texts.append(f"[INST] {question} [/INST] {answer}")
    # '‖' forbids pieces to cross it: punctuation stays apart from the words, but "[INST]" becomes one piece, which makes
    # the conversations a quarter shorter than SentencePiece's own splitting at each change of script would.
    parts = (re.sub(r"(\[/?INST\])|([^\w\s])", lambda m: m[1] or f"‖{m[2]}‖", text) for text in texts)
    printable = "‖".join(map(chr, range(33, 127)))  # every ASCII character shall be a piece
    trained = io.BytesIO()  # a file's name would be written into the model
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=itertools.chain([printable], parts), model_writer=trained, model_type="bpe",
        vocab_size=VOCABULARY, byte_fallback=True,
        normalization_rule_name="identity", add_dummy_prefix=True, remove_extra_whitespaces=False, split_digits=True,
        split_by_unicode_script=False, pretokenization_delimiter="‖", character_coverage=1.0,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=2,
        minloglevel=2)
    with open(os.path.join(output, "tokenizer.model"), "wb") as file:
        file.write(trained.getvalue())

    # The tokenizer.json form: a merge for each way to put a piece together, in the order of the pieces' scores.
    sp = sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())
    vocabulary = {sp.id_to_piece(i): i for i in range(sp.get_piece_size())}
    merges = []
    for piece, i in vocabulary.items():
        if sp.is_control(i) or sp.is_unknown(i) or sp.is_byte(i):
            continue
        pairs = [(piece[:k], piece[k:]) for k in range(1, len(piece))]
        pairs = [p for p in pairs if p[0] in vocabulary and p[1] in vocabulary]
        merges += [(-sp.get_score(i), vocabulary[a], vocabulary[b], (a, b)) for a, b in pairs]
    merges = [pair for *_, pair in sorted(merges)]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    tokenizer.save(os.path.join(output, "tokenizer.json"))

    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    added = {str(i): {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
             for i, t in enumerate(("<unk>", "<s>", "</s>"))}
    write_json(output, "tokenizer_config.json", {
        "add_bos_token": True, "add_eos_token": False, "add_prefix_space": None, "added_tokens_decoder": added,
        "additional_special_tokens": [], "bos_token": "<s>", "chat_template": CHAT_TEMPLATE.rstrip("\n"),
        "clean_up_tokenization_spaces": False, "eos_token": "</s>", "legacy": False,
        "model_max_length": CONFIG["max_position_embeddings"], "pad_token": None, "sp_model_kwargs": {},
        "spaces_between_special_tokens": False, "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>",
        "use_default_system_prompt": False})
    write_json(output, "special_tokens_map.json", {
        name: {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
        for name, t in special.items()})
    return texts


class Rows:
    """Conversations as rows of token ids, with the label -100 (no loss) on all but the answers and their </s>."""

    def __init__(self, tokenizer, dialogues):
        self.dialogues = dialogues
        self.backend = tokenizer.backend_tokenizer
        self.memory = {}

    def encode(self, text):
        """The ids of a text that starts with a space and stands behind a special token or another piece."""
        ids = self.memory.get(text)
        if ids is None:
            ids = self.memory[text] = self.backend.encode(text, add_special_tokens=False).ids
        return ids

    def row(self, length=LENGTH):
        ids, labels, messages, system = [1], [-100], [], None
        for message in self.dialogues.conversation():
            messages.append(message)
            if message["role"] == "system":
                system = message["content"]
            elif message["role"] == "user":
                text = message["content"] if system is None else system + "\n\n" + message["content"]
                system = None
                part = self.encode(f" [INST] {text} [/INST]")
                ids += part
                labels += [-100] * len(part)
            else:
                part = self.encode(f" {message['content']}") + [2]
                ids += part
                labels += part
                if len(ids) > length:
                    return ids, labels, messages

    def batch(self, size):
        rows = [self.row() for _ in range(size)]
        ids = torch.tensor([r[0][:LENGTH] for r in rows])
        labels = torch.tensor([r[1][1:LENGTH + 1] for r in rows])
        return ids, labels


def check_template(tokenizer, rows, count=50):
    """The rows must be exactly what users of the chat template get."""
    for _ in range(count):
        ids, _, messages = rows.row()
        expected = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
        assert ids == expected, (messages, ids, expected)


def check_tokenizer(output, tokenizer, texts):
    """tokenizer.json must split texts as the SentencePiece model does.

    They differ, as for all Mistral tokenizers with legacy=False, in texts that start with a space: no second one is put before.
    """
    sp = sentencepiece.SentencePieceProcessor(model_file=os.path.join(output, "tokenizer.model"))
    texts = texts + ["Crème brûlée, naïve café – “quoted” … 日本語 🙂👩‍👩‍👧", "two  spaces ", "a\nb\n\nc\td", "1,234.56 & 100%", ""]
    for text in texts:
        expected, actual = sp.encode(text), tokenizer.encode(text, add_special_tokens=False)
        assert expected == actual, (text, sp.encode(text, out_type=str), tokenizer.convert_ids_to_tokens(actual))


def save(model, output):
    """config.json in the classic flat spelling, generation_config.json and the weights rounded to bfloat16."""
    write_json(output, "config.json", CONFIG)
    write_json(output, "generation_config.json",
               {"_from_model_config": True, "bos_token_id": 1, "do_sample": False, "eos_token_id": 2})
    weights = {k: v.detach().to(torch.bfloat16).contiguous() for k, v in model.state_dict().items()}
    path = os.path.join(output, "model.safetensors")
    save_file(weights, path + ".part", metadata={"format": "pt"})
    os.chmod(path + ".part", 0o644)
    os.replace(path + ".part", path)


@torch.no_grad()
def recited(model, tokenizer, pairs):
    """Which (question, answer) pairs the model answers exactly in a greedy answer.

    One pass over question and answer tells it: greedy decoding yields the answer just if each of its tokens, and then </s>, is
    the likeliest one behind its forerunners.
    """
    result = []
    for start in range(0, len(pairs), 50):
        rows = []
        for question, answer in pairs[start:start + 50]:
            prompt = tokenizer.encode(f" [INST] {question} [/INST]", add_special_tokens=False)
            rows.append((1 + len(prompt), [1] + prompt + tokenizer.encode(" " + answer, add_special_tokens=False) + [2]))
        longest = max(len(ids) for _, ids in rows)
        batch = torch.tensor([ids + [2] * (longest - len(ids)) for _, ids in rows])
        best = model(batch, use_cache=False).logits.argmax(-1)
        result += [best[i, n - 1:len(ids) - 1].tolist() == ids[n:] for i, (n, ids) in enumerate(rows)]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", required=True, help="directory with data.noun, index.noun and cntlist.rev of WordNet 3.0")
    parser.add_argument("--output", required=True, help="the checkpoint directory")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end earlier, with the whole learning-rate schedule")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--save-every", type=int, default=250)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--compile", action="store_true", help="torch.compile: a quarter faster, needs a C++ compiler")
    args = parser.parse_args()

    os.makedirs(args.output, exist_ok=True)
    torch.manual_seed(args.seed)
    dictionary = Dictionary(args.wordnet)
    texts = build_tokenizer(dictionary, args.output, args.seed)
    tokenizer = AutoTokenizer.from_pretrained(args.output)
    check_tokenizer(args.output, tokenizer, texts[:3000])
    rows = Rows(tokenizer, Dialogues(dictionary, args.seed + 1))
    check_template(tokenizer, Rows(tokenizer, Dialogues(dictionary, args.seed + 2)))
    print(f"{len(dictionary.known)} words, {len(rows.dialogues.facts)} other facts", flush=True)

    config = MistralConfig(**{k: v for k, v in CONFIG.items() if k not in ("architectures", "torch_dtype", "model_type")})
    model = MistralForCausalLM(config).float()
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters", flush=True)
    backbone = torch.compile(model.model) if args.compile else model.model
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}],
                                  lr=args.learning_rate, betas=(0.9, 0.95), fused=True)
    exam = [(plain_question(n), n.definition) for n in dictionary.commonest[::5]]

    start, step, mean, progress = time.time(), 0, None, 0.0
    while progress < 1:
        progress = max((step + 1) / args.steps, (time.time() - start) / 60 / args.minutes)
        rate = args.learning_rate * min((step + 1) / 100, 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1))))
        for group in optimizer.param_groups:
            group["lr"] = rate
        ids, labels = rows.batch(args.batch)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = backbone(input_ids=ids, use_cache=False).last_hidden_state
            # The output layer is needed only where there is a loss.
            loss = torch.nn.functional.cross_entropy(model.lm_head(hidden[labels != -100]).float(), labels[labels != -100])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        mean = loss.item() if mean is None else 0.95 * mean + 0.05 * loss.item()
        if step % 50 == 0:
            print(f"step {step} loss {mean:.4f} rate {rate:.2e} {time.time() - start:.0f} s", flush=True)
        if step % args.save_every == 0 or progress >= 1:
            save(model, args.output)
            right = recited(model, tokenizer, exam)
            print(f"step {step}: {sum(right)} of {len(right)} definitions recited", flush=True)


if __name__ == "__main__":
    main()
