"""Asks a server of OpenAI's API with OpenAI's own Python library, and checks what the library makes of the answers.

    MISTRAL_API_KEYS=key mistral serve --max-requests 4
    python tests/reference/openai_client.py [--url http://127.0.0.1:8080/v1] [--key key]

Prints a line for each check; the exit status is 1 if one failed. The server must be idle otherwise.
"""

import argparse
import json
import math
import sys
import traceback

import openai
from openai import OpenAI
from pydantic import BaseModel, Field

QUESTION = [{"role": "user", "content": "What is a lighthouse?"}]
LONG = {"max_tokens": 2000, "temperature": 1, "stream": True, "extra_body": {"min_new_tokens": 2000}}
SAMPLED = {"temperature": 1.5, "seed": 7, "max_tokens": 30}


class Definition(BaseModel):
    # short, as a small model may not know when to end
    word: str = Field(max_length=12)
    letters: int = Field(ge=1, le=99)
    noun: bool


SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"],
          "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA, "strict": True}}
FLAT = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def raises(kind, call, **attributes):
    """Checks that a call is refused with an exception of this class."""
    try:
        call()
    except openai.APIStatusError as error:
        expect(type(error) is kind, f"{type(error).__name__} instead of {kind.__name__}: {error}")
        for name, value in attributes.items():
            expect(getattr(error, name) == value, f"{name} is {getattr(error, name)!r}: {error}")
        expect(isinstance(error.body, dict) and error.body.get("message"), f"no message: {error.body}")
        return f"{kind.__name__}: {error.body['message']}"
    raise AssertionError(f"{kind.__name__} expected")


