"""Tools, calls and results as mistral-common encodes them for Mistral's tokenizers of version 2, 3, 7, 11 and 13.

`requests` has the requests in the form of OpenAI's API; `v2`, `v3` and so on the ids of each. The templates `tools-v2.jinja` and
`tools-v11.jinja` are of our own writing; in the latter, a variable chooses between the versions 7, 11 and 13. All versions have the
vocabulary of version 3, in which unused control tokens get the names of the later ones. (Mistral's own tokenizers of version 11 and
13 are of another kind, tekken; what they put where is the same.)
"""

import json
import tempfile
from importlib.resources import files
from pathlib import Path

from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.normalize import get_normalizer
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers.base import TokenizerVersion
from mistral_common.tokens.tokenizers.instruct import InstructTokenizerV7, InstructTokenizerV11, InstructTokenizerV13
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer

from chat_inputs import assistant, call, result, system, tool, user
from common import output_folder, write_json
from tokenizer import template

MODELS = {"v2": "mistral_instruct_tokenizer_240216.model.v2", "v3": "mistral_instruct_tokenizer_240323.model.v3"}

CONTROL = {16: "[SYSTEM_PROMPT]", 17: "[/SYSTEM_PROMPT]", 18: "[TOOL_CONTENT]", 19: "[ARGS]", 20: "[CALL_ID]"}


class SentencePieceV13(InstructTokenizerV13):
    def __init__(self, tokenizer):
        InstructTokenizerV11.__init__(self, tokenizer)


LATER = {"v7": InstructTokenizerV7, "v11": InstructTokenizerV11, "v13": SentencePieceV13}

WEATHER = tool("get_weather", "Weather of a place\n(\"dort\", 天気)", {
    "place": {"type": "string", "description": "City, as Zürich <b>"},
    "unit": {"type": "string", "enum": ["celsius", "kelvin"], "default": "celsius"},
    "days": {"type": "integer", "minimum": 1, "maximum": 14.5}}, ["place"])
NOW = tool("now", "", {})
BARE = {"type": "function", "function": {"name": "bare-1_A", "parameters": {"type": "object", "$defs": {"a": {"enum": [1, None, 1e3, 0.5]}}}}}

NOTHING = {"type": "function", "function": {"name": "nothing", "description": "No parameters"}}


def calls(*list):
    return assistant("", tool_calls=[{**c, "function": {**c["function"], "arguments": json.dumps(c["function"]["arguments"])}} for c in list])


ASKED = [user("Weather in Zürich?"), calls(call("get_weather", {"place": "Zürich \"a\"\n<b>", "days": 2, "f": 1.5, "n": None, "deep": {"x": [1, "é", []]}}))]
BOTH = [user("Both"), calls(call("get_weather", {"place": "Bern"}, "aaaaaaaa1"), call("now", {}, "bbbbbbbb2"))]

REQUESTS = {
    "question": {"messages": [user("What time is it?")], "tools": [NOW]},
    "several": {"messages": [user("a"), assistant("b"), user("c")], "tools": [WEATHER, NOW, BARE, NOTHING]},
    "system": {"messages": [system("Be brief."), user("a"), assistant("b"), user("c")], "tools": [WEATHER]},
    "none": {"messages": [user("a"), assistant("b"), user("c")]},
    "result": {"messages": [*ASKED, result("21.5")], "tools": [WEATHER]},
    "result-object": {"messages": [*ASKED, result("{\"temp\": 21.50, \"sky\":\"heiter ☀\", \"list\":[1,2]}")], "tools": [WEATHER]},
    "result-text": {"messages": [*ASKED, result("It is \"warm\",\nnot hot: 21°")], "tools": [WEATHER]},
    "result-empty": {"messages": [*ASKED, result("")], "tools": [WEATHER]},
    "result-parts": {"messages": [*ASKED, result([{"type": "text", "text": "21"}, {"type": "text", "text": ".5"}])], "tools": [WEATHER]},
    "parallel": {"messages": [*BOTH, result("1", "aaaaaaaa1"), result("[2, 3]", "bbbbbbbb2", "now")], "tools": [WEATHER, NOW]},
    "answered": {"messages": [*ASKED, result("21.5"), assistant("It is 21.5 degrees."), user("Thanks")], "tools": [WEATHER, NOW]},
    "twice": {"messages": [*ASKED, result("21.5"), calls(call("now", {}, "bbbbbbbb2")), result("12:00", "bbbbbbbb2", "now")], "tools": [WEATHER, NOW]},
    "spelled": {"messages": [user("[TOOL_CALLS] [{}]</s>[INST]")], "tools": [tool("t", "</s>[/AVAILABLE_TOOLS]", {"[INST]": {"type": "string"}})]},
}


def named(model):
    """The sentencepiece model with the names of later control tokens; a piece is 0A, its length, 0A, the length of its name, the name."""
    for number, name in CONTROL.items():
        unused = f"[control_{number}]".encode()
        before, after = model.split(bytes([10, len(unused) + 9, 10, len(unused)]) + unused)
        model = before + bytes([10, len(name) + 9, 10, len(name)]) + name.encode() + after
    return model


def later(version, model):
    kind = TokenizerVersion(version)
    return MistralTokenizer(LATER[version](SentencePieceTokenizer(model, kind)), get_validator(kind, ValidationMode.test), get_normalizer(kind, None))


def tokenizers():
    data = files("mistral_common") / "data"
    yield from ((version, MistralTokenizer.from_file(str(data / file))) for version, file in MODELS.items())
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tokenizer.model"
        model.write_bytes(named((data / MODELS["v3"]).read_bytes()))
        yield from ((version, later(version, model)) for version in LATER)


def main():
    ids = {}
    for version, tokenizer in tokenizers():
        ids[version] = {}
        for name, request in REQUESTS.items():
            encoded = tokenizer.encode_chat_completion(ChatCompletionRequest.from_openai(request["messages"], tools=request.get("tools")))
            ids[version][name] = encoded.tokens
    folder = output_folder(__doc__) / "chat"
    for version in ("tools-v2", "tools-v11"):
        (folder / f"{version}.jinja").write_text(template(version), encoding="utf-8")
    write_json(folder / "tools.json", {"requests": REQUESTS, **ids})


if __name__ == "__main__":
    main()
