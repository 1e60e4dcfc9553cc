"""Jinja expressions and templates, and what jinja2 makes of them as transformers sets it up.

Chosen ones by area (jinja_cases.py) and random ones (jinja_grammar.py). `--random N --seed S` writes random ones alone, as
many as wanted, for a run by hand.
"""

import copy
import logging
import re
import signal
from pathlib import Path
from random import Random

logging.disable()

from transformers.utils.chat_template_utils import _cached_compile_jinja_template as compile_template

import argparse
import json

from jinja_cases import areas
from jinja_grammar import VARIABLES, Grammar

SAMPLES = {"operators": 220, "values": 220, "tests": 160, "whitespace": 160}  # of the areas that are products; all of the others
RANDOM = 1000  # expressions, and as many templates
LONGEST = 260
# Memory addresses, and complex numbers, which are not supported.
NONDETERMINISTIC = re.compile(r"0x[0-9a-f]{6,}|<(function|class|bound|built-in|generator|Macro|module|jinja2)|\dj\b", re.IGNORECASE)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the folder to write below")
    parser.add_argument("--random", type=int, help="write only so many random ones")
    parser.add_argument("--seed", type=int, default=9)
    arguments = parser.parse_args()
    random, folder = Random(arguments.seed), arguments.output / "jinja"
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.random:
        write(folder / "random.json", draw(random, arguments.random // 2, longest=2000, failing=1))
        return
    for name, sources in areas().items():
        if name in SAMPLES:
            sources = random.sample(sources, SAMPLES[name])
        write(folder / f"{name}.json", [case for case in map(outcome, dict.fromkeys(sources)) if case])
    write(folder / "random.json", draw(random, RANDOM, LONGEST, failing=0.3))


def draw(random, number, longest, failing):
    """Random expressions, and as many templates; of those that fail only a part."""
    grammar, cases = Grammar(random), {}
    for make in (grammar.expression, grammar.template):
        target = len(cases) + number
        while len(cases) < target:
            source = make()
            if len(source) <= longest and source not in cases:
                case = outcome(source)
                if case and len(case.get("text", "")) <= longest and ("text" in case or random.random() < failing):
                    cases[source] = case
    return list(cases.values())


def outcome(source):
    """The case: its text or its error. None if that is not always the same, or takes long."""
    signal.alarm(2)
    try:
        text = compile_template(source).render(**copy.deepcopy(VARIABLES))
        return None if NONDETERMINISTIC.search(text) else {"source": source, "text": text}
    except TooLong:
        return None
    except Exception as error:
        return {"source": source, "error": f"{type(error).__name__}: {str(error)[:60]}"}
    finally:
        signal.alarm(0)


class TooLong(BaseException):
    pass


def stop(*_):
    raise TooLong


def write(path, cases):
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    path.write_text(f'{{"variables": {json.dumps(VARIABLES, ensure_ascii=False)},\n"cases": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{path.name}: {len(cases)} cases, {sum('error' in case for case in cases)} of them fail, {path.stat().st_size} bytes")


signal.signal(signal.SIGALRM, stop)
main()
