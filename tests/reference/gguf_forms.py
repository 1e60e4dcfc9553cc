"""Writes a checkpoint as GGUF files whose linear layers are of one type each, to be compared with ours by
`mistral perplexity --compare`.

    python tests/reference/gguf_forms.py --model DIR --output DIR [--types Q4_0,Q4_K] [--head Q8_0] [--ggml libggml-base.so]

The embedding table is BF16, the norms F32, and the output layer BF16 or what --head says. gguf-py quantizes Q4_0, Q4_1, Q5_0,
Q5_1 and Q8_0 as llama.cpp does. For Q4_K, Q5_K and Q6_K it has no quantizer: give llama.cpp's own library,
`npm install --ignore-scripts @node-llama-cpp/linux-x64` has it in bins/linux-x64. There is no tokenizer in these files.
"""
import argparse
import ctypes
import json
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from safetensors.torch import load_file

NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "post_attention_layernorm": "ffn_norm",
         "input_layernorm": "attn_norm", "model.layers": "blk", "model.embed_tokens": "token_embd", "model.norm": "output_norm",
         "lm_head": "output"}


def quantizer(path):
    """Returns a function of (numbers, type): ggml's own where its library is given, else gguf-py's."""
    if path is None:
        return gguf.quants.quantize
    ggml = ctypes.CDLL(path)
    size, pointer = ctypes.c_int64, ctypes.c_void_p
    ggml.ggml_quantize_chunk.argtypes = [ctypes.c_int, pointer, pointer, size, size, size, pointer]
    ggml.ggml_quantize_chunk.restype = ctypes.c_size_t

    def quantize(numbers, kind):
        if kind in (Type.F32, Type.BF16):
            return gguf.quants.quantize(numbers, kind)
        numbers = np.ascontiguousarray(numbers, dtype=np.float32)
        rows, columns = numbers.shape
        block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        blocks = np.empty((rows, columns // block * block_bytes), dtype=np.uint8)
        written = ggml.ggml_quantize_chunk(kind, numbers.ctypes.data, blocks.ctypes.data, 0, rows, columns, None)
        assert written == blocks.nbytes, kind
        return blocks

    return quantize


def permute(rows, heads):
    """As convert_hf_to_gguf.py does with queries and keys."""
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def write(file, config, tensors, kind, head, quantize):
    writer = gguf.GGUFWriter(file, "llama")
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    key_heads = config["num_key_value_heads"]
    width = config.get("head_dim") or hidden // heads
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(hidden)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    for name, tensor in tensors.items():
        numbers = tensor.float().numpy()
        for ours, theirs in NAMES.items():
            name = name.replace(ours, theirs)
        if "attn_q" in name or "attn_k" in name:
            numbers = permute(numbers, heads if "attn_q" in name else key_heads)
        to = Type.F32 if numbers.ndim == 1 else {"token_embd.weight": Type.BF16, "output.weight": head}.get(name, kind)
        data = quantize(numbers, to)
        writer.add_tensor(name, data, raw_dtype=to)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--types", default="Q4_0,Q4_1,Q5_0,Q5_1,Q8_0")
    parser.add_argument("--head", default="BF16")
    parser.add_argument("--ggml")
    args = parser.parse_args()
    config = json.loads((args.model / "config.json").read_text(encoding="utf-8"))
    tensors = {}
    for file in sorted(args.model.glob("*.safetensors")):
        tensors.update(load_file(file))
    args.output.mkdir(parents=True, exist_ok=True)
    quantize = quantizer(args.ggml)
    for kind in args.types.split(","):
        file = args.output / f"{kind}{'' if args.head == 'BF16' else '-head-' + args.head}.gguf"
        write(file, config, tensors, Type[kind], Type[args.head], quantize)
        print(file, flush=True)


if __name__ == "__main__":
    main()