class Checks:
    """Each method is a check; what it returns is printed."""

    def __init__(self, url, key):
        self.url = url
        self.client = OpenAI(base_url=url, api_key=key, max_retries=0, timeout=120)
        self.model = self.client.models.list().data[0].id

    def chat(self, **fields):
        return self.client.chat.completions.create(model=self.model, messages=QUESTION, **fields)

    def models(self):
        model = self.client.models.retrieve(self.model)
        expect((model.id, model.object) == (self.model, "model"), model)
        return model.id

    def chat_whole(self):
        answer = self.chat()
        message = answer.choices[0].message
        expect(message.role == "assistant" and message.content, answer)
        expect(answer.choices[0].finish_reason == "stop", answer)
        expect(answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens, answer)
        return message.content

    def chat_stream(self):
        whole = self.chat(**SAMPLED).choices[0].message.content
        pieces = [c.choices[0].delta.content or "" for c in self.chat(stream=True, **SAMPLED)]
        expect("".join(pieces) == whole, (pieces, whole))
        return f"{len(pieces)} chunks: {whole!r}"

    def chat_stream_helper(self):
        events = []
        with self.client.chat.completions.stream(model=self.model, messages=QUESTION, **SAMPLED) as stream:
            for event in stream:
                events.append(event.type)
            final = stream.get_final_completion()
        expect(final.choices[0].message.content == self.chat(**SAMPLED).choices[0].message.content, final)
        expect("content.done" in events, events)
        return f"{len(events)} events"

    def chat_include_usage(self):
        chunks = list(self.chat(stream=True, stream_options={"include_usage": True}))
        expect(all(c.usage is None for c in chunks[:-1]) and not chunks[-1].choices, chunks)
        expect(chunks[-1].usage == self.chat().usage, chunks[-1])
        return str(chunks[-1].usage.total_tokens)

    def chat_n(self):
        answer = self.chat(n=3, **SAMPLED)
        expect([c.index for c in answer.choices] == [0, 1, 2], answer)
        texts = ["", "", ""]
        for chunk in self.chat(n=3, stream=True, **SAMPLED):
            texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
        expect(texts == [c.message.content for c in answer.choices], (texts, answer))
        return f"{len(set(texts))} different texts"

    def chat_stop(self):
        whole = self.chat().choices[0].message.content
        word = whole.split()[1]
        choice = self.chat(stop=[word]).choices[0]
        expect(choice.message.content == whole[: whole.index(word)] and choice.finish_reason == "stop", choice)
        return repr(choice.message.content)

    def chat_max_tokens(self):
        answer = self.chat(max_completion_tokens=3)
        expect(answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 3, answer)

    def chat_logprobs(self):
        choice = self.chat(logprobs=True, top_logprobs=2).choices[0]
        content = choice.logprobs.content
        expect(bytes(b for t in content for b in t.bytes).decode() == choice.message.content, content)
        expect(all(t.logprob <= 0 and len(t.top_logprobs) == 2 for t in content), content)
        expect(all(t.logprob == t.top_logprobs[0].logprob for t in content), content)
        return f"{len(content)} tokens, perplexity {math.exp(-sum(t.logprob for t in content) / len(content)):.3f}"

    def chat_logit_bias(self):
        # the token of the first word, which no name of a token tells: by the server's /tokenize
        first = self.chat(max_tokens=1).choices[0].message.content
        root = self.url.removesuffix("/v1")
        ids = self.client.post(f"{root}/tokenize", body={"content": first, "add_special": False}, cast_to=object)
        bias = {str(ids["tokens"][0]): -100}
        other = self.chat(max_tokens=1, logit_bias=bias).choices[0].message.content
        expect(other != first, (first, other, bias))
        return f"{first!r}, without it {other!r}"

    def chat_json_schema(self):
        answer = self.client.chat.completions.parse(
            model=self.model, messages=QUESTION, response_format=Definition, max_tokens=200)
        parsed = answer.choices[0].message.parsed
        expect(isinstance(parsed, Definition), answer)
        return repr(parsed)

    def chat_json_object(self):
        choice = self.chat(response_format={"type": "json_object"}, max_tokens=200).choices[0]
        if choice.finish_reason == "stop":
            json.loads(choice.message.content)
        expect(choice.message.content.lstrip().startswith("{"), choice)
        return f"{choice.finish_reason}: {choice.message.content[:40]!r}"

    def tools(self):
        fields = {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}}
        try:
            answer = self.chat(max_tokens=200, **fields)
        except openai.BadRequestError:
            return "refused, as the model has no tokens for tools: " + raises(
                openai.BadRequestError, lambda: self.chat(**fields), type="invalid_request_error", param="tools")
        call = answer.choices[0].message.tool_calls[0]
        expect(call.type == "function" and call.function.name == "weather" and len(call.id) == 9, answer)
        expect(answer.choices[0].finish_reason == "tool_calls", answer)
        with self.client.chat.completions.stream(
                model=self.model, messages=QUESTION, max_tokens=200, **fields) as stream:
            final = stream.get_final_completion().choices[0].message.tool_calls[0]
        expect(final.function.arguments == call.function.arguments, (final, call))
        arguments = final.function.parsed_arguments
        expect(list(arguments) == ["city"] and isinstance(arguments["city"], str), arguments)
        response = self.client.responses.create(
            model=self.model, input=QUESTION[0]["content"], tools=[FLAT], tool_choice="required", max_output_tokens=200)
        item = response.output[0]
        expect(item.type == "function_call" and item.name == "weather", response)
        history = QUESTION + [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
        self.client.chat.completions.create(model=self.model, messages=history, tools=[WEATHER], max_tokens=5)
        return call.function.arguments

    def embeddings(self):
        try:
            # the library asks for base64 and decodes it
            answer = self.client.embeddings.create(model=self.model, input=["A fox.", "A hen."])
        except openai.BadRequestError as error:
            return f"refused: {error.body['message']}"
        floats = self.client.embeddings.create(model=self.model, input="A fox.", encoding_format="float")
        expect([d.index for d in answer.data] == [0, 1], answer)
        expect(all(abs(a - b) < 1e-6 for a, b in zip(answer.data[0].embedding, floats.data[0].embedding)), "base64")
        return f"{len(answer.data[0].embedding)} numbers"

    def completions(self):
        fields = {"model": self.model, "prompt": "A lighthouse is", **SAMPLED}
        whole = self.client.completions.create(logprobs=2, **fields).choices[0]
        pieces = [c.choices[0].text for c in self.client.completions.create(stream=True, **fields)]
        expect("".join(pieces) == whole.text, (pieces, whole))
        expect("".join(whole.logprobs.tokens) == whole.text, whole)
        return repr(whole.text[:40])

    def responses(self):
        fields = {"model": self.model, "input": QUESTION[0]["content"], "max_output_tokens": 40}
        whole = self.client.responses.create(**fields)
        expect(whole.status == "completed" and whole.output_text, whole)
        expect(whole.output_text == self.chat().choices[0].message.content, whole)
        with self.client.responses.stream(**fields) as stream:
            deltas = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
            final = stream.get_final_response()
        expect(deltas == final.output_text == whole.output_text, (deltas, final))
        return repr(deltas)

    def responses_parse(self):
        response = self.client.responses.parse(
            model=self.model, input="What is a fox?", text_format=Definition, max_output_tokens=200)
        expect(isinstance(response.output_parsed, Definition), response)
        return repr(response.output_parsed)

    def responses_incomplete(self):
        response = self.client.responses.create(model=self.model, input="What is a fox?", max_output_tokens=2)
        expect(response.status == "incomplete", response)
        expect(response.incomplete_details.reason == "max_output_tokens", response)

    def error_400(self):
        raises(openai.BadRequestError, lambda: self.chat(temperature=3), param="temperature", type="invalid_request_error")
        return raises(openai.BadRequestError, lambda: self.chat(extra_body={"tempratur": 1}), param="tempratur")

    def error_401(self):
        other = self.client.with_options(api_key="wrong")
        return raises(openai.AuthenticationError, other.models.list, code="invalid_api_key")

    def error_404(self):
        raises(openai.NotFoundError, lambda: self.client.get("/nothing", cast_to=object))
        call = lambda: self.client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        return raises(openai.NotFoundError, call, code="model_not_found", param="model")

    def error_429(self):
        streams = []
        try:
            for _ in range(200):
                streams.append(self.chat(**LONG))
                next(iter(streams[-1]))
        except openai.RateLimitError as error:
            expect(error.response.headers.get("retry-after"), error.response.headers)
            expect(error.code == "rate_limit_exceeded", error)
        else:
            raise AssertionError("200 requests at a time: start the server with --max-requests 4")
        finally:
            for stream in streams:
                stream.close()
        # the library tries again by itself until the work of the streams has ended
        self.client.with_options(max_retries=5).chat.completions.create(model=self.model, messages=QUESTION)
        return f"RateLimitError with {len(streams)} others, answered afterwards"

    def abort(self):
        with self.chat(**LONG) as stream:
            for _ in zip(range(5), stream):
                pass
        return self.client.with_options(max_retries=5).chat.completions.create(
            model=self.model, messages=QUESTION).choices[0].finish_reason


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080/v1")
    parser.add_argument("--key", default="key")
    parser.add_argument("checks", nargs="*", help="names of checks; all if there are none")
    arguments = parser.parse_args()
    checks = Checks(arguments.url, arguments.key)
    names = arguments.checks or [n for n, f in vars(Checks).items() if callable(f) and not n.startswith("_") and n != "chat"]
    failed = 0
    for name in names:
        try:
            print("ok  ", name, getattr(checks, name)() or "", flush=True)
        except Exception as error:  # a check that fails must not hide the others
            failed += 1
            print("FAIL", name, f"{type(error).__name__}: {error}", flush=True)
            if not isinstance(error, AssertionError):
                traceback.print_exc()
    print(f"openai {openai.__version__} (Python): {len(names) - failed} of {len(names)} checks passed")
    sys.exit(1 if failed else 0)


main()
