"""Trains mistral-tiny-instruct, the small real Mistral network that ships inside the library, from WordNet and generated conversations.

    python train_tiny.py --wordnet /usr/share/wordnet --output mistral-tiny-instruct --minutes 4

Builds the tokenizer, trains a randomly initialised MistralForCausalLM with a plain loop on one GPU, if there is one, and writes a
checkpoint directory in the layout of Mistral-7B-Instruct-v0.3.
"""

import argparse
import math
import os
import time

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, MistralConfig, MistralForCausalLM

import vocabulary
from rows import Encoder, Rows
from conversations import Conversation, Conversations
from vocabulary import write_json
from wordnet_dialogues import Dictionary, plain_question, said

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
    "sliding_window": 512,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": vocabulary.SIZE,
}


def check_template(tokenizer, conversations, count=100):
    """The rows must be exactly what users of the chat template get."""
    encoder = Encoder(tokenizer)
    for _ in range(count):
        conversation = conversations.next()
        ids, labels = encoder.encode(conversation)
        prompt = tokenizer.apply_chat_template(
            conversation.messages[:-1], tools=conversation.tools, tokenize=True, return_dict=False
        )
        assert ids[: len(prompt)] == prompt and labels[len(prompt) - 1] != -100, (conversation, ids, prompt)


def save(model, output):
    """config.json in the classic flat spelling, generation_config.json and the weights rounded to bfloat16."""
    write_json(output, "config.json", CONFIG)
    write_json(
        output, "generation_config.json", {"_from_model_config": True, "bos_token_id": 1, "do_sample": False, "eos_token_id": 2}
    )
    weights = {k: v.detach().to(torch.bfloat16).contiguous().cpu() for k, v in model.state_dict().items()}
    path = os.path.join(output, "model.safetensors")
    save_file(weights, path + ".part", metadata={"format": "pt"})
    os.chmod(path + ".part", 0o644)
    os.replace(path + ".part", path)


def block(x, cos, sin, mask, norm, q_proj, k_proj, v_proj, o_proj, mlp_norm, gate_proj, up_proj, down_proj):
    """A decoder layer, given its weights."""
    linear = torch.nn.functional.linear

    def normed(weight):
        return torch.nn.functional.rms_norm(x, x.shape[-1:], weight, CONFIG["rms_norm_eps"])

    def rotated(states):
        first, second = states.float().chunk(2, -1)
        return (states * cos + torch.cat((-second, first), -1) * sin).to(states.dtype)

    h = normed(norm)
    q, k, v = (linear(h, weight).unflatten(-1, (-1, CONFIG["head_dim"])).transpose(1, 2) for weight in (q_proj, k_proj, v_proj))
    groups = q.shape[1] // k.shape[1]
    k, v = rotated(k).repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    mixed = torch.nn.functional.scaled_dot_product_attention(rotated(q), k, v, attn_mask=mask, is_causal=mask is None)
    x = x + linear(mixed.transpose(1, 2).flatten(2), o_proj)
    h = normed(mlp_norm)
    return x + linear(torch.nn.functional.silu(linear(h, gate_proj)) * linear(h, up_proj), down_proj)


def hidden_states(model, ids, layer=block):
    """What model.model(ids) yields, in fewer kernels and without a mask for rows up to the window."""
    decoder, positions = model.model, torch.arange(ids.shape[1], device=ids.device)
    angles = torch.outer(positions, decoder.rotary_emb.inv_freq).repeat(1, 2)
    cos, sin, mask = angles.cos(), angles.sin(), None
    if len(positions) > CONFIG["sliding_window"]:
        distance = positions[:, None] - positions
        mask = (distance >= 0) & (distance < CONFIG["sliding_window"])
    x = decoder.embed_tokens(ids)
    for module in decoder.layers:
        attention, mlp = module.self_attn, module.mlp
        x = layer(
            x,
            cos,
            sin,
            mask,
            module.input_layernorm.weight,
            attention.q_proj.weight,
            attention.k_proj.weight,
            attention.v_proj.weight,
            attention.o_proj.weight,
            module.post_attention_layernorm.weight,
            mlp.gate_proj.weight,
            mlp.up_proj.weight,
            mlp.down_proj.weight,
        )
    return decoder.norm(x)


