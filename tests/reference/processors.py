"""Logits processors of Hugging Face transformers on random scores: inputs and outputs."""

import torch
from transformers import GenerationConfig, MistralConfig, MistralForCausalLM, logging
from transformers.generation import logits_process as processors

from common import output_folder, write_json

logging.set_verbosity_error()

ROWS, VOCABULARY, PROMPT, EOS = 3, 12, 4, [2, 7]


def main():
    source = torch.Generator().manual_seed(4)
    scores = torch.randn(ROWS, VOCABULARY, generator=source) * 3
    ids = torch.randint(0, VOCABULARY, (ROWS, PROMPT + 2), generator=source)  # the prompt and two new tokens
    cases = []

    def case(name, options, processor, scores=scores, ids=ids):
        cases.append({"name": name, "options": options, "input_ids": ids, "prompt_length": PROMPT, "scores": scores,
                      "expected": processor(ids, scores.clone())})

    for temperature in (0.3, 0.7, 2.0):
        case("temperature", {"temperature": temperature}, processors.TemperatureLogitsWarper(temperature))
    for top_k in (1, 3, 12, 50):
        case("top_k", {"top_k": top_k}, processors.TopKLogitsWarper(top_k))
    ties = torch.tensor([[1.0, 3, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0], [5.0] * VOCABULARY, list(range(VOCABULARY))])
    case("top_k", {"top_k": 2}, processors.TopKLogitsWarper(2), ties)
    for top_p in (0.05, 0.5, 0.8, 0.95):
        case("top_p", {"top_p": top_p}, processors.TopPLogitsWarper(top_p))
    for min_p in (0.01, 0.1, 0.5, 1.0):
        case("min_p", {"min_p": min_p}, processors.MinPLogitsWarper(min_p))
    for penalty in (1.3, 0.8):
        case("repetition_penalty", {"repetition_penalty": penalty}, processors.RepetitionPenaltyLogitsProcessor(penalty))
    for minimum in (2, 3):  # two new tokens are there: 2 is reached, 3 is not
        case("min_new_tokens", {"min_new_tokens": minimum, "eos_token_id": EOS},
             processors.MinNewTokensLengthLogitsProcessor(PROMPT, minimum, EOS))

    chain = {"repetition_penalty": 1.2, "min_new_tokens": 3, "eos_token_id": EOS, "do_sample": True, "temperature": 1.8,
             "top_k": 7, "top_p": 0.97, "min_p": 0.05}
    case("chain", chain, reference_chain(chain))
    for option in chain:  # every option counts
        if option not in ("eos_token_id", "do_sample"):
            without = reference_chain({key: value for key, value in chain.items() if key != option})
            assert not torch.equal(without(ids, scores.clone()), cases[-1]["expected"]), option
    case("chain", sampling := {"do_sample": True, "temperature": 1.5, "top_k": 6, "top_p": 0.9}, reference_chain(sampling))
    case("chain", greedy := chain | {"do_sample": False}, reference_chain(greedy))

    write_json(output_folder(__doc__) / "processors.json", {"cases": cases, "goldens": goldens()})


def reference_chain(options):
    """The list of processors that `generate` itself would build for these options, in its own order."""
    model = MistralForCausalLM(MistralConfig(vocab_size=VOCABULARY, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                                             num_attention_heads=2, num_key_value_heads=1))
    model.generation_config = GenerationConfig(top_k=0)
    config, _ = model._prepare_generation_config(GenerationConfig(**{"top_k": 0} | options))
    model._prepare_special_tokens(config)
    return model._get_logits_processor(config, input_ids_seq_length=PROMPT)


def goldens():
    """Published in transformers' tests/generation/test_logits_process.py: probabilities before and after."""
    cases = [
        ("top_p", 0.8, processors.TopPLogitsWarper(0.8),
         [[0.3, 0.1, 0.1, 0.5], [0.15, 0.3, 0.3, 0.25]],
         [[0.3, 0.0, 0.0, 0.5], [0.0, 0.3, 0.3, 0.25]]),
        ("min_p", 0.05, processors.MinPLogitsWarper(0.05),
         [[0.9, 0.0274, 0.047, 0.0274], [0.15, 0.3, 0.3, 0.25], [0.97, 0.01, 0.01, 0.01]],
         [[0.9, 0.0, 0.047, 0.0], [0.15, 0.3, 0.3, 0.25], [0.97, 0.0, 0.0, 0.0]])]
    for name, _, processor, before, after in cases:
        assert torch.allclose(processor(None, torch.tensor(before).log()).exp(), torch.tensor(after), atol=1e-6), name
    return [{"name": name, "options": {name: value}, "probabilities": before, "expected": after}
            for name, value, _, before, after in cases]


main()
