"""Arguments of `apply_chat_template`: messages, tools, tool calls and results, documents, content parts, flags."""


def user(content, **keys):
    return {"role": "user", "content": content, **keys}


def assistant(content, **keys):
    return {"role": "assistant", "content": content, **keys}


def system(content):
    return {"role": "system", "content": content}


def result(content, id="abcdef123", name="get_weather"):
    return {"role": "tool", "tool_call_id": id, "name": name, "content": content}


def call(name, arguments, id="abcdef123"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(name, description, properties, required=(), **keys):
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters, **keys}}


WEATHER = tool("get_weather", "Weather of a place\n(\"dort\", 天気)", {
    "place": {"type": "string", "description": "City, as Zürich <b>"},
    "unit": {"type": "string", "enum": ["celsius", "kelvin"], "default": "celsius"},
    "days": {"type": ["integer", "null"], "minimum": 1, "maximum": 14.5}}, ["place"])
SEARCH = tool("search", "Search", {
    "filter": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}, "default": {"b": [1, None, True], "a": 0.5}},
    "limit": {"type": "number", "maximum": 1e3, "nullable": True}, "exact": {"type": "boolean", "default": False}},
    strict=True, **{"return": {"type": "array", "items": {"type": "object"}}})
NOW = tool("now", "The time", {})
DOCUMENTS = [{"title": "Lighthouse", "text": "A tower with a light."}, {"title": "Ünï", "text": "灯塔\n\"quoted\"", "pages": 3, "draft": None}]

QUESTION = [user("What is a lighthouse?")]
THREE = [*QUESTION, assistant("A tower with a light."), user("Who lives there?")]
CALLED = [user("Weather in Zürich?"),
          assistant("", tool_calls=[call("get_weather", {"place": "Zürich", "days": 2, "f": 1.5, "n": None, "b": True, "deep": {"x": [1, "é"]}})]),
          result("{\"temp\": 21.5}")]
TWICE = [user("Both"), assistant("", tool_calls=[call("get_weather", {"place": "Bern"}, "aaaaaaaa1"), call("search", {"filter": {"tags": ["x"]}}, "bbbbbbbb2")]),
         result("1", "aaaaaaaa1"), result("[2, 3]", "bbbbbbbb2", "search"), assistant("Done."), user("And?")]
SPECIAL = "</s>[INST]<unk>[/AVAILABLE_TOOLS]"

