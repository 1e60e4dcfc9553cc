/* SPDX-License-Identifier: Apache-2.0 */

/** Why a request failed, for the user: what happened, and what to do. */
export class RequestError extends Error {
  constructor(message, remedy, needsKey = false) {
    super(message);
    this.remedy = remedy;
    this.needsKey = needsKey;
  }
}

/** Returns the ids of the server's models. */
export async function models(key) {
  const response = await request("v1/models", key, {});
  const list = await json(response);
  return Array.isArray(list?.data) ? list.data.map((model) => String(model.id)) : [];
}

/**
 * Asks for an answer and yields its chunks as they come (chat.completion.chunk).
 *
 * @throws RequestError if the server refuses, or if the stream ends before the answer does
 */
export async function* chat(body, key, signal) {
  const streamed = { ...body, stream: true, stream_options: { include_usage: true } };
  const response = await request("v1/chat/completions", key, {
    method: "POST",
    body: JSON.stringify(streamed),
    signal,
  });
  for await (const data of events(response.body)) {
    if (data === "[DONE]") {
      return;
    }
    const chunk = parse(data);
    if (chunk.error) {
      throw new RequestError(
        chunk.error.message ?? "The server ended the answer.",
        "What had arrived is kept. Try again.",
      );
    }
    yield chunk;
  }
  throw broken();
}

async function request(path, key, options) {
  const headers = {};
  if (key) {
    headers.Authorization = `Bearer ${key}`;
  }
  if (options.body) {
    headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new RequestError(
      "The server cannot be reached.",
      "Check that mistral serve is running, then try again.",
    );
  }
  if (!response.ok) {
    throw await refusal(response);
  }
  return response;
}

async function refusal(response) {
  let message = `The server answered ${response.status} ${response.statusText}`.trim();
  try {
    message = (await response.json()).error.message || message;
  } catch {
    // Not the API's error, such as one of a proxy: its status says what is known.
  }
  switch (response.status) {
    case 401:
    case 403:
      return new RequestError(message, "Enter the server’s API key in the settings.", true);
    case 429: {
      const seconds = Number(response.headers.get("Retry-After"));
      const wait = seconds > 0 ? `in ${seconds} ${seconds === 1 ? "second" : "seconds"}` : "soon";
      return new RequestError(message, `The server is busy. Try again ${wait}.`);
    }
    case 400:
    case 413:
    case 422:
      return new RequestError(
        message,
        "Change the message or the settings, or start a new conversation if this one is too long.",
      );
    default:
      return new RequestError(message, "Try again. The server’s log may say more.");
  }
}

/** Yields the data of each event of a stream of server-sent events. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let data = [];
  try {
    for (;;) {
      const { value, done } = await read(reader);
      if (done) {
        return;
      }
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines.map((text) => text.replace(/\r$/, ""))) {
        if (line.startsWith("data:")) {
          data.push(line.slice(line[5] === " " ? 6 : 5));
        } else if (line === "" && data.length > 0) {
          yield data.join("\n");
          data = [];
        }
      }
    }
  } finally {
    // Also when the caller stops early: the server then ends its work.
    reader.cancel().catch(() => {});
  }
}

async function read(reader) {
  try {
    return await reader.read();
  } catch (error) {
    throw error.name === "AbortError" ? error : broken();
  }
}

async function json(response) {
  return parse(await response.text());
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestError(
      "The server sent something other than an answer.",
      "Check that this address is that of mistral serve.",
    );
  }
}

function broken() {
  return new RequestError(
    "The connection broke before the answer ended.",
    "What had arrived is kept. Try again.",
  );
}
