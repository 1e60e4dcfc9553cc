"""The tokenizer of mistral-tiny-instruct: a SentencePiece model with the control tokens of Mistral 7B Instruct v0.3."""

import io
import itertools
import json
import os
import re

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from conversations import Conversations

SIZE = 6144
CONTROL = ["[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"]
SPECIAL = ["<unk>", "<s>", "</s>"] + CONTROL
TEMPLATE = os.path.join(os.path.dirname(__file__), "chat_template.jinja")


def write_json(directory, name, value):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")


def texts(dictionary, seed, count=60000):
    """What messages and tools say, each text at most once."""
    source, result = Conversations(dictionary, seed), {}
    while len(result) < count:
        conversation = source.next()
        for text in [
            m["content"] if "content" in m else json.dumps([c["function"] for c in m["tool_calls"]], ensure_ascii=False)
            for m in conversation.messages[:8]
        ] + [json.dumps(t) for t in conversation.tools or ()]:
            result[text] = None
    return list(result)


def build(dictionary, output, seed, max_length):
    """Trains the SentencePiece model and writes it together with its tokenizer.json form; returns texts to check it with."""
    corpus = texts(dictionary, seed)
    # '‖' forbids pieces to cross it: punctuation stays apart from the words, but for the runs that JSON is made of.
    runs = re.compile(r'(", "|": "|": \{"|": |"\}, "|\{"|"\}|\[\{"|"\}\]|\}\}\]|\}\}|\["|"\]|"\], "|, ")|([^\w\s])')
    parts = (runs.sub(lambda m: f"‖{m[0]}‖", text) for text in corpus)
    printable = "‖".join(map(chr, range(33, 127)))  # every ASCII character shall be a piece
    trained = io.BytesIO()  # a file's name would be written into the model
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=itertools.chain([printable], parts),
        model_writer=trained,
        model_type="bpe",
        vocab_size=SIZE,
        byte_fallback=True,
        control_symbols=CONTROL,
        normalization_rule_name="identity",
        add_dummy_prefix=True,
        remove_extra_whitespaces=False,
        split_digits=True,
        split_by_unicode_script=False,
        pretokenization_delimiter="‖",
        character_coverage=1.0,
        max_sentence_length=20000,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        num_threads=2,
        minloglevel=2,
    )
    with open(os.path.join(output, "tokenizer.model"), "wb") as file:
        file.write(trained.getvalue())

    # The tokenizer.json form: a merge for each way to put a piece together, in the order of the pieces' scores.
    sp = sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())
    vocabulary = {sp.id_to_piece(i): i for i in range(sp.get_piece_size())}
    assert [sp.id_to_piece(i) for i in range(len(SPECIAL))] == SPECIAL
    merges = []
    for piece, i in vocabulary.items():
        if sp.is_control(i) or sp.is_unknown(i) or sp.is_byte(i):
            continue
        pairs = [(piece[:k], piece[k:]) for k in range(1, len(piece))]
        pairs = [p for p in pairs if p[0] in vocabulary and p[1] in vocabulary]
        merges += [(-sp.get_score(i), vocabulary[a], vocabulary[b], (a, b)) for a, b in pairs]
    merges = [pair for *_, pair in sorted(merges)]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in SPECIAL])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    tokenizer.save(os.path.join(output, "tokenizer.json"))

    with open(TEMPLATE, encoding="utf-8") as file:
        template = file.read().rstrip("\n")
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    added = {
        str(i): {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
        for i, t in enumerate(SPECIAL)
    }
    write_json(
        output,
        "tokenizer_config.json",
        {
            "add_bos_token": True,
            "add_eos_token": False,
            "add_prefix_space": None,
            "added_tokens_decoder": added,
            "additional_special_tokens": [],
            "bos_token": "<s>",
            "chat_template": template,
            "clean_up_tokenization_spaces": False,
            "eos_token": "</s>",
            "legacy": False,
            "model_max_length": max_length,
            "pad_token": None,
            "sp_model_kwargs": {},
            "spaces_between_special_tokens": False,
            "tokenizer_class": "LlamaTokenizer",
            "unk_token": "<unk>",
            "use_default_system_prompt": False,
        },
    )
    write_json(
        output,
        "special_tokens_map.json",
        {
            name: {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
            for name, t in special.items()
        },
    )
    return corpus


def check(output, tokenizer, corpus):
    """tokenizer.json must split texts as the SentencePiece model does.

    They differ, as for all Mistral tokenizers with legacy=False, in texts that start with a space: no second one is put before.
    """
    sp = sentencepiece.SentencePieceProcessor(model_file=os.path.join(output, "tokenizer.model"))
    for text in corpus + [
        "Crème brûlée, naïve café – “quoted” … 日本語 🙂👩‍👩‍👧",
        "two  spaces ",
        "a\nb\n\nc\td",
        "1,234.56 & 100%",
        "",
    ]:
        expected, actual = sp.encode(text), tokenizer.encode(text, add_special_tokens=False)
        assert expected == actual, (text, sp.encode(text, out_type=str), tokenizer.convert_ids_to_tokens(actual))
