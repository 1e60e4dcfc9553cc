/* SPDX-License-Identifier: Apache-2.0 */
import { chat, models as loadModels, RequestError } from "./api.js";
import * as conversations from "./conversations.js";
import { setIcon } from "./dom.js";
import { closeSidebar, hideNotice, isAtEnd, notice, scrollToEnd } from "./frame.js";
import { fit, isEnter, messageView } from "./messages.js";
import { apiKey, editSettings } from "./settings.js";
import { sidebar } from "./sidebar.js";

const $ = (id) => document.getElementById(id);
const input = $("input");

let models = [];
let current = conversations.create();
let views = new Map();
/** The answers that are being generated: conversation's id -> what ends them. */
const running = new Map();

// ---- The conversation that is shown

function open(conversation) {
  current = conversation;
  closeSidebar();
  hideNotice();
  showMessages();
  scrollToEnd();
  if (!matchMedia("(pointer: coarse)").matches) {
    // On a touch screen focus would open the keyboard over the conversation.
    input.focus();
  }
}

function showMessages() {
  views = new Map(current.messages.map((message) => [message, viewOf(message)]));
  $("messages").replaceChildren(...[...views.values()].map((view) => view.element));
  showState();
}

function viewOf(message) {
  const conversation = current;
  const view = messageView(message, {
    edit: (text) => edit(conversation, message, text),
    again: () => again(conversation, message),
    remove: () => removeExchange(conversation, message),
    settings,
  });
  view.update(isRunning(message));
  return view;
}

function isRunning(message) {
  return running.get(current.id)?.answer === message;
}

/** Shows everything around the messages. */
function showState() {
  const busy = running.has(current.id);
  document.title = current.messages.length > 0 ? `${current.title} · Chat` : "Chat";
  $("title").textContent = current.title;
  $("model").textContent = models.includes(current.model) ? current.model : (models[0] ?? "");
  $("empty").hidden = current.messages.length > 0;
  setIcon($("send"), busy ? "stop" : "send", busy ? "Stop" : "Send");
  showConversations(current);
}

// ---- Asking

function send() {
  const text = input.value.trim();
  if (text === "" || running.has(current.id)) {
    return;
  }
  input.value = "";
  fit(input);
  hideNotice();
  current.messages.push({ role: "user", content: text });
  answer(current);
}

function edit(conversation, message, text) {
  const place = conversation.messages.indexOf(message);
  const cut = conversation.messages.splice(place);
  offerUndo(conversation, place, cut, cut.length > 2 ? "Later messages were removed." : "");
  conversation.messages.push({ role: "user", content: text });
  answer(conversation);
}

/** Answers again the question before an answer. */
function again(conversation, message) {
  const place = conversation.messages.indexOf(message);
  const cut = conversation.messages.splice(place);
  offerUndo(conversation, place, cut, cut.length > 1 ? "Later messages were removed." : "");
  answer(conversation);
}

function removeExchange(conversation, message) {
  const place = conversation.messages.indexOf(message) - (message.role === "assistant" ? 1 : 0);
  const hasAnswer = conversation.messages[place + 1]?.role === "assistant";
  stop(conversation);
  const cut = conversation.messages.splice(place, hasAnswer ? 2 : 1);
  save(conversation);
  showMessages();
  offerUndo(conversation, place, cut, "The message and its answer were deleted.");
  input.focus();
}

/** Offers to put messages back; those that are in their place then are removed, if any came later. */
function offerUndo(conversation, place, cut, text) {
  stop(conversation);
  if (text === "") {
    hideNotice();
    return;
  }
  const kept = conversation.messages.slice(place);
  notice(text, "Undo", () => {
    stop(conversation);
    conversation.messages.splice(place, Infinity, ...cut, ...kept);
    save(conversation);
    open(conversation);
  });
}

/** Generates the answer to the last message of a conversation. */
async function answer(conversation) {
  const stopper = new AbortController();
  const messages = requestMessages(conversation);
  // As it is stored, should the page be closed meanwhile.
  const message = { role: "assistant", content: "", end: "stopped" };
  conversation.messages.push(message);
  running.set(conversation.id, { answer: message, stopper });
  save(conversation);
  if (conversation === current) {
    showMessages();
    scrollToEnd();
    input.focus();
  }
  announce("The answer is being generated.");
  const frames = redraws(conversation, message);
  try {
    await receive(conversation, messages, message, stopper.signal, frames.request);
  } catch (error) {
    if (!stopper.signal.aborted) {
      fail(message, error);
    }
  }
  frames.end();
  if (running.get(conversation.id)?.answer === message) {
    running.delete(conversation.id);
  }
  keep(conversation, message);
  if (conversation === current && views.has(message)) {
    const following = isAtEnd();
    views.get(message).update(false);
    showState();
    if (following) {
      scrollToEnd();
    }
    announce(message.error ? `${message.error.message} ${message.error.remedy}` : spoken(message));
  }
}

async function receive(conversation, messages, message, signal, redraw) {
  if (models.length === 0) {
    models = await loadModels(apiKey());
    signal.throwIfAborted();
  }
  const { max_tokens: limit, ...parameters } = conversation.parameters;
  const request = {
    model: models.includes(conversation.model) ? conversation.model : models[0],
    messages,
    ...parameters,
    ...(limit === undefined ? {} : { max_completion_tokens: limit }),
  };
  let first;
  let last;
  let end;
  for await (const chunk of chat(request, apiKey(), signal)) {
    const choice = chunk.choices?.[0];
    if (choice?.delta?.content) {
      last = performance.now();
      first ??= last;
      message.content += choice.delta.content;
      redraw();
    }
    end = choice?.finish_reason ?? end;
    if (chunk.usage) {
      message.tokens = chunk.usage.completion_tokens;
    }
  }
  if (message.tokens > 1 && last > first) {
    message.speed = ((message.tokens - 1) / (last - first)) * 1000;
  }
  delete message.end;
  if (end === "length") {
    message.end = end;
  }
}

