"""Tools, calls and results as mistral-common encodes them for Mistral's tokenizers of version 2 and 3.

`requests` has the requests in the form of OpenAI's API; `v2` and `v3` the ids of each. The messages of version 2 are made
for its template of our own writing, `templates/tools-v2.jinja`; both versions have the same vocabulary.
"""

import json
from importlib.resources import files

from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from chat_inputs import assistant, call, result, system, tool, user
from common import output_folder, write_json
from tokenizer import template

MODELS = {"v2": "mistral_instruct_tokenizer_240216.model.v2", "v3": "mistral_instruct_tokenizer_240323.model.v3"}

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


def main():
    ids = {version: {} for version in MODELS}
    for version, file in MODELS.items():
        tokenizer = MistralTokenizer.from_file(str(files("mistral_common") / "data" / file))
        for name, request in REQUESTS.items():
            encoded = tokenizer.encode_chat_completion(ChatCompletionRequest.from_openai(request["messages"], tools=request.get("tools")))
            ids[version][name] = encoded.tokens
    folder = output_folder(__doc__) / "chat"
    (folder / "tools-v2.jinja").write_text(template("tools-v2"), encoding="utf-8")
    write_json(folder / "tools.json", {"requests": REQUESTS, **ids})


if __name__ == "__main__":
    main()
