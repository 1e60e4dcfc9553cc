"""Tiny random Mistral checkpoints, and what Hugging Face transformers computes with each of them.

Each checkpoint is written first, then read back by transformers from its folder, so that reading is covered as well.
The seed of a case is the first one whose greedy texts are varied and free of near-ties (see `Unsteady`).
"""

import json
import shutil

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GenerationConfig

from common import output_folder, write_json

NEW_TOKENS = 80
SMALLEST_GAP = 1e-3  # between the two best scores of every greedy step, so that rounding cannot change a choice

CLASSIC = {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_act": "silu", "bos_token_id": 1,
           "eos_token_id": 2, "initializer_range": 0.02, "attention_dropout": 0.0, "use_cache": True}

CASES = {
    "window8-f32": CLASSIC | {
        "vocab_size": 99, "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "sliding_window": 8, "tie_word_embeddings": False, "torch_dtype": "float32", "transformers_version": "4.34.0"},
    "nowindow-tied-sharded": CLASSIC | {
        "vocab_size": 101, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}, "sliding_window": None,
        "tie_word_embeddings": True, "dtype": "float32", "transformers_version": "5.18.0"},
    "window4-bf16": CLASSIC | {
        "vocab_size": 97, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 8,
        "num_key_value_heads": 8, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "sliding_window": 4, "tie_word_embeddings": False, "torch_dtype": "bfloat16"},
    "f16": CLASSIC | {
        "vocab_size": 103, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": None, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
        "rope_theta": 1000000.0, "sliding_window": None, "tie_word_embeddings": False, "torch_dtype": "float16",
        "eos_token_id": [2, 3]},
    # Everything that has a usable default is absent: 8 key-value heads (not 16), epsilon 1e-6, theta 10000, window 4096.
    "defaults": {
        "architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 97, "hidden_size": 64,
        "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 16},
}
STORED = {"window4-bf16": torch.bfloat16, "f16": torch.float16}
SINGLE_LENGTH, BATCH_LENGTHS = 21, (13, 9, 4)


class Unsteady(Exception):
    """A greedy text that rounding could change, or without variety: try the next seed."""


def main():
    output = output_folder(__doc__) / "checkpoints"
    for name, config in CASES.items():
        seed = 1
        while True:
            folder = output / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                write_checkpoint(folder, name, config, seed)
                write_expected(folder, name, seed)
                break
            except Unsteady as reason:
                print(f"{name}: seed {seed} left: {reason}")
                seed += 1
        print(f"{name}: seed {seed}, {sum(file.stat().st_size for file in folder.iterdir())} bytes")
    write_consolidated(output / "window8-f32", output / "consolidated")


# ---------------------------------------------------------------------------------------------- the checkpoints


def write_checkpoint(folder, name, config, seed):
    weights = random_weights(name, config, torch.Generator().manual_seed(seed))
    weights = {key: weight.to(STORED.get(name, torch.float32)) for key, weight in weights.items()}
    write_json(folder / "config.json", config)
    if name == "window8-f32":
        write_json(folder / "generation_config.json", {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2})
    if name == "nowindow-tied-sharded":
        write_shards(folder, weights, 3)
    else:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def random_weights(name, config, source):
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    head_dim = config.get("head_dim") or hidden // heads
    kv_heads, inner = config.get("num_key_value_heads", 8), config["intermediate_size"]

    def matrix(rows, columns, gain):
        return torch.randn(rows, columns, generator=source) * gain / columns**0.5

    def norm():
        return 1 + 0.3 * torch.randn(hidden, generator=source)

    # Tiny embeddings in `defaults`: their mean square is near the default epsilon, which therefore shows in the logits.
    embedding_gain = 0.003 if name == "defaults" else 0.5
    weights = {"model.embed_tokens.weight": torch.randn(config["vocab_size"], hidden, generator=source) * embedding_gain}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        weights |= {
            prefix + "input_layernorm.weight": norm(),
            prefix + "self_attn.q_proj.weight": matrix(heads * head_dim, hidden, 1.7),
            prefix + "self_attn.k_proj.weight": matrix(kv_heads * head_dim, hidden, 1.7),
            prefix + "self_attn.v_proj.weight": matrix(kv_heads * head_dim, hidden, 1.5),
            prefix + "self_attn.o_proj.weight": matrix(hidden, heads * head_dim, 1.5),
            prefix + "post_attention_layernorm.weight": norm(),
            prefix + "mlp.gate_proj.weight": matrix(inner, hidden, 1.5),
            prefix + "mlp.up_proj.weight": matrix(inner, hidden, 1.5),
            prefix + "mlp.down_proj.weight": matrix(hidden, inner, 1.0),
        }
    weights["model.norm.weight"] = norm()
    if not config.get("tie_word_embeddings"):
        weights["lm_head.weight"] = matrix(config["vocab_size"], hidden, 2.5)
    return weights


def write_shards(folder, weights, count):
    names, index = sorted(weights), {}
    for shard in range(count):
        file = f"model-{shard + 1:05d}-of-{count:05d}.safetensors"
        part = {key: weights[key] for key in names[shard::count]}  # neighbours fall into different files
        save_file(part, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(part, file)
    size = sum(weight.numel() * weight.element_size() for weight in weights.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": dict(sorted(index.items()))})


def write_consolidated(source, folder):
    """The same weights in Mistral's own layout: other names, and q and k rows in interleaved rotary order."""
    config = json.loads((source / "config.json").read_text())
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head_dim = config["hidden_size"] // heads
    original = load_file(source / "model.safetensors")
    renamed = {}
    for name, weight in original.items():
        if "q_proj" in name or "k_proj" in name:
            count = heads if "q_proj" in name else kv_heads
            ours = weight.view(count, 2, head_dim // 2, -1).transpose(1, 2).reshape(weight.shape).contiguous()
            back = ours.view(count, head_dim // 2, 2, -1).transpose(1, 2).reshape(weight.shape)
            assert torch.equal(back, weight) and not torch.equal(ours, weight)
            weight = ours
        for theirs, mistral in (("lm_head", "output"), ("model.", ""), ("embed_tokens", "tok_embeddings"),
                                ("self_attn.", "attention."), ("q_proj", "wq"), ("k_proj", "wk"), ("v_proj", "wv"),
                                ("o_proj", "wo"), ("mlp.gate_proj", "feed_forward.w1"), ("mlp.down_proj", "feed_forward.w2"),
                                ("mlp.up_proj", "feed_forward.w3"), ("input_layernorm", "attention_norm"),
                                ("post_attention_layernorm", "ffn_norm")):
            name = name.replace(theirs, mistral)
        renamed[name] = weight
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    save_file(renamed, folder / "consolidated.safetensors")
    write_json(folder / "params.json", {
        "dim": config["hidden_size"], "n_layers": config["num_hidden_layers"], "head_dim": head_dim,
        "hidden_dim": config["intermediate_size"], "n_heads": heads, "n_kv_heads": kv_heads,
        "norm_eps": config["rms_norm_eps"], "vocab_size": config["vocab_size"],
        "sliding_window": config["sliding_window"], "rope_theta": config["rope_theta"]})


# ----------------------------------------------------------------------------------------------- expected outputs


def read(folder, attention="eager", **options):
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation=attention, output_loading_info=True, **options)
    assert not any(info.values()), info
    return model.eval()


def write_expected(folder, name, seed):
    model, sdpa = read(folder), read(folder, "sdpa")
    source = torch.Generator().manual_seed(1000 + seed)
    vocabulary = model.config.vocab_size

    def tokens(*shape):
        return torch.randint(3, vocabulary, shape, generator=source)  # 0, 1 and 2 stay for unk/pad, bos and eos

    expected = {}
    with torch.no_grad():
        expected |= single(model, sdpa, tokens(1, SINGLE_LENGTH))
        expected |= batch(model, sdpa, [tokens(length) for length in BATCH_LENGTHS])
        expected |= shared_prefix(model, sdpa, tokens(12))
        embeds = torch.randn(1, 9, model.config.hidden_size, generator=source) * model.model.embed_tokens.weight.std()
        expected |= {"embeds.inputs_embeds": embeds, "embeds.logits": model(inputs_embeds=embeds).logits}
        if name in STORED:
            expected |= half(folder, STORED[name], expected["single.input_ids"])
        if name == "defaults":
            expected |= long(sdpa, read(folder, "sdpa", sliding_window=None), tokens(1, 4110))
    if name == "window8-f32":
        expected |= gradients(model, expected["single.input_ids"])
    greedy = greedy_cases(model, [tokens(length).tolist() for length in (5, 20, 3, 7, 15)])
    assert all(tensor.isfinite().all() for tensor in expected.values())
    save_file({key: tensor.contiguous().clone() for key, tensor in sorted(expected.items())}, folder / "expected.safetensors")
    write_json(folder / "expected.json", {"checkpoint": name, "seed": seed, "greedy": greedy})


def agree(left, right):
    assert torch.allclose(left, right, rtol=0, atol=5e-4), (left - right).abs().max()


def single(model, sdpa, input_ids):
    out = model(input_ids, output_hidden_states=True, output_attentions=True)
    agree(out.logits, sdpa(input_ids).logits)
    agree(out.logits, model.lm_head(out.hidden_states[-1]))  # the last state is taken after the final norm
    expected = {"single.input_ids": input_ids, "single.logits": out.logits}
    expected |= {f"single.hidden_states.{index}": state for index, state in enumerate(out.hidden_states)}
    expected |= {f"single.attentions.{index}": weights for index, weights in enumerate(out.attentions)}
    window = model.config.sliding_window or len(input_ids[0])
    for weights in out.attentions:  # exactly the last `window` tokens, the token itself among them
        seen = (weights[0] > 0).any(0)
        far = torch.ones_like(seen).tril(-window)
        near = torch.ones_like(seen).tril() & ~far
        assert not (seen & ~near).any() and (seen & near).sum() > 0.95 * near.sum()
    return expected


def batch(model, sdpa, rows):
    """Left padding with id 0; positions as `generate` derives them: the padding gets 0, the first token gets 0."""
    width = max(map(len, rows))
    input_ids = torch.stack([torch.cat([torch.zeros(width - len(row), dtype=torch.long), row]) for row in rows])
    attention_mask = torch.stack([torch.arange(width) >= width - len(row) for row in rows]).long()
    position_ids = (attention_mask.cumsum(-1) - 1).masked_fill(attention_mask == 0, 0)
    assert torch.equal(position_ids, model._prepare_position_ids_for_generation(input_ids, {"attention_mask": attention_mask}))
    arguments = {"attention_mask": attention_mask, "position_ids": position_ids}
    logits = model(input_ids, **arguments).logits
    real = attention_mask.bool()
    agree(logits[real], sdpa(input_ids, **arguments).logits[real])
    for row, line in zip(rows, logits):
        agree(model(row[None]).logits[0], line[width - len(row):])
    return {"batch.input_ids": input_ids, "batch.attention_mask": attention_mask, "batch.position_ids": position_ids,
            "batch.logits": logits}


def shared_prefix(model, sdpa, row):
    """Three continuations of three tokens after one prefix of three, in one row, kept apart by a custom mask."""
    position_ids = torch.tensor([[0, 1, 2, 3, 4, 5, 3, 4, 5, 3, 4, 5]])
    group = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    allowed = ((group[:, None] == group) | (group == 0)).tril()
    mask = torch.zeros(1, 1, 12, 12).masked_fill(~allowed, torch.finfo(torch.float32).min)
    arguments = {"attention_mask": mask, "position_ids": position_ids}
    logits = model(row[None], **arguments).logits
    agree(logits, sdpa(row[None], **arguments).logits)
    for number in (1, 2, 3):  # as three rows of their own; a custom mask is used as it is, the window is not added
        apart = torch.cat([row[:3], row[group == number]])[None]
        if (model.config.sliding_window or 99) >= 6:
            agree(model(apart).logits[0, 3:], logits[0, group == number])
    return {"mask4d.input_ids": row[None], "mask4d.attention_mask": mask, "mask4d.position_ids": position_ids,
            "mask4d.logits": logits}


def half(folder, dtype, input_ids):
    """The whole model computed in the stored data type; saved as float32, which holds these values exactly."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    out = model(input_ids, output_hidden_states=True)
    name = {torch.bfloat16: "bf16", torch.float16: "f16"}[dtype]
    states = {f"single.hidden_states_{name}.{index}": state.float() for index, state in enumerate(out.hidden_states)}
    return states | {f"single.logits_{name}": out.logits.float()}


def long(model, unlimited, input_ids):
    """Longer than the default window of 4096, whose effect on the last four tokens must be visible."""
    logits = model(input_ids, logits_to_keep=4).logits
    difference = (logits - unlimited(input_ids, logits_to_keep=4).logits).abs().max().item()
    print(f"  without the default window the long logits differ by {difference:.4f}")
    if difference < 5e-3:
        raise Unsteady(f"the default window shows by {difference} only")
    return {"long.input_ids": input_ids, "long.last_logits": logits}


def gradients(model, input_ids):
    labels = input_ids.clone()
    labels[0, [0, 6, 7]] = -100
    loss = model(input_ids, labels=labels).loss
    shifted = torch.nn.functional.cross_entropy(model(input_ids).logits[0, :-1], labels[0, 1:], ignore_index=-100)
    assert torch.allclose(loss, shifted)
    loss.backward()
    names = ["model.embed_tokens", "model.layers.0.input_layernorm", "model.layers.0.self_attn.q_proj",
             "model.layers.0.self_attn.k_proj", "model.layers.1.mlp.gate_proj", "model.norm", "lm_head"]
    return {"labels": labels, "loss": loss.detach()} | {
        f"grad.{name}.weight": model.get_parameter(f"{name}.weight").grad for name in names}


# --------------------------------------------------------------------------------------------------- greedy texts


def greedy_cases(model, prompts):
    short, other, *several = prompts
    cases = [greedy(model, "short", [short], logprobs=True), greedy(model, "long", [other], logprobs=True),
             greedy(model, "batch", several)]
    for prompt, ids in zip(several, cases[-1]["outputs"]):  # padding does not change a row
        assert greedy(model, "alone", [prompt])["outputs"] == [ids]
    eos = stopping_ids(cases[-1]["outputs"], model.config.vocab_size)
    cases.append(greedy(model, "eos", several, eos_token_id=eos))
    lengths = [len(ids) for ids in cases[-1]["outputs"]]
    assert len(set(lengths)) == len(lengths) and max(lengths) < NEW_TOKENS
    cases.append(greedy(model, "min_new_tokens", several[:1], eos_token_id=eos, min_new_tokens=lengths[0] + 10))
    assert lengths[0] + 10 < len(cases[-1]["outputs"][0]), "more tokens than without, and the last one chosen freely"
    cases.append(greedy(model, "repetition_penalty", [other], repetition_penalty=1.3, logprobs=True))
    assert cases[-1]["outputs"] != cases[1]["outputs"]
    return cases


def greedy(model, name, prompts, eos_token_id=None, logprobs=False, **options):
    width = max(map(len, prompts))
    input_ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    attention_mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=eos_token_id, pad_token_id=0)
    out = model.generate(input_ids, attention_mask=attention_mask, do_sample=False, max_new_tokens=NEW_TOKENS,
                         return_dict_in_generate=True, output_scores=True, output_logits=True, **options)
    outputs, chosen, gap = [], [], float("inf")
    for row, ids in enumerate(out.sequences[:, width:].tolist()):
        stop = next((step for step, token in enumerate(ids) if token in (eos_token_id or [])), len(ids) - 1)
        ids = ids[:stop + 1]  # with the id that stopped it, without the padding after it
        for step in range(len(ids)):
            best, second = out.scores[step][row].topk(2).values.tolist()
            gap = min(gap, best - second)
        outputs.append(ids)
        chosen.append([out.logits[step][row].log_softmax(-1)[token].item() for step, token in enumerate(ids)])
        assert eos_token_id or len(ids) == NEW_TOKENS
        if eos_token_id is None and len(set(ids[-40:])) < 6:
            raise Unsteady(f"{name} repeats itself")
    if gap < SMALLEST_GAP:
        raise Unsteady(f"{name} has a gap of {gap:.1e} between the two best tokens")
    case = {"name": name, "prompts": prompts,
            "options": {"max_new_tokens": NEW_TOKENS, "eos_token_id": eos_token_id} | options, "outputs": outputs}
    return case | ({"logprobs": chosen} if logprobs else {}) | {"smallest_gap": gap}


def stopping_ids(outputs, vocabulary):
    """Two ids that end the rows at different steps, by both of them, not at once and not too late."""
    for first in range(3, vocabulary):
        for second in range(first + 1, vocabulary):
            stops = [next(((step, token) for step, token in enumerate(ids) if token in (first, second)), (NEW_TOKENS, -1)) for ids in outputs]
            steps = sorted(step for step, _ in stops)
            if steps[0] >= 3 and len(set(steps)) == len(steps) and steps[-1] < 50 and {token for _, token in stops} == {first, second}:
                return [first, second]
    raise Unsteady("no two ids end the rows at different steps")


if __name__ == "__main__":
    main()
