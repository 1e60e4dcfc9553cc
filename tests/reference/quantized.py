"""Quantized weights as bitsandbytes, AutoGPTQ and AutoAWQ store them, and in our own int4 layout, with their values.

None of those libraries is used: all are packed here from the definitions of the formats, in numpy, one number at a time
where that is plainest. `matrices/` has awkward shapes with every value; each of the other folders is a whole checkpoint of two
layers with the logits that transformers computes from its values.
"""

import json

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import MistralConfig, MistralForCausalLM

from common import output_folder, write_json

NF4 = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
       -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
       0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]
FP4 = [sign * value / 12 for sign in (1, -1) for value in (0, 0.0625, 8, 12, 4, 6, 2, 3)]
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]  # the outputs of a word, from the lowest four bits up

CONFIG = {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_act": "silu", "bos_token_id": 1,
          "eos_token_id": 2, "vocab_size": 97, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
          "rope_theta": 10000.0, "sliding_window": 8, "tie_word_embeddings": False, "torch_dtype": "float16"}


def main():
    output = output_folder(__doc__) / "quantized"
    random = np.random.default_rng(20240229)
    write_matrices(output / "matrices", random)
    for name, (options, pack) in CHECKPOINTS.items():
        write_checkpoint(output / name, random, options, pack)


# ---------------------------------------------------------------------------------------------- bitsandbytes


