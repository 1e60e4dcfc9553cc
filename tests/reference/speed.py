"""Times transformers on a checkpoint, to be read beside `mistral bench --model DIR`.

    python tests/reference/speed.py --model DIR [--prompt 512] [--generate 16] [--repetitions 2] [--threads 2]

Prompt and generation are timed apart, on random token ids, after one warm-up, as `mistral bench` does.
"""

import argparse
import statistics
import time

import torch
from transformers import AutoModelForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--dtype", default="auto")
parser.add_argument("--prompt", type=int, default=512)
parser.add_argument("--generate", type=int, default=16)
parser.add_argument("--repetitions", type=int, default=2)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()

torch.set_num_threads(options.threads)
model = AutoModelForCausalLM.from_pretrained(options.model, dtype=options.dtype).eval()
generator = torch.Generator().manual_seed(0)
ids = torch.randint(3, model.config.vocab_size, (1, options.prompt), generator=generator)


@torch.inference_mode()
def prompt():
    model(input_ids=ids, logits_to_keep=1)


@torch.inference_mode()
def generate():
    cache, token = None, ids[:, :1]
    for _ in range(options.generate):
        output = model(input_ids=token, past_key_values=cache, use_cache=True)
        cache, token = output.past_key_values, output.logits[:, -1:].argmax(-1)


for name, run, tokens in (("pp", prompt, options.prompt), ("tg", generate, options.generate)):
    run()
    speeds = []
    for _ in range(options.repetitions):
        start = time.perf_counter()
        run()
        speeds.append(tokens / (time.perf_counter() - start))
    print(f"{name}{tokens}: {statistics.mean(speeds):.2f} +- {statistics.pstdev(speeds):.2f} tokens/s")
