"""A small GGUF file with every supported tensor and metadata type, and the values that gguf-py reads from it.

The file is no model: it has the tensors of one layer, but each in another type, of blocks of random bytes and of extreme
ones. (This script cannot be called gguf.py, as `import gguf` would then find itself.)
"""

import hashlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

from common import output_folder, write_json

SEED = 20261123
COLUMNS = 512
HEADS, KEY_HEADS = 4, 2

# Where the float16 numbers of a block are, in bytes.
FLOAT16 = {Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0], Type.Q4_K: [0, 2],
           Type.Q5_K: [0, 2], Type.Q6_K: [208]}

# One, minus one, zeros, the smallest and largest subnormals, the smallest normal one, the largest.
EXTREMES = [0x3C00, 0xBC00, 0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x83FF, 0x0400, 0x7BFF, 0xFBFF]

# Rows that do not fill a tile of 32, but for queries and keys, whose heads must be of an even number of them.
TENSORS = {
    "token_embd.weight": ("model.embed_tokens.weight", Type.Q4_0, 70),
    "blk.0.attn_q.weight": ("model.layers.0.self_attn.q_proj.weight", Type.Q4_K, 40),
    "blk.0.attn_k.weight": ("model.layers.0.self_attn.k_proj.weight", Type.Q6_K, 36),
    "blk.0.attn_v.weight": ("model.layers.0.self_attn.v_proj.weight", Type.Q5_K, 33),
    "blk.0.attn_output.weight": ("model.layers.0.self_attn.o_proj.weight", Type.Q4_1, 65),
    "blk.0.ffn_gate.weight": ("model.layers.0.mlp.gate_proj.weight", Type.Q5_0, 37),
    "blk.0.ffn_up.weight": ("model.layers.0.mlp.up_proj.weight", Type.Q5_1, 34),
    "blk.0.ffn_down.weight": ("model.layers.0.mlp.down_proj.weight", Type.Q8_0, 39),
    "blk.1.attn_q.weight": ("model.layers.1.self_attn.q_proj.weight", Type.F16, 8),
    "blk.1.attn_k.weight": ("model.layers.1.self_attn.k_proj.weight", Type.BF16, 4),
    "blk.1.attn_v.weight": ("model.layers.1.self_attn.v_proj.weight", Type.F32, 3),
    "output.weight": ("lm_head.weight", Type.Q4_K, 65),
}


def main():
    output = output_folder(__doc__) / "gguf"
    output.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    writer = gguf.GGUFWriter(output / "types.gguf", "llama")
    values = metadata(writer)
    expected = {}
    for name, (ours, kind, rows) in TENSORS.items():
        blocks = random_rows(random, kind, rows)
        numbers = gguf.quants.dequantize(blocks, kind).astype("<f4")
        expected[ours] = {"type": kind.name, "shape": [rows, COLUMNS], "sha256": hashlib.sha256(numbers.tobytes()).hexdigest(),
                          "first": [float(x) for x in numbers[0, :3]]}
        heads = {"attn_q": HEADS, "attn_k": KEY_HEADS}.get(name.split(".")[-2])
        writer.add_tensor(name, permute(blocks, heads) if heads else blocks, raw_dtype=kind)
    norm = random.standard_normal(COLUMNS, dtype=np.float32)
    writer.add_tensor("output_norm.weight", norm)
    expected["model.norm.weight"] = {"type": "F32", "shape": [COLUMNS], "sha256": hashlib.sha256(norm.tobytes()).hexdigest(),
                                     "first": [float(x) for x in norm[:3]]}
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    write_json(output / "types.json", {"heads": HEADS, "key_heads": KEY_HEADS, "metadata": values, "tensors": expected})


def metadata(writer):
    """Writes a value of each type; 64 bits beyond those of a JSON number are left out."""
    values = {"uint8": 200, "int8": -100, "uint16": 60000, "int16": -30000, "uint32": 4000000000, "int32": -2000000000,
              "float32": 0.5, "bool": True, "string": "naïve 日本\n", "uint64": 2**52, "int64": -2**52, "float64": 0.1}
    for kind, value in values.items():
        getattr(writer, "add_" + kind)("test." + kind, value)
    arrays = {"numbers": [1, -2, 3], "fractions": [0.5, -1.25], "words": ["a", "", "ß"], "flags": [True, False]}
    for kind, value in arrays.items():
        writer.add_array("test." + kind, value)
    return {"general.architecture": "llama"} | {"test." + key: value for key, value in (values | arrays).items()}


def random_rows(random, kind, rows):
    """Rows of blocks as bytes; plain numbers are typed, as the writer has their shape from that."""
    if kind not in FLOAT16:
        numbers = random.standard_normal((rows, COLUMNS), dtype=np.float32)
        return gguf.quants.quantize(numbers, kind)
    size, bytes_of_block = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (rows * COLUMNS // size, bytes_of_block), dtype=np.uint8)
    for at in FLOAT16[kind]:
        halves = random.integers(0, 0x7C00, len(blocks), dtype=np.uint16) | random.integers(0, 2, len(blocks), dtype=np.uint16) << 15
        halves = halves.astype("<u2")
        halves[:len(EXTREMES)] = random.permutation(EXTREMES)
        blocks[:, at:at + 2] = halves.view(np.uint8).reshape(-1, 2)
    rest = [i for i in range(bytes_of_block) if not any(at <= i < at + 2 for at in FLOAT16[kind])]
    for block, byte in enumerate((0x00, 0xFF, 0x80, 0x7F)):
        blocks[len(EXTREMES) + block, rest] = byte
    return blocks.reshape(rows, -1)


def permute(rows, heads):
    """The order that convert_hf_to_gguf.py puts the rows of queries and keys in."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


if __name__ == "__main__":
    main()