def bitsandbytes(name, weight, kind="nf4", double=False, block=64, dtype="float16"):
    table = np.array(NF4 if kind == "nf4" else FP4, np.float32)
    numbers = weight.astype(np.float32).reshape(-1)
    blocks = -(-numbers.size // block)
    absmax = np.array([np.abs(numbers[b * block:(b + 1) * block]).max() for b in range(blocks)], np.float32)
    of_number = np.arange(numbers.size) // block
    codes = np.abs(numbers[:, None] / absmax[of_number, None] - table).argmin(1)
    packed = np.zeros((numbers.size + 1) // 2, np.uint8)
    for i, code in enumerate(codes):
        packed[i // 2] |= code << (4 if i % 2 == 0 else 0)
    state = {"quant_type": kind, "blocksize": block, "dtype": dtype, "shape": list(weight.shape)}
    tensors = {name: packed.reshape(-1, 1), f"{name}.quant_map": table}
    if double:
        dynamic = dynamic_map()
        offset = absmax.mean(dtype=np.float32)
        rest = absmax - offset
        nested = np.array([np.abs(rest[b:b + 256]).max() for b in range(0, blocks, 256)], np.float32)
        of_block = np.arange(blocks) // 256
        coded = np.abs(rest[:, None] / nested[of_block, None] - dynamic).argmin(1).astype(np.uint8)
        absmax = dynamic[coded] * nested[of_block]
        absmax = absmax + offset
        assert absmax.dtype == np.float32
        tensors |= {f"{name}.absmax": coded, f"{name}.nested_absmax": nested, f"{name}.nested_quant_map": dynamic}
        state |= {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": float(offset)}
    else:
        tensors[f"{name}.absmax"] = absmax
    tensors[f"{name}.quant_state.bitsandbytes__{kind}"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    values = table[codes] * absmax[of_number]
    assert values.dtype == np.float32
    return tensors, values.reshape(weight.shape)


def dynamic_map():
    """The signed 8-bit "dynamic" type (Dettmers 2015): 7 powers of ten, each with twice the fractions of the one below."""
    values = [0.0, 1.0]
    for exponent in range(7):
        borders = np.linspace(0.1, 1, 2 ** exponent + 1)
        middles = 10.0 ** (exponent - 6) * (borders[:-1] + borders[1:]) / 2
        values += [*middles, *-middles]
    assert len(values) == 256
    return np.array(sorted(values), np.float32)


# ---------------------------------------------------------------------------------------------- GPTQ and AWQ


def grouped(weight, groups, symmetric, zero=None):
    """Codes, scales (float16) and zero points of a matrix [out, in], whose input i is in group groups[i]."""
    rows, columns = weight.shape
    count = groups.max() + 1
    scales, zeros = np.zeros((count, rows), np.float16), np.zeros((count, rows), np.int64)
    codes = np.zeros((rows, columns), np.int64)
    for g in range(count):
        part = weight[:, groups == g]
        low, high = np.minimum(part.min(1), 0), np.maximum(part.max(1), 0)
        step = 2 * np.maximum(-low, high) / 15 if symmetric else (high - low) / 15
        scales[g] = step.astype(np.float16)
        zeros[g] = 8 if symmetric else np.rint(-low / step) if zero is None else zero
        codes[:, groups == g] = np.clip(np.rint(part / step[:, None]) + zeros[g][:, None], 0, 15)
    values = (codes - zeros[groups].T).astype(np.float32) * scales[groups].T.astype(np.float32)
    assert values.dtype == np.float32
    return codes, scales, zeros, values


def gptq(name, weight, random=None, size=32, act_order=False, symmetric=False, version=1, zero=None, bias=False):
    rows, columns = weight.shape
    groups = np.arange(columns) // size
    if act_order:
        groups = groups[random.permutation(columns)]
    codes, scales, zeros, values = grouped(weight, groups, symmetric, zero)
    qweight, qzeros = np.zeros((columns // 8, rows), np.uint32), np.zeros((columns // size, rows // 8), np.uint32)
    for i in range(columns):
        qweight[i // 8] |= codes[:, i].astype(np.uint32) << np.uint32(4 * (i % 8))
    stored = (zeros - 1) % 16 if version == 1 else zeros
    for o in range(rows):
        qzeros[:, o // 8] |= stored[:, o].astype(np.uint32) << np.uint32(4 * (o % 8))
    layer = name.removesuffix(".weight")
    tensors = {f"{layer}.qweight": qweight.view(np.int32), f"{layer}.qzeros": qzeros.view(np.int32),
               f"{layer}.scales": scales, f"{layer}.g_idx": groups.astype(np.int32)}
    if bias:
        tensors[f"{layer}.bias"] = np.zeros(rows, np.float16)
    return tensors, values


def awq(name, weight, size=32):
    rows, columns = weight.shape
    codes, scales, zeros, values = grouped(weight, np.arange(columns) // size, symmetric=False)

    def packed(numbers):
        words = np.zeros((numbers.shape[0], rows // 8), np.uint32)
        for word in range(rows // 8):
            for place, output in enumerate(AWQ_ORDER):
                words[:, word] |= numbers[:, 8 * word + output].astype(np.uint32) << np.uint32(4 * place)
        return words.view(np.int32)

    layer = name.removesuffix(".weight")
    return {f"{layer}.qweight": packed(codes.T), f"{layer}.qzeros": packed(zeros), f"{layer}.scales": scales}, values


# ---------------------------------------------------------------------------------------------- our own


def int4(name, weight, size=32, symmetric=False, dtype=np.float16):
    """Tiles of 16 rows; see the Javadoc of Int4 for the order of the columns in a word."""
    rows, columns = weight.shape
    tiles, count = -(-rows // 16), columns // size
    codes, scales, zeros, _ = grouped(weight, np.arange(columns) // size, symmetric)
    scale = scales.astype(dtype)
    offset = -(scale.astype(np.float32) * zeros).astype(dtype)
    words = np.zeros((tiles, columns // 8, 16), np.uint32)
    scale_tiles, offset_tiles = np.zeros((tiles, count, 16), dtype), np.zeros((tiles, count, 16), dtype)
    for row in range(rows):
        tile, place = divmod(row, 16)
        for column in range(columns):
            bit = 4 * [0, 2, 4, 6, 1, 3, 5, 7].index(column % 8)
            words[tile, column // 8, place] |= np.uint32(codes[row, column] << bit)
        scale_tiles[tile, :, place], offset_tiles[tile, :, place] = scale[:, row], offset[:, row]
    tensors = {f"{name}.int4.codes": words.view(np.uint8), f"{name}.int4.scales": scale_tiles}
    of_input = np.repeat(np.arange(count), size)
    wide = scale[of_input].T.astype(np.float32)
    if symmetric:
        return tensors, wide * (codes - 8).astype(np.float32)
    values = wide * codes.astype(np.float32) + offset[of_input].T.astype(np.float32)
    assert values.dtype == np.float32
    return tensors | {f"{name}.int4.offsets": offset_tiles}, values


# ---------------------------------------------------------------------------------------------- output


def write_matrices(folder, random):
    def normal(rows, columns):
        return random.normal(0.01, 0.02, (rows, columns)).astype(np.float32)

    files = {
        "bitsandbytes-nf4": [
            bitsandbytes("mid_row.weight", normal(24, 72)),  # a block ends within a row
            bitsandbytes("odd.weight", normal(5, 13)),  # half of the last byte and most of the last block are empty
            bitsandbytes("block128.weight", normal(3, 96), block=128, dtype="bfloat16"),
            bitsandbytes("double.weight", normal(131, 129), double=True),  # 265 blocks: two factors
            bitsandbytes("few_double.weight", normal(8, 24), double=True)],
        "bitsandbytes-fp4": [bitsandbytes("a.weight", normal(7, 40), kind="fp4", dtype="float32")],
        "gptq": [
            gptq("plain.weight", normal(40, 64)),
            gptq("act_order.weight", normal(72, 128), random, act_order=True),
            gptq("symmetric.weight", normal(8, 96), symmetric=True, bias=True),
            gptq("zero.weight", normal(8, 32), zero=0)],  # stored as 15
        "gptq-128": [gptq("a.weight", normal(8, 256), random, size=128, act_order=True, symmetric=True)],
        "gptq_v2": [gptq("a.weight", normal(16, 64), version=2), gptq("b.weight", normal(8, 32), symmetric=True, version=2)],
        "awq": [awq("a.weight", normal(40, 64)), awq("b.weight", normal(8, 96))],
        "awq-64": [awq("a.weight", normal(72, 128), size=64)],
        "int4": [int4("a.weight", normal(40, 64)), int4("b.weight", normal(33, 96), dtype=np.float32)],
        "int4-symmetric-128": [int4("a.weight", normal(5, 256), size=128, symmetric=True)]}
    folder.mkdir(parents=True, exist_ok=True)
    for file, matrices in files.items():
        tensors = {}
        for parts, values in matrices:
            name = next(iter(parts)).split(".")[0]
            tensors |= parts | {f"expected.{name}": values}
        save(tensors, folder / f"{file}.safetensors")


CHECKPOINTS = {
    "bitsandbytes": (
        {"_load_in_4bit": True, "_load_in_8bit": False, "bnb_4bit_compute_dtype": "float16",
         "bnb_4bit_quant_storage": "uint8", "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True,
         "llm_int8_enable_fp32_cpu_offload": False, "llm_int8_has_fp16_weight": False, "llm_int8_skip_modules": None,
         "llm_int8_threshold": 6.0, "load_in_4bit": True, "load_in_8bit": False, "quant_method": "bitsandbytes"},
        lambda name, weight, random: bitsandbytes(name, weight, double=True)),
    "gptq": (
        {"bits": 4, "damp_percent": 0.1, "desc_act": True, "group_size": 32, "quant_method": "gptq", "sym": False,
         "true_sequential": True, "checkpoint_format": "gptq"},
        lambda name, weight, random: gptq(name, weight, random, act_order=True, bias=True)),
    "awq": (
        {"bits": 4, "group_size": 32, "modules_to_not_convert": None, "quant_method": "awq", "version": "gemm",
         "zero_point": True},
        lambda name, weight, random: awq(name, weight)),
    "int4": (
        {"bits": 4, "group_size": 32, "quant_method": "int4", "symmetric": False},
        lambda name, weight, random: int4(name, weight))}


def write_checkpoint(folder, random, options, pack):
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", CONFIG | {"quantization_config": options})
    network = MistralForCausalLM(MistralConfig(**CONFIG)).to(torch.float32).eval()
    tensors, values = {}, {}
    for name, parameter in network.state_dict().items():
        shape = tuple(parameter.shape)
        if name.endswith("_proj.weight"):
            parts, values[name] = pack(name, random.normal(0, 0.1, shape).astype(np.float32), random)
            tensors |= parts
        else:
            weight = random.normal(1 if "norm" in name else 0, 0.1, shape).astype(np.float16)
            tensors[name], values[name] = weight, weight.astype(np.float32)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()})
    ids = torch.from_numpy(random.integers(3, CONFIG["vocab_size"], (1, 13)))
    with torch.no_grad():
        logits = network(ids).logits
    assert logits.std() > 0.1
    save(tensors, folder / "model.safetensors")
    save({"input_ids": ids.numpy(), "logits": logits.numpy()}, folder / "expected.safetensors")


def save(tensors, path):
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, path, {"format": "pt"})
    print(f"{path.parent.name}/{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