INPUTS = {
    "one": {"messages": QUESTION, "add_generation_prompt": True},
    "three": {"messages": THREE},
    "system": {"messages": [system("You are a pirate.\nBe brief. "), *THREE], "add_generation_prompt": True},
    "unicode": {"messages": [system("Où ?"), user("灯塔 👩‍🚀 मित्र \u200b"), assistant("Là-bas — cafe\u0301"), user("🦙 \u2028 \xa0")], "add_generation_prompt": True},
    "whitespace": {"messages": [user("  two lines\n\nand spaces  \n"), assistant("\n answer \t"), user(" ")], "add_generation_prompt": True},
    "empty": {"messages": [user(""), assistant(""), user("")]},
    "special": {"messages": [system("<s>" + SPECIAL), user("[TOOL_CALLS] [{}]" + SPECIAL), assistant("a</s>"), user("{{ messages }} {% raw %} <unk>")], "add_generation_prompt": True},
    "tools": {"messages": QUESTION, "tools": [WEATHER, SEARCH, NOW], "add_generation_prompt": True},
    "tools-system": {"messages": [system("Use tools."), *THREE], "tools": [WEATHER], "add_generation_prompt": True},
    "tools-empty": {"messages": QUESTION, "tools": [], "add_generation_prompt": True},
    "tools-special": {"messages": [user(SPECIAL), assistant("", tool_calls=[call("now", {"k" + SPECIAL: SPECIAL})]), result(SPECIAL), assistant("a"), user(SPECIAL)],
                      "tools": [tool("t" + SPECIAL, SPECIAL, {"p" + SPECIAL: {"type": "string", "description": SPECIAL}})]},
    "called": {"messages": CALLED, "tools": [WEATHER], "add_generation_prompt": True},
    "called-answered": {"messages": [*CALLED, assistant("It is 21.5 degrees."), user("Thanks")], "tools": [WEATHER, SEARCH], "add_generation_prompt": True},
    "called-twice": {"messages": TWICE, "tools": [WEATHER, SEARCH], "add_generation_prompt": True},
    "called-text": {"messages": [user("x"), assistant("Let me see.", tool_calls=[call("now", {})]), result("12:00", name="now")], "tools": [NOW], "add_generation_prompt": True},
    "called-string": {"messages": [user("x"), assistant("", tool_calls=[call("now", "{\"a\": 1}")]), result("12:00", name="now")], "tools": [NOW]},
    "called-mapping": {"messages": [user("x"), assistant("", tool_calls=[call("now", {"a": "b"})]), result({"time": "12:00", "zone": None}, name="now")], "tools": [NOW]},
    "called-no-content": {"messages": [user("x"), {"role": "assistant", "tool_calls": [call("now", {"a": "b"})]}, result([{"type": "text", "text": "12:00"}])]},
    "short-id": {"messages": [user("x"), assistant("", tool_calls=[call("now", {}, "short")]), result("12:00", "short")], "tools": [NOW]},
    "builtin": {"messages": [user("x"), assistant("", tool_calls=[call("search", {"query": "y \"z\"", "limit": 3})]), result("none", name="search")],
                "variables": {"builtin_tools": ["search", "code_interpreter"], "custom_tools": [NOW], "tools_in_user_message": False}},
    "documents": {"messages": THREE, "documents": DOCUMENTS, "add_generation_prompt": True},
    "documents-tools": {"messages": [system("S"), *QUESTION], "documents": DOCUMENTS, "tools": [SEARCH, NOW], "variables": {"name": "Ada", "capitals": True}},
    "continue": {"messages": [user("Count."), assistant("1, 2,")], "continue_final_message": True},
    "continue-spaces": {"messages": [user("Count."), assistant("1, 2, \n")], "continue_final_message": True},
    "continue-parts": {"messages": [user("Count."), assistant([{"type": "text", "text": "1, 2,"}])], "continue_final_message": True},
    "parts": {"messages": [user([{"type": "text", "text": "first "}, {"type": "text", "text": "second"}]), assistant([{"type": "text", "text": "answer"}]), user("third")]},
    "image": {"messages": [system([{"type": "text", "text": "See."}]), user([{"type": "image"}, {"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "x"}}])]},
    "audio": {"messages": [user([{"type": "audio", "audio": "x.wav"}, {"type": "text", "text": "What is said?"}])]},
    "reasoning": {"messages": [user("x"), assistant("answer", reasoning_content="because\n"), user("y"), assistant("more", reasoning_content="\nwhy")]},
    "reasoning-inline": {"messages": [user("x"), assistant("<think>\nbecause\n</think>\n\nanswer"), user("y"), assistant("<think>z</think>w")]},
    "thinking": {"messages": QUESTION, "add_generation_prompt": True, "variables": {"enable_thinking": True}},
    "no-thinking": {"messages": QUESTION, "add_generation_prompt": True, "variables": {"enable_thinking": False}},
    "extra-keys": {"messages": [user("a", name="Ann", weight=0), assistant("b", weight=1.5, prefix=False), user("c", tags=["x", None])], "add_generation_prompt": True},
    "two-users": {"messages": [user("a"), user("b")]},
    "assistant-first": {"messages": [assistant("a"), user("b")]},
    "unknown-role": {"messages": [user("a"), {"role": "narrator", "content": "b"}]},
    "no-role": {"messages": [{"content": "a"}]},
}
