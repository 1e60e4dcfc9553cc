/* SPDX-License-Identifier: Apache-2.0 */

/**
 * The conversations, in the browser's storage: each under a key of its own, so that two tabs do
 * not overwrite each other's.
 *
 * A conversation: id, title, named (by the user), updated (milliseconds), model, system,
 * parameters, messages. A message: role, content, and of an answer what is known of it: tokens,
 * speed (tokens per second), end ("length", "stopped"), error {message, remedy, needsKey}.
 */
const PREFIX = "djl-mistral/conversation/";
const FORMAT = "djl-mistral-conversations";

/** The parameters of a conversation, and which values each may have. */
export const PARAMETERS = {
  temperature: (value) => value >= 0 && value <= 2,
  top_p: (value) => value >= 0 && value <= 1,
  max_tokens: (value) => Number.isInteger(value) && value >= 1,
  seed: (value) => Number.isInteger(value),
};

const all = new Map();

/** Reads what is stored. What is not a conversation is left alone, and not shown. */
export function load() {
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (key.startsWith(PREFIX)) {
        put(key, localStorage.getItem(key));
      }
    }
  } catch {
    // Storage is blocked: conversations last as long as the page.
  }
}

/** Follows what other tabs do, but for conversations in use here. Calls back with the id. */
export function follow(isInUse, callback) {
  addEventListener("storage", ({ key, newValue }) => {
    const id = key?.startsWith(PREFIX) ? key.slice(PREFIX.length) : null;
    if (id !== null && !isInUse(id)) {
      put(key, newValue);
      callback(id);
    }
  });
}

function put(key, text) {
  const id = key.slice(PREFIX.length);
  const conversation = text === null ? null : parsed(text);
  if (conversation?.id === id) {
    all.set(id, conversation);
  } else {
    all.delete(id);
  }
}

/** Returns the conversations, the one that was changed last first. */
export function list() {
  return [...all.values()].sort((a, b) => b.updated - a.updated);
}

export function get(id) {
  return all.get(id);
}

/** Returns a conversation that is not stored before it is saved. */
export function create() {
  return {
    id: newId(),
    title: "New conversation",
    named: false,
    updated: Date.now(),
    model: "",
    system: "",
    parameters: {},
    messages: [],
  };
}

/** Stores a conversation. Returns false if the browser refuses: it then lasts as long as the page. */
export function save(conversation) {
  conversation.updated = Date.now();
  const question = conversation.messages.find((message) => message.role === "user");
  if (!conversation.named && question) {
    conversation.title = shortened(question.content);
  }
  return store(conversation);
}

/** Stores a conversation that was deleted again, as it was. */
export function restore(conversation) {
  return store(conversation);
}

export function rename(conversation, title) {
  conversation.title = shortened(title) || conversation.title;
  conversation.named = true;
  return store(conversation);
}

export function remove(conversation) {
  all.delete(conversation.id);
  try {
    localStorage.removeItem(PREFIX + conversation.id);
  } catch {
    // It was not stored.
  }
}

/** Returns all conversations as JSON, which `importAll` reads. */
export function exportAll() {
  return JSON.stringify({ format: FORMAT, version: 1, conversations: list() }, null, 2);
}

/**
 * Adds the conversations of an exported file.
 *
 * @returns how many were added, and whether all of them could be stored
 * @throws Error if the file is not an exported one
 */
export function importAll(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error("This file is not JSON. Choose a file that this page exported.");
  }
  if (file?.format !== FORMAT || file.version !== 1 || !Array.isArray(file.conversations)) {
    throw new Error("This file has no conversations. Choose a file that this page exported.");
  }
  const imported = file.conversations.map(checked);
  if (imported.includes(null)) {
    throw new Error("A conversation of this file is damaged. Nothing was imported.");
  }
  let stored = true;
  for (const conversation of imported) {
    if (all.has(conversation.id)) {
      conversation.id = newId();
    }
    stored = store(conversation) && stored;
  }
  return { count: imported.length, stored };
}

function store(conversation) {
  all.set(conversation.id, conversation);
  try {
    localStorage.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
    return true;
  } catch {
    return false;
  }
}

function parsed(text) {
  try {
    return checked(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Returns a copy with the known fields, or null if it is not a conversation. */
function checked(value) {
  if (typeof value?.id !== "string" || !/^[\w-]{1,64}$/.test(value.id) || !Array.isArray(value.messages)) {
    return null;
  }
  const messages = value.messages.map(checkedMessage);
  if (messages.includes(null)) {
    return null;
  }
  const parameters = {};
  for (const [name, allowed] of Object.entries(PARAMETERS)) {
    const number = value.parameters?.[name];
    if (typeof number === "number" && allowed(number)) {
      parameters[name] = number;
    }
  }
  return {
    id: value.id,
    title: shortened(text(value.title)) || "Conversation",
    named: value.named === true,
    updated: Number.isFinite(value.updated) ? value.updated : Date.now(),
    model: text(value.model),
    system: text(value.system),
    parameters,
    messages,
  };
}

function checkedMessage(value) {
  if ((value?.role !== "user" && value?.role !== "assistant") || typeof value.content !== "string") {
    return null;
  }
  const message = { role: value.role, content: value.content };
  for (const name of ["tokens", "speed"]) {
    if (Number.isFinite(value[name])) {
      message[name] = value[name];
    }
  }
  if (value.end === "length" || value.end === "stopped") {
    message.end = value.end;
  }
  if (value.error) {
    message.error = {
      message: text(value.error.message),
      remedy: text(value.error.remedy),
      needsKey: value.error.needsKey === true,
    };
  }
  return message;
}

function text(value) {
  return typeof value === "string" ? value : "";
}

function shortened(title) {
  const line = title.slice(0, 400).replace(/\s+/g, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

function newId() {
  // Not crypto.randomUUID: it is missing over plain http.
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");
}
