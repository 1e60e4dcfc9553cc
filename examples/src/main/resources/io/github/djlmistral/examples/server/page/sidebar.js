/* SPDX-License-Identifier: Apache-2.0 */
import * as conversations from "./conversations.js";
import { element, iconButton } from "./dom.js";

/**
 * The list of conversations. Actions: open(conversation), renamed(conversation), remove(conversation).
 */
export function sidebar(target, actions) {
  function show(current) {
    target.replaceChildren(...conversations.list().map((conversation) => row(conversation, current)));
  }

  function row(conversation, current) {
    const open = element(
      "button",
      {
        type: "button",
        class: "open",
        "aria-current": conversation === current ? "true" : null,
        title: conversation.title,
        click: () => actions.open(conversation),
      },
      conversation.title,
    );
    const item = element(
      "li",
      {},
      open,
      iconButton("edit", `Rename “${conversation.title}”`, () => rename(item, conversation)),
      iconButton("delete", `Delete “${conversation.title}”`, () => actions.remove(conversation)),
    );
    return item;
  }

  function rename(item, conversation) {
    const before = [...item.childNodes];
    const field = element("input", { "aria-label": "Title of the conversation", maxlength: "80" });
    field.value = conversation.title;
    let done = false;
    const end = (save, focus) => {
      if (done) {
        return;
      }
      done = true;
      const index = [...target.children].indexOf(item);
      item.replaceChildren(...before);
      if (save) {
        conversations.rename(conversation, field.value);
        actions.renamed(conversation);
      }
      if (focus) {
        target.children[index]?.querySelector(".icon").focus();
      }
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault(); // else it presses the button that gets the focus
        end(true, true);
      } else if (event.key === "Escape") {
        event.stopPropagation();
        end(false, true);
      }
    });
    field.addEventListener("blur", () => end(true, false));
    item.replaceChildren(field);
    field.focus();
    field.select();
  }

  return show;
}
