"""Records the shapes of OpenAI's answers and events as JSON Schema: the types of OpenAI's Python library, see README.md."""

import argparse
import json
from pathlib import Path

from openai.types import Completion, CreateEmbeddingResponse, Model
from openai.types import responses
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic.json_schema import models_json_schema

EVENTS = [
    "Created", "InProgress", "OutputItemAdded", "OutputItemDone", "ContentPartAdded", "ContentPartDone", "TextDelta",
    "TextDone", "FunctionCallArgumentsDelta", "FunctionCallArgumentsDone", "Completed", "Incomplete", "Error",
]


def strict(schema):
    """Leaves out descriptions; an object has no other members than those of the library."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for key, value in schema.items():
        if key in ("title", "description") and isinstance(value, str):
            continue
        kept[key] = {name: strict(item) for name, item in value.items()} if key == "properties" else strict(value)
    if "properties" in kept:
        kept["additionalProperties"] = False
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    models = [ChatCompletion, ChatCompletionChunk, Completion, CreateEmbeddingResponse, Model, responses.Response]
    models += [getattr(responses, f"Response{name}Event") for name in EVENTS]
    _, schema = models_json_schema([(model, "validation") for model in models])
    path = parser.parse_args().output / "openai.json"
    path.write_text(json.dumps({"$defs": strict(schema["$defs"])}, separators=(",", ":"), sort_keys=True) + "\n")


main()
