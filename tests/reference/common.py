"""Shared by the reference scripts: the --output option, a seeded random generator, readable JSON."""

import argparse
import json
import math
import re
from pathlib import Path

import torch
import transformers

transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def output_folder(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--output", type=Path, required=True, help="the folder to write below")
    return parser.parse_args().output


def write_json(path, value):
    """Indented JSON with every list of plain values on one line; not finite numbers become the strings "-inf", "inf" and "nan"."""
    text = json.dumps(portable(value), indent=1, ensure_ascii=False, allow_nan=False)
    text = re.sub(r"\[[^\[\]{}\"]*\]", lambda found: re.sub(r"\s+", " ", found[0]).replace("[ ", "[").replace(" ]", "]"), text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def portable(value):
    if isinstance(value, torch.Tensor):
        return portable(value.tolist())
    if isinstance(value, dict):
        return {key: portable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [portable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
