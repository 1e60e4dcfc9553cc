"""LoRA adapters of the Python library peft on the tiny checkpoints, and what the models compute with them.

The adapter of each case has random values, as B is zero in a new one. It is saved by peft, and read back by peft from its folder.
Run checkpoints.py first, with the same output folder.
"""

import json
import shutil

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from common import output_folder, write_json

CASES = {
    "lora": ("window8-f32", {"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj", "down_proj"]}),
    "defaults": ("window8-f32", {}),
    "patterns": ("window8-f32", {
        "r": 4, "lora_alpha": 6, "use_rslora": True, "target_modules": "all-linear",
        "rank_pattern": {"down_proj": 2, r"^model.layers.1.self_attn.q_proj": 3, r"layers\.2\..*": 5},
        "alpha_pattern": {"k_proj": 9, "layers.0.mlp.up_proj": 1}}),
    "regex": ("window8-f32", {"r": 3, "lora_alpha": 8, "target_modules": r".*\.layers\.[02]\.(self_attn\.(k|o)_proj|mlp\.gate_proj)"}),
    "layers": ("window8-f32", {"r": 2, "lora_alpha": 8, "target_modules": ["up_proj", "lm_head"], "layers_to_transform": [1]}),
    "head": ("window8-f32", {"r": 2, "lora_alpha": 8, "target_modules": ["k_proj", "lm_head"]}),
    "saved": ("window8-f32", {"r": 2, "lora_alpha": 8, "target_modules": ["o_proj"], "modules_to_save": ["embed_tokens", "lm_head"]}),
    "saved-tied": ("nowindow-tied-sharded", {"r": 2, "lora_alpha": 8, "target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}),
    "bfloat16": ("window4-bf16", {"r": 4, "lora_alpha": 4, "target_modules": ["q_proj", "gate_proj"]}),
}
MERGED = {"lora": "model.layers.1.mlp.down_proj.weight", "bfloat16": "model.layers.0.self_attn.q_proj.weight"}


def base(output, name):
    return AutoModelForCausalLM.from_pretrained(output / "checkpoints" / name, dtype="auto", attn_implementation="eager").eval()


def write_sorted(file):
    """The target modules are a set, whose order is another one in each process."""
    config = json.loads(file.read_text())
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    write_json(file, config)


def main():
    output = output_folder(__doc__)
    for seed, (name, (checkpoint, options)) in enumerate(CASES.items()):
        folder = output / "adapters" / name
        shutil.rmtree(folder, ignore_errors=True)
        model = get_peft_model(base(output, checkpoint), LoraConfig(task_type="CAUSAL_LM", **options))
        random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for _, parameter in model.named_parameters():
                if parameter.requires_grad:
                    parameter.copy_(0.1 * torch.randn(parameter.shape, generator=random))
        model.peft_config["default"].base_model_name_or_path = checkpoint
        model.save_pretrained(folder)
        write_sorted(folder / "adapter_config.json")
        (folder / "README.md").unlink(missing_ok=True)

        model = PeftModel.from_pretrained(base(output, checkpoint), folder).eval()
        ids = torch.randint(3, 97, (1, 19), generator=random)
        with torch.no_grad():
            expected = {"input_ids": ids, "logits": model(ids).logits.float()}
            merged = model.merge_and_unload()
            expected["merged_logits"] = merged(ids).logits.float()
            if name in MERGED:
                expected[MERGED[name]] = merged.state_dict()[MERGED[name]].clone()
        save_file(expected, folder / "expected.safetensors")
        print(f"{name}: {sum(file.stat().st_size for file in folder.iterdir())} bytes")


if __name__ == "__main__":
    main()
