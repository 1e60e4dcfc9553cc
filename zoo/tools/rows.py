"""Conversations as rows of token ids, drawn by several processes, and batches of them."""

import json
import multiprocessing
import queue

import numpy
import torch

from conversations import Conversations
from vocabulary import SPECIAL

LENGTHS = (
    128,
    256,
    512,
    1024,
)  # of rows; the longest is twice the sliding window: the model learns to live without the first tokens
IGNORED = -100  # label of tokens without a loss


class Encoder:
    """Writes conversations as the chat template does, and tells the tokens of the answers."""

    def __init__(self, tokenizer):
        self.backend = tokenizer.backend_tokenizer
        self.control = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
        self.memory = {}

    def text(self, text):
        """The ids of a text that starts with a space and stands behind a control token."""
        ids = self.memory.get(text)
        if ids is None:
            ids = self.backend.encode(text, add_special_tokens=False).ids
            if len(text) < 100 and len(self.memory) < 500_000:
                self.memory[text] = ids
        return ids

    def encode(self, conversation, learnt=None):
        """Returns (ids, labels), labels[i] being the token behind ids[i] if it belongs to an answer in `learnt`."""
        control, messages, tools = self.control, conversation.messages, conversation.tools
        learnt = conversation.learnt if learnt is None else learnt
        ids, counted = [control["<s>"]], []
        last = len(messages) - 1
        asked = max(i for i, m in enumerate(messages) if m["role"] == "user")
        system = messages[0]["content"] if messages[0]["role"] == "system" else None
        for i, message in enumerate(messages):
            content = message.get("content")
            if message["role"] == "user":
                if tools and i == asked:
                    ids += [
                        control["[AVAILABLE_TOOLS]"],
                        *self.text(" " + json.dumps(tools, ensure_ascii=False)),
                        control["[/AVAILABLE_TOOLS]"],
                    ]
                text = f"{system}\n\n{content}" if system is not None and i == asked else content
                ids += [control["[INST]"], *self.text(" " + text), control["[/INST]"]]
            elif message["role"] == "tool":
                ids += [
                    control["[TOOL_RESULTS]"],
                    *self.text(f' {{"content": {content}, "call_id": "{message["tool_call_id"]}"}}'),
                    control["[/TOOL_RESULTS]"],
                ]
            elif message["role"] == "assistant":
                start = len(ids)
                if "tool_calls" in message:
                    # The model writes no ids: they are given to its calls afterwards.
                    calls = [call["function"] | ({} if i == last else {"id": call["id"]}) for call in message["tool_calls"]]
                    ids.append(control["[TOOL_CALLS]"])
                    ids += self.text(" " + json.dumps(calls, ensure_ascii=False))
                else:
                    ids += self.text(" " + content)
                ids.append(control["</s>"])
                if i in learnt:
                    counted.append((start, len(ids)))
        labels = [IGNORED] * len(ids)
        for start, end in counted:
            labels[start - 1 : end - 1] = ids[start:end]
        return ids, labels


def produce(tokenizer, dictionary, seed, chunks, size=256):
    """Puts chunks of rows into a queue without end: (length, ids and labels of shape (size, 2, length))."""
    torch.set_num_threads(1)
    encoder, source, rows = Encoder(tokenizer), Conversations(dictionary, seed), {length: [] for length in LENGTHS}
    while True:
        ids, labels = encoder.encode(source.next())
        length = next((n for n in LENGTHS if n >= len(ids)), LENGTHS[-1])
        padded = numpy.full((2, length), IGNORED, numpy.int16)
        padded[0] = 2
        padded[0, : len(ids)] = ids[:length]
        padded[1, : len(ids)] = labels[:length]
        if (padded[1] == IGNORED).all():
            continue
        rows[length].append(padded)
        if len(rows[length]) == size:
            chunks.put((length, numpy.stack(rows[length])))
            rows[length] = []


class Rows:
    """All rows that the processes have made so far. Batches are drawn from them at random, so that no step waits for new ones."""

    CAPACITY = 1 << 28  # tokens of each length; the oldest rows go first

    def __init__(self, tokenizer, dictionary, seed, processes, device):
        self.device, self.random = device, numpy.random.default_rng(seed)
        context = multiprocessing.get_context("fork")
        self.chunks = context.Queue(64)
        self.processes = [
            context.Process(target=produce, args=(tokenizer, dictionary, seed + i, self.chunks), daemon=True)
            for i in range(processes)
        ]
        for process in self.processes:
            process.start()
        self.rows = {length: numpy.empty((self.CAPACITY // length, 2, length), numpy.int16) for length in LENGTHS}
        self.made = dict.fromkeys(LENGTHS, 0)
        while not all(self.made.values()):
            self._take(block=True)

    def _take(self, block=False):
        try:
            length, chunk = self.chunks.get(block)
        except queue.Empty:
            return
        start = self.made[length] % len(self.rows[length])
        self.rows[length][start : start + len(chunk)] = chunk
        self.made[length] += len(chunk)

    def tokens(self):
        return sum(count * length for length, count in self.made.items())

    def batch(self, tokens):
        """(ids, places, targets) of so many tokens, all rows of one length: `places` are the flat positions with a loss."""
        for _ in range(4):
            self._take()
        share = numpy.array([count * length for length, count in self.made.items()], float)
        length = int(self.random.choice(LENGTHS, p=share / share.sum()))
        rows = self.rows[length]
        chosen = rows[self.random.integers(min(self.made[length], len(rows)), size=tokens // length)]
        labels = chosen[:, 1].reshape(-1)
        places = numpy.flatnonzero(labels != IGNORED)
        return [self._move(torch.from_numpy(a)).long() for a in (numpy.ascontiguousarray(chosen[:, 0]), places, labels[places])]

    def _move(self, tensor):
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tensor

    def close(self):
        for process in self.processes:
            process.terminate()
