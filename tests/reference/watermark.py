"""Watermarks of Hugging Face transformers: processed scores, and the detector's scores."""

import torch
from transformers import MistralConfig, WatermarkDetector, WatermarkingConfig
from transformers.generation.logits_process import WatermarkLogitsProcessor

from common import output_folder, write_json

VOCABULARY = 99


def main():
    source = torch.Generator().manual_seed(7)
    ids = torch.randint(0, VOCABULARY, (60,), generator=source)
    scores = torch.randn(VOCABULARY, generator=source) * 2
    cases = []
    for options in ({}, {"hashing_key": 2 ** 62 + 12345, "greenlist_ratio": 0.5}, {"context_width": 3, "bias": 1.0},
                    {"seeding_scheme": "selfhash"}, {"seeding_scheme": "selfhash", "context_width": 4, "greenlist_ratio": 0.5},
                    {"seeding_scheme": "selfhash", "context_width": 2, "hashing_key": 2 ** 62 + 12345}):
        config = WatermarkingConfig(**options)
        processor = WatermarkLogitsProcessor(VOCABULARY, "cpu", **config.to_dict())
        case = {"options": options, "scores": []}
        for length in (1, 4, 33):
            case["scores"].append({"ids": ids[:length], "expected": processor(ids[None, :length], scores[None].clone())[0]})
        marked = generate(processor, ids[:5], source)
        detector = WatermarkDetector(MistralConfig(vocab_size=VOCABULARY, bos_token_id=None), "cpu", config)
        case["detected"] = [
            {"ids": text, "tokens": int(found.num_tokens_scored[0]), "green_tokens": int(found.num_green_tokens[0]),
             "z_score": float(found.z_score[0]), "p_value": float(found.p_value[0])}
            for text in (ids, marked) for found in [detector(text[None], return_dict=True)]]
        cases.append(case)

    write_json(output_folder(__doc__) / "watermark.json", {"scores": scores, "cases": cases})


def generate(processor, prompt, source):
    """A text of random logits, each token drawn after the watermark."""
    ids = prompt
    for _ in range(40):
        scores = processor(ids[None], torch.randn(1, VOCABULARY, generator=source))
        ids = torch.cat([ids, torch.multinomial(scores.softmax(-1)[0], 1, generator=source)])
    return ids


main()
