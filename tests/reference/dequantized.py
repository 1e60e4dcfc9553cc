"""The checkpoints of `quantized.py` with the float32 values of their weights, for NF4 and our own int4 layout."""

import json
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from common import write_json
from quantized import NF4


def dequantized(folder, attention):
    """The network with the float32 values of the quantized weights; checked with the recorded logits."""
    stored, values = load_file(folder / "model.safetensors"), {}
    for part in stored:
        name = part.split(".weight")[0] + ".weight"
        if name not in values:
            unpack = nf4 if folder.name == "bitsandbytes" else int4
            values[name] = unpack(stored, name) if "_proj." in name else stored[name].float()
    config = json.loads((folder / "config.json").read_text())
    del config["quantization_config"]
    with tempfile.TemporaryDirectory() as plain_folder:
        write_json(Path(plain_folder) / "config.json", config)
        save_file(values, Path(plain_folder) / "model.safetensors", metadata={"format": "pt"})
        network, info = AutoModelForCausalLM.from_pretrained(plain_folder, dtype=torch.float32, attn_implementation=attention,
                                                             output_loading_info=True)
    assert not any(info.values()), info
    expected = load_file(folder / "expected.safetensors")
    with torch.no_grad():
        assert (network(expected["input_ids"]).logits - expected["logits"]).abs().max() < 1e-5
    network.name_or_path = folder.name  # what peft writes
    return network


def nf4(stored, name):
    codes, doubled = stored[name].flatten(), stored[f"{name}.absmax"].long()
    state = json.loads(bytes(stored[f"{name}.quant_state.bitsandbytes__nf4"].tolist()))
    nested, table = stored[f"{name}.nested_absmax"], stored[f"{name}.nested_quant_map"]
    absmax = table[doubled] * nested.repeat_interleave(state["nested_blocksize"])[:len(doubled)] + state["nested_offset"]
    numbers = torch.tensor(NF4)[torch.stack((codes >> 4, codes & 15), 1).flatten().long()]
    return (numbers * absmax.repeat_interleave(state["blocksize"])[:len(numbers)]).view(state["shape"])


def int4(stored, name):
    words = stored[f"{name}.int4.codes"].view(torch.int32).squeeze(-1)  # (tiles, columns / 8, 16 rows)
    shifts = torch.tensor([4 * [0, 2, 4, 6, 1, 3, 5, 7].index(column) for column in range(8)])
    codes = ((words[:, :, None, :] >> shifts[None, None, :, None]) & 15).flatten(1, 2).float()  # (tiles, columns, 16)
    scales, offsets = (stored[f"{name}.int4.{part}"].float() for part in ("scales", "offsets"))
    size = codes.shape[1] // scales.shape[1]
    values = codes * scales.repeat_interleave(size, 1) + offsets.repeat_interleave(size, 1)
    return values.transpose(1, 2).flatten(0, 1)
