/* SPDX-License-Identifier: Apache-2.0 */
import { copyButton, element, iconButton } from "./dom.js";
import { renderer } from "./markdown.js";

/**
 * Returns the view of a message: {element, text(), update(running), edit()}. Actions are what its buttons
 * do: edit(text), again(), remove(), settings().
 */
export function messageView(message, actions) {
  return message.role === "user" ? questionView(message, actions) : answerView(message, actions);
}

function questionView(message, actions) {
  const text = element("div", { class: "text" }, message.content);
  const tools = element(
    "div",
    { class: "tools" },
    copyButton("Copy message", () => message.content),
    iconButton("edit", "Edit message", () => edit()),
    iconButton("delete", "Delete message and answer", actions.remove),
  );
  const item = element("li", { class: "user" }, element("h2", { class: "unseen" }, "You"), text, tools);

  function edit() {
    const field = element("textarea", { "aria-label": "Edited message" });
    field.value = message.content;
    fit(field);
    const leave = () => {
      item.classList.remove("editing");
      form.replaceWith(text, tools);
      tools.querySelector("button:nth-child(2)").focus();
    };
    const submit = () => {
      if (field.value.trim() !== "") {
        actions.edit(field.value.trim());
      }
    };
    const form = element(
      "form",
      {
        submit: (event) => {
          event.preventDefault();
          submit();
        },
      },
      field,
      element(
        "div",
        { class: "bar end" },
        element("button", { type: "button", class: "quiet", click: leave }, "Cancel"),
        element("button", { type: "submit", class: "main" }, "Send"),
      ),
    );
    field.addEventListener("input", () => fit(field));
    field.addEventListener("keydown", (event) => {
      if (isEnter(event)) {
        event.preventDefault();
        submit();
      } else if (event.key === "Escape") {
        event.stopPropagation();
        leave();
      }
    });
    tools.remove();
    item.classList.add("editing");
    text.replaceWith(form);
    field.focus();
  }

  return { element: item, text: () => message.content, update() {}, edit };
}

function answerView(message, actions) {
  const content = element("div", { class: "text" });
  const show = renderer(content);
  const error = element("div", { class: "error" });
  const facts = element("span", { class: "facts" });
  const tools = element(
    "div",
    { class: "tools" },
    copyButton("Copy answer", () => message.content),
    iconButton("again", "Regenerate answer", actions.again),
    iconButton("delete", "Delete message and answer", actions.remove),
    facts,
  );
  const item = element(
    "li",
    { class: "assistant" },
    element("h2", { class: "unseen" }, "Answer"),
    content,
    error,
    tools,
  );

  function update(running) {
    show(message.content);
    item.classList.toggle("running", running);
    item.setAttribute("aria-busy", String(running));
    tools.hidden = running || message.content === "";
    facts.textContent = running ? "" : factsOf(message);
    error.hidden = running || !message.error;
    error.replaceChildren(...(error.hidden ? [] : errorOf(message.error, actions)));
  }

  return { element: item, text: () => content.innerText, update, edit() {} };
}

function factsOf({ tokens, speed, end, error }) {
  const facts = [];
  if (end === "stopped" && !error) {
    facts.push("Stopped");
  }
  if (end === "length") {
    facts.push("Reached max tokens");
  }
  if (tokens !== undefined) {
    facts.push(`${tokens} ${tokens === 1 ? "token" : "tokens"}`);
  }
  if (speed !== undefined) {
    facts.push(`${speed.toFixed(speed < 10 ? 1 : 0)} tokens/s`);
  }
  return facts.join(" · ");
}

function errorOf(error, actions) {
  const settings = { type: "button", class: "quiet", click: actions.settings };
  return [
    element("p", {}, element("strong", {}, error.message), " ", error.remedy),
    element(
      "div",
      { class: "bar" },
      element("button", { type: "button", class: "main", click: actions.again }, "Try again"),
      ...(error.needsKey ? [element("button", settings, "Settings")] : []),
    ),
  ];
}

/** Makes a field as high as its lines, up to a limit, where CSS does not. */
export function fit(field) {
  field.rows = Math.min(10, field.value.split("\n").length);
}

/** Enter by itself, and not the one that ends the input of a character (of an input method). */
export function isEnter(event) {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing;
}
