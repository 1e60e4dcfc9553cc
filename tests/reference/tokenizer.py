"""The tokens of Mistral-7B's own SentencePiece model, and of a small one trained here, in all behaviours in use.

`plain` treats every character as text. `parse` recognises `<s>`, `</s>` and `<unk>` in a text, as Hugging Face does.
`legacy` is the tokenizer.json published until September 2024, `canonical` the one published since.
"""

import hashlib
import importlib.util
import io
import json
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer

from common import output_folder, write_json
from texts import DECODE_ONLY, GOLDEN, SMALL_TEXTS, STORY, TEXTS

PUBLISHED = {"v1": ("tokenizer.model.v1", "dadfd56d766715c61d2ef780a525ab43b8e6da4de6865bda3d95fdef5e134055"),
             "v3": ("mistral_instruct_tokenizer_240323.model.v3", "9addc8bdce5988448ae81b729336f43a81262160ae8da760674badab9d4c7d33")}
NOTICE = """tokenizer.model.v1 and tokenizer.model.v3 are part of mistral-common (https://github.com/mistralai/mistral-common),
Copyright Mistral AI, licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0
They are unchanged copies of src/mistral_common/data/tokenizer.model.v1 and mistral_instruct_tokenizer_240323.model.v3.
"""
TEMPLATES = {"legacy": "instruct-v0.2-launch", "canonical": "instruct-sept-2024"}


def main():
    output = output_folder(__doc__) / "tokenizer"
    output.mkdir(parents=True, exist_ok=True)
    model = published_model()
    (output / "tokenizer.model.v1").write_bytes(model)
    (output / "tokenizer.model.v3").write_bytes(published_model("v3"))
    (output / "NOTICE").write_text(NOTICE)
    write_json(output / "ids.json", record(model, TEXTS, DECODE_ONLY, "tokenizer.model.v1"))
    for text, ids in GOLDEN.items():
        assert sentencepiece.SentencePieceProcessor(model_proto=model).encode(text) == ids, text
        assert Behaviour(model, "legacy").parse(text) == [1] + ids, text

    small = output / "small"
    small.mkdir(exist_ok=True)
    model = small_model()
    (small / "tokenizer.model").write_bytes(model)
    for name in ("legacy", "canonical"):
        write_json(small / name / "tokenizer.json", tokenizer_json(model, name))
        write_json(small / name / "tokenizer_config.json", tokenizer_config(name))
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    write_json(small / "ids.json", record(model, SMALL_TEXTS, DECODE_ONLY, "tokenizer.model"))
    print(f"small tokenizer: {pieces.get_piece_size()} pieces")


# ------------------------------------------------------------------------------------------------ the two models


def published_model(version="v1"):
    package = importlib.util.find_spec("mistral_common").submodule_search_locations[0]
    file, sha256 = PUBLISHED[version]
    model = (Path(package) / "data" / file).read_bytes()
    assert hashlib.sha256(model).hexdigest() == sha256
    return model


def special_pieces(proto):
    """The pieces of the types UNKNOWN and CONTROL: all that Hugging Face makes special."""
    return {piece.piece: id for id, piece in enumerate(proto.pieces) if piece.type in (2, 3)}