/** The messages of a request. Questions without an answer are sent with the next one. */
function requestMessages({ system, messages }) {
  const sent = system === "" ? [] : [{ role: "system", content: system }];
  for (const { role, content } of messages) {
    if (role === "user" && sent.at(-1)?.role === "user") {
      sent.at(-1).content += `\n\n${content}`;
    } else if (content !== "") {
      sent.push({ role, content });
    }
  }
  return sent;
}

function fail(message, error) {
  if (!(error instanceof RequestError)) {
    console.error(error);
  }
  message.error = {
    message: error.message,
    remedy: error.remedy ?? "Reload the page and try again.",
    needsKey: error.needsKey === true,
  };
}

function stop(conversation) {
  running.get(conversation.id)?.stopper.abort();
  running.delete(conversation.id);
}

/** Shows an answer as it grows, once a frame, and stores it once a second. */
function redraws(conversation, message) {
  let frame = 0;
  let stored = performance.now();
  const draw = () => {
    frame = 0;
    if (conversation === current && views.has(message)) {
      const following = isAtEnd();
      views.get(message).update(true);
      if (following) {
        scrollToEnd();
      }
    }
    if (performance.now() - stored > 1000) {
      stored = performance.now();
      keep(conversation, message);
    }
  };
  return {
    request: () => (frame ||= requestAnimationFrame(draw)),
    end: () => cancelAnimationFrame(frame),
  };
}

/** An answer as screen readers announce it, once, when it is there: its beginning if it is long. */
function spoken(message) {
  const text = views.get(message).text();
  return `${message.end === "stopped" ? "Stopped." : "Answer:"} ${text.slice(0, 600)}`;
}

function announce(text) {
  $("announcer").textContent = text;
}

// ---- Conversations

const showConversations = sidebar($("conversations"), {
  open,
  changed: () => showState(),
  remove(conversation) {
    stop(conversation);
    conversations.remove(conversation);
    if (conversation === current) {
      open(conversations.list()[0] ?? conversations.create());
    } else {
      showState();
    }
    notice(`“${conversation.title}” was deleted.`, "Undo", () => {
      conversations.restore(conversation);
      open(conversation);
    });
    ($("conversations").querySelector(".open") ?? $("new")).focus();
  },
});

/** Stores an answer, unless it or its conversation was deleted meanwhile. */
function keep(conversation, message) {
  if (conversations.get(conversation.id) === conversation && conversation.messages.includes(message)) {
    save(conversation);
  }
}

function save(conversation) {
  if (!conversations.save(conversation)) {
    notice("The browser’s storage is full or blocked: export conversations, and delete some.", "Export", exportFile);
  }
}

function exportFile() {
  const url = URL.createObjectURL(new Blob([conversations.exportAll()], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "conversations.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

async function importFile(file) {
  try {
    const { count, stored } = conversations.importAll(await file.text());
    showState();
    const imported = `${count} ${count === 1 ? "conversation was" : "conversations were"} imported.`;
    notice(stored ? imported : `${imported} The browser’s storage is full: they last until this page is closed.`);
  } catch (error) {
    notice(error.message);
  }
}

// ---- Around it

function settings() {
  editSettings(current, models, () => {
    save(current);
    showState();
    findModels();
  });
}

async function findModels() {
  try {
    models = await loadModels(apiKey());
    showState();
  } catch (error) {
    // Whoever asks for an answer is told again, with a button to try again.
    notice(`${error.message} ${error.remedy}`, error.needsKey ? "Settings" : "", settings);
  }
}

function onKey(event) {
  const control = event.ctrlKey || event.metaKey;
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    if (document.body.classList.contains("sidebar")) {
      closeSidebar();
    } else {
      stop(current);
    }
  } else if (control && event.shiftKey && event.key.toLowerCase() === "o") {
    event.preventDefault();
    open(conversations.create());
  } else if (control && event.key === "/") {
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) {
      $("keys").showModal();
    }
  }
}

input.addEventListener("input", () => fit(input));
input.addEventListener("keydown", (event) => {
  if (isEnter(event)) {
    event.preventDefault();
    send();
  } else if (event.key === "ArrowUp" && input.value === "") {
    const last = current.messages.findLast((message) => message.role === "user");
    if (last && !running.has(current.id)) {
      event.preventDefault();
      views.get(last).edit();
    }
  }
});
$("composer").addEventListener("submit", (event) => event.preventDefault());
$("send").addEventListener("click", () => {
  if (running.has(current.id)) {
    stop(current);
  } else {
    send();
  }
  input.focus();
});
$("new").addEventListener("click", () => open(conversations.create()));
$("export").addEventListener("click", exportFile);
$("import").addEventListener("click", () => $("import-file").click());
$("import-file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) {
    await importFile(file);
  }
  event.target.value = "";
});
$("open-settings").addEventListener("click", settings);
$("open-keys").addEventListener("click", () => $("keys").showModal());
document.addEventListener("keydown", onKey);

conversations.load();
conversations.follow(
  (id) => running.has(id),
  (id) => {
    if (id === current.id) {
      current = conversations.get(id) ?? conversations.create();
      showMessages();
    } else {
      showState();
    }
  },
);
open(conversations.list()[0] ?? current);
findModels();
