"""Logits processors of Hugging Face transformers on random scores: inputs and outputs."""

import math
import random

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

    def case(name, options, processor, scores=scores, ids=ids, prompt_length=PROMPT):
        expected = processor(ids[:len(scores)], scores.clone())
        assert not expected.isnan().any(), options
        cases.append({"name": name, "options": options, "input_ids": ids[:len(scores)], "prompt_length": prompt_length,
                      "scores": scores, "expected": expected})

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

    every_option(case)
    random_chains(case, scores, ids)

    write_json(output_folder(__doc__) / "processors.json", {"cases": cases, "goldens": goldens()})


def every_option(case):
    """Each option with each kind of value, through the processors that `generate` builds for it."""
    text = torch.tensor([[5, 6, 3, 5, 6, 5], [1, 1, 1, 1, 1, 1], [2, 7, 9, 8, 2, 7]])
    source = torch.Generator().manual_seed(5)
    scores = torch.randn(ROWS, VOCABULARY, generator=source) * 3

    def chain(options, ids=text, scores=scores):
        case("option", options, reference_chain(options, ids.shape[1] - 2), scores, ids)

    for option, values in {
            "sequence_bias": ([[[5], 1.5]], [[[6, 5, 6], -2.5], [[1, 1], 10.0], [[6], 0.25], [[5, 6], 1.0]]),
            "bad_words_ids": ([[5]], [[6, 5, 6], [1, 1], [2], [7, 3]], [[6, 5, 3, 5, 6, 5, 6, 5]]),
            "encoder_repetition_penalty": (1.7, 0.6),
            "repetition_penalty": (2.5,),
            "no_repeat_ngram_size": (1, 2, 3, 4, 7),
            "encoder_no_repeat_ngram_size": (1, 2, 3),
            "min_length": (6, 7),
            "min_new_tokens": (2, 3),
            "forced_eos_token_id": (3, [3, 4]),
            "remove_invalid_values": (True,),
            "exponential_decay_length_penalty": ([0, 1.5], [1, 0.5], [2, 1.5]),
            "suppress_tokens": ([1, 5], [99]),
            "begin_suppress_tokens": ([1, 5],),
            "renormalize_logits": (True,)}.items():
        for value in values:
            chain({option: value, "eos_token_id": EOS})
    for length in (2, 3, 4):
        chain({"forced_eos_token_id": 3, "max_new_tokens": length})
    for options in ({"forced_bos_token_id": 4, "begin_suppress_tokens": [4, 5]}, {"begin_suppress_tokens": [4, 5]}):
        for new in (0, 1, 2):  # after a prompt of one token
            case("option", options, reference_chain(options, 1), scores[:1], text[:1, :1 + new], 1)
    invalid = scores.clone()
    invalid[0, :4] = torch.tensor([math.nan, math.inf, -math.inf, 1])
    chain({"remove_invalid_values": True}, scores=invalid)
    chain({"remove_invalid_values": True, "suppress_tokens": [1], "renormalize_logits": True}, scores=invalid)

    flat = torch.stack([torch.zeros(VOCABULARY), torch.linspace(-1, 1, VOCABULARY), torch.tensor([30.0] + [i / 9 for i in range(11)])])
    for option, values in {"top_h": (0.05, 0.3, 0.6, 0.95), "typical_p": (0.05, 0.4, 0.8, 0.99),
                           "epsilon_cutoff": (1e-4, 0.03, 0.3), "eta_cutoff": (1e-3, 0.1, 0.9), "top_k": (1, 4),
                           "top_p": (0.1, 0.9), "min_p": (0.05, 1.0)}.items():
        for value in values:
            for beams in (1, 3):
                chain({"do_sample": True, option: value, "num_beams": beams, "eos_token_id": EOS})
            chain({"do_sample": True, option: value}, scores=flat[1:])
    chain({"do_sample": True, "num_beams": 2, "top_k": 1})  # without EOS

    for watermark in ({}, {"bias": 1.5, "greenlist_ratio": 0.5}, {"context_width": 7}):
        chain({"watermarking_config": watermark})


def random_chains(case, scores, ids):
    """Random combinations of all options, with values at which they have an effect."""
    choose = random.Random(6)
    options = {
        "sequence_bias": [[[5, 11], -2.5], [[1], 3.0]], "bad_words_ids": [[3, 2, 4], [6, 7, 9], [8]], "repetition_penalty": 1.3,
        "encoder_repetition_penalty": 1.2, "no_repeat_ngram_size": 2, "encoder_no_repeat_ngram_size": 1, "min_length": 7,
        "min_new_tokens": 3, "exponential_decay_length_penalty": [1, 1.4], "suppress_tokens": [4, 10],
        "remove_invalid_values": True, "renormalize_logits": True, "watermarking_config": {"bias": 2.5}, "temperature": 1.7,
        "top_h": 0.7, "top_k": 6, "top_p": 0.9, "min_p": 0.04, "typical_p": 0.9, "epsilon_cutoff": 0.02, "eta_cutoff": 0.05,
        "num_beams": 3}
    for _ in range(40):
        chosen = {name: options[name] for name in options if choose.random() < 0.4}
        chosen |= {"eos_token_id": EOS, "do_sample": choose.random() < 0.8}
        if "exponential_decay_length_penalty" in chosen:
            chosen["remove_invalid_values"] = True  # otherwise NaN for a forbidden EOS
        case("chain", chosen, reference_chain(chosen), scores, ids)


def reference_chain(options, prompt_length=PROMPT):
    """The list of processors that `generate` itself would build for these options, in its own order."""
    model = MistralForCausalLM(MistralConfig(vocab_size=VOCABULARY, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                                             num_attention_heads=2, num_key_value_heads=1))
    model.generation_config = GenerationConfig(top_k=0)
    config, _ = model._prepare_generation_config(GenerationConfig(**{"top_k": 0} | options))
    model._prepare_special_tokens(config)
    if config.max_new_tokens:
        config.max_length = prompt_length + config.max_new_tokens  # as generate does

    def process(ids, scores):
        chain = model._get_logits_processor(config, prompt_length, encoder_input_ids=ids[:, :prompt_length])
        return chain(ids, scores)

    return process


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
