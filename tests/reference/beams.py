"""Records beam search and classifier-free guidance of transformers with the checkpoints of checkpoints.py."""

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, LogitsProcessor, LogitsProcessorList

from common import output_folder, write_json

NOISE = 2e-4  # added to the scores of each token; more than other ways of computing differ by
CHECKPOINTS = ["window8-f32", "nowindow-tied-sharded"]


class Unsteady(Exception):
    """Rounding could choose another text."""


class Noise(LogitsProcessor):

    def __init__(self, seed):
        self.random = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids, scores):
        return scores + (torch.rand(scores.shape, generator=self.random) * 2 - 1) * NOISE


def main():
    folder = output_folder(__doc__)
    cases = {}
    for name in CHECKPOINTS:
        print(name)
        model = AutoModelForCausalLM.from_pretrained(folder / "checkpoints" / name, dtype=torch.float32, attn_implementation="eager").eval()
        cases[name] = beam_cases(model) + guidance_cases(model) + [drawn(model)]
    write_json(folder / "beams.json", cases)


def beam_cases(model):
    cases = [steady(model, "beams", 1, num_beams=4, max_new_tokens=24)]
    eos = ends(cases[0]["outputs"][0])
    for early_stopping in (False, True, "never"):
        for length_penalty in (1.0, 0.0, 2.0, -1.0):
            cases.append(steady(model, f"early_stopping {early_stopping}, length_penalty {length_penalty}", 1, num_beams=4, max_new_tokens=24,
                                num_return_sequences=4, eos_token_id=eos, early_stopping=early_stopping, length_penalty=length_penalty))
    assert len({str(case["outputs"]) for case in cases[1:]}) > 3, "the options have an effect"
    assert len({len(ids) for case in cases[1:] for ids in case["outputs"]}) > 5, "texts end at different steps"
    shared = {"num_beams": 3, "max_new_tokens": 20, "eos_token_id": eos}
    cases += [
        steady(model, "batch", 3, num_return_sequences=2, **shared),
        steady(model, "min_new_tokens", 1, min_new_tokens=9, **shared),
        steady(model, "no_repeat_ngram_size", 1, no_repeat_ngram_size=1, num_return_sequences=3, **shared),
        steady(model, "repetition_penalty", 1, repetition_penalty=1.4, num_return_sequences=2, **shared),
        steady(model, "many beams", 1, num_beams=60, num_return_sequences=7, max_new_tokens=6, eos_token_id=eos),
    ]
    return cases


def guidance_cases(model):
    negative = random_prompts(model, 99, 1, 7)[0]
    plain = steady(model, "plain", 1, max_new_tokens=24)
    cases = [steady(model, f"guidance_scale {scale}", 1, max_new_tokens=24, guidance_scale=scale) for scale in (1.7, 0.5)]
    cases += [steady(model, f"negative_prompt_ids, guidance_scale {scale}", 1, max_new_tokens=24, guidance_scale=scale,
                     negative_prompt_ids=negative) for scale in (1.7, 3.0, 0.0)]
    assert all(case["outputs"] != plain["outputs"] for case in cases)
    return cases + [steady(model, "guidance_scale with repetition_penalty", 1, max_new_tokens=24, guidance_scale=2.0,
                           negative_prompt_ids=negative, repetition_penalty=1.3)]


def drawn(model):
    """The probabilities that the candidates of beam sampling are drawn with in the first step."""
    options = {"num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 1, "do_sample": True, "top_k": 7, "temperature": 1.3}
    prompts = random_prompts(model, 5, 1, 11)
    found, multinomial = [], torch.multinomial

    def watched(probabilities, num_samples):
        found.append((probabilities.clone(), num_samples))
        return multinomial(probabilities, num_samples)

    torch.multinomial = watched
    try:
        generate(model, prompts, options)
    finally:
        torch.multinomial = multinomial
    (probabilities, num_samples), = found
    vocabulary = model.config.vocab_size
    assert num_samples == 6 and probabilities[0, vocabulary:].sum() == 0 and (probabilities > 0).sum() == 7
    return {"name": "beam sampling", "prompts": prompts, "options": options, "probabilities": probabilities[0, :vocabulary]}


def ends(ids):
    """Four ids of the best text without them."""
    return sorted(set(ids[4::3]))[:4]


def random_prompts(model, seed, rows, length):
    random = torch.Generator().manual_seed(seed)
    return [torch.randint(3, model.config.vocab_size, (length - 3 * row,), generator=random).tolist() for row in range(rows)]


def steady(model, name, rows, **options):
    for seed in range(1, 100):
        prompts = random_prompts(model, seed, rows, 12)
        ids, scores = generate(model, prompts, options)
        if all(generate(model, prompts, options, noise)[0] == ids for noise in range(6)):
            if rows > 1:  # padding and the other rows do not matter
                count = options["num_return_sequences"]
                for row, prompt in enumerate(prompts):
                    assert generate(model, [prompt], options)[0] == ids[row * count:(row + 1) * count]
            case = {"name": name, "prompts": prompts, "options": options, "outputs": ids}
            return case | ({"scores": scores} if scores is not None else {})
    raise Unsteady(name)


def generate(model, prompts, options, noise=None):
    torch.manual_seed(0)
    options = dict(options)
    negative = options.pop("negative_prompt_ids", None)
    width = max(map(len, prompts))
    input_ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    attention_mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    eos = options.pop("eos_token_id", None)
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=eos, pad_token_id=0)
    out = model.generate(input_ids, attention_mask=attention_mask, return_dict_in_generate=True, output_scores=True, **options,
                         logits_processor=LogitsProcessorList([] if noise is None else [Noise(noise)]),
                         negative_prompt_ids=None if negative is None else torch.tensor([negative]))
    rows = []
    for ids in out.sequences[:, width:].tolist():
        stop = next((step for step, token in enumerate(ids) if token in (eos or [])), len(ids) - 1)
        rows.append(ids[:stop + 1])
    scores = getattr(out, "sequences_scores", None)
    return rows, None if scores is None else scores.tolist()


if __name__ == "__main__":
    with torch.no_grad():
        main()