@torch.no_grad()
def recited(model, encoder, conversations, size=50):
    """Which conversations the model ends exactly so in a greedy answer.

    One pass over each tells it: greedy decoding yields the answer just if each of its tokens, and then </s>, is the likeliest
    one behind its forerunners.
    """
    rows = [encoder.encode(c, {len(c.messages) - 1}) for c in conversations]
    order, result = sorted(range(len(rows)), key=lambda i: len(rows[i][0])), [None] * len(rows)
    for start in range(0, len(order), size):
        some = order[start : start + size]
        longest = len(rows[some[-1]][0])
        batch = torch.tensor([rows[i][0] + [2] * (longest - len(rows[i][0])) for i in some], device=model.device)
        best = model(batch, use_cache=False).logits.argmax(-1).tolist()
        for i, likeliest in zip(some, best):
            result[i] = all(label in (-100, likeliest[k]) for k, label in enumerate(rows[i][1]))
    return result


def definition(noun, wording=None):
    return Conversation(said(wording or plain_question(noun), noun.definition))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", required=True, help="directory with data.noun, index.noun and cntlist.rev of WordNet 3.0")
    parser.add_argument("--output", required=True, help="the checkpoint directory")
    parser.add_argument("--minutes", type=float, default=8, help="of everything, the schedule of the learning rate included")
    parser.add_argument("--tokens", type=int, default=49152, help="of a step")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--processes", type=int, default=max(1, (os.cpu_count() or 2) - 2), help="that make conversations")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    start = time.time()
    os.makedirs(args.output, exist_ok=True)
    torch.manual_seed(args.seed)
    dictionary = Dictionary(args.wordnet)
    corpus = vocabulary.build(dictionary, args.output, args.seed, CONFIG["max_position_embeddings"])
    tokenizer = AutoTokenizer.from_pretrained(args.output)
    vocabulary.check(args.output, tokenizer, corpus[:3000])
    check_template(tokenizer, Conversations(dictionary, args.seed + 2))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = Rows(tokenizer, dictionary, args.seed + 100, args.processes, device)

    config = MistralConfig(**{k: v for k, v in CONFIG.items() if k not in ("architectures", "torch_dtype", "model_type")})
    model = MistralForCausalLM(config).float().to(device)
    print(
        f"{time.time() - start:.0f} s: {sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters on {device}",
        flush=True,
    )
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.02},
            {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0},
        ],
        lr=args.learning_rate,
        betas=(0.9, 0.95),
        fused=True,
    )
    encoder = Encoder(tokenizer)
    exam = [definition(n) for n in dictionary.commonest[::5]]
    torch.set_float32_matmul_precision("high")

    layer = torch.compile(block, dynamic=False) if device.type == "cuda" else block
    begun, step, mean, progress, told = time.time(), 0, torch.zeros((), device=device), 0.0, 1
    while progress < 1:
        progress = (time.time() - begun) / (start + 60 * args.minutes - begun)
        rate = args.learning_rate * min((step + 1) / 200, 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1))))
        for group in optimizer.param_groups:
            group["lr"] = rate
        ids, places, targets = rows.batch(args.tokens)
        with torch.autocast(device.type, torch.bfloat16):
            hidden = hidden_states(model, ids, layer)
            # The output layer is needed only where there is a loss.
            logits = model.lm_head(hidden.view(-1, hidden.shape[-1])[places])
        loss = torch.nn.functional.cross_entropy(logits.float(), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        mean += (loss.detach() - mean) * (1 if step == 1 else 0.05)
        if progress * 16 >= told or progress >= 1:
            told += 1
            right = recited(model, encoder, exam)
            print(
                f"{time.time() - start:.0f} s: step {step}, loss {mean.item():.4f}, rate {rate:.2e}, {rows.tokens() / 1e6:.0f} M tokens made, "
                f"{sum(right)} of {len(right)} definitions",
                flush=True,
            )
            save(model, args.output)
    rows.close()


if __name__ == "__main__":
    main()