def small_model():
    """Trained with the options of the published one."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(STORY.split("\n")), model_writer=written, model_type="bpe", vocab_size=500,
        normalization_rule_name="identity", add_dummy_prefix=True, remove_extra_whitespaces=False, split_digits=True,
        byte_fallback=True, allow_whitespace_only_pieces=True, pad_id=-1, num_threads=1, minloglevel=2)
    return written.getvalue()


# ------------------------------------------------------------------------------- tokenizer.json in both behaviours


def tokenizer_json(model, behaviour):
    """The content of tokenizer.json, as published for Mistral-7B; `inner` is canonical without any first "▁"."""
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    vocabulary = {piece.piece: id for id, piece in enumerate(proto.pieces)}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    legacy = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace]}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": {"canonical": "first", "inner": "never"}.get(behaviour), "split": False}
    bos, first, second = {"id": "<s>", "type_id": 0}, {"id": "A", "type_id": 0}, {"id": "B", "type_id": 1}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for content, id in special_pieces(proto).items()],
        "normalizer": legacy if behaviour == "legacy" else None,
        "pre_tokenizer": None if behaviour == "legacy" else metaspace,
        "post_processor": {
            "type": "TemplateProcessing", "single": [{"SpecialToken": bos}, {"Sequence": first}],
            "pair": [{"SpecialToken": bos}, {"Sequence": first}, {"SpecialToken": bos | {"type_id": 1}}, {"Sequence": second}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocabulary, "merges": merges(proto.pieces, vocabulary)},
    }


def merges(pieces, vocabulary):
    """Every way to make a piece out of two others, best score first: the converter of transformers 4.34 to 4.4x."""
    found = []
    for piece in pieces:
        splits = [(piece.piece[:at], piece.piece[at:]) for at in range(1, len(piece.piece))]
        splits = [split for split in splits if split[0] in vocabulary and split[1] in vocabulary]
        found += [(piece.score, split) for split in sorted(splits, key=lambda split: [vocabulary[part] for part in split])]
    return [" ".join(split) for _, split in sorted(found, key=lambda merge: -merge[0])]


def tokenizer_config(behaviour):
    special = {str(id): {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
                         "special": True} for id, content in enumerate(["<unk>", "<s>", "</s>"])}
    return {"add_bos_token": True, "add_eos_token": False, "added_tokens_decoder": special, "additional_special_tokens": [],
            "bos_token": "<s>", "chat_template": template(TEMPLATES[behaviour]), "clean_up_tokenization_spaces": False,
            "eos_token": "</s>", "legacy": behaviour == "legacy", "model_max_length": 1000000000000000019884624838656,
            "pad_token": None, "sp_model_kwargs": {}, "spaces_between_special_tokens": False,
            "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>", "use_default_system_prompt": False}


def template(name):
    return (Path(__file__).parent / "templates" / f"{name}.jinja").read_text(encoding="utf-8")


class Behaviour:
    """A tokenizer.json at work."""

    def __init__(self, model, name):
        self.tokenizer = Tokenizer.from_str(json.dumps(tokenizer_json(model, name)))
        self.special = special_pieces(sentencepiece_model_pb2.ModelProto.FromString(model))

    def parse(self, text, bos=True):
        self.tokenizer.encode_special_tokens = False
        return self.tokenizer.encode(text, add_special_tokens=bos).ids

    def plain(self, text, bos=True):
        self.tokenizer.encode_special_tokens = True
        return self.tokenizer.encode(text, add_special_tokens=bos).ids

    def decode(self, ids, skip_special_tokens):
        return self.tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)


# ------------------------------------------------------------------------------------------------------ the record


def record(model, texts, decode_only, file):
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    legacy, canonical = Behaviour(model, "legacy"), Behaviour(model, "canonical")
    encoded = []
    for text in texts:
        ids = pieces.encode(text)
        entry = {"text": text, "sentencepiece": ids, "sentencepiece_decoded": pieces.decode(ids)}
        for name, behaviour in (("legacy", legacy), ("canonical", canonical)):
            parsed = behaviour.parse(text)
            entry[name] = {"parse": parsed, "plain": behaviour.plain(text), "decoded": behaviour.decode(parsed, True),
                           "decoded_with_special": behaviour.decode(parsed, False)}
        if [1] + ids != entry["legacy"]["plain"]:
            print("sentencepiece differs from legacy:", repr(text), ids, entry["legacy"]["plain"][1:])
        if [1] + ids != entry["canonical"]["plain"]:
            print("sentencepiece differs from canonical:", repr(text)[:60], ids[:12], entry["canonical"]["plain"][1:13])
        encoded.append(entry)
    decoded = [{"ids": ids, "sentencepiece": pieces.decode(ids), "tokenizers": legacy.decode(ids, True),
                "tokenizers_with_special": legacy.decode(ids, False)} for ids in decode_only]
    return {"model": file, "texts": encoded, "decode": decoded}


if __name__ == "__main__":
    main()
