/* SPDX-License-Identifier: Apache-2.0 */
import * as conversations from "./conversations.js";
import { element, iconButton } from "./dom.js";

/**
 * The list of conversations. Actions: open(conversation), remove(conversation), changed().
 */
export function sidebar(target, actions) {
  let shown = "";
  let renaming = false;

  function show(current) {
    const list = conversations.list();
    const state = JSON.stringify([current.id, ...list.map(({ id, title }) => [id, title])]);
    // What is the same stays, and the focus in it.
    if (state !== shown && !renaming) {
      shown = state;
      target.replaceChildren(...list.map(({ id, title }) => row(id, title, id === current.id)));
    }
  }

  /** By its id: another tab's change makes another object of a conversation. */
  function row(id, title, isCurrent) {
    const open = element(
      "button",
      {
        type: "button",
        class: "open",
        "aria-current": isCurrent ? "true" : null,
        title,
        click: () => actions.open(conversations.get(id)),
      },
      title,
    );
    const item = element(
      "li",
      {},
      open,
      iconButton("edit", `Rename “${title}”`, () => rename(item, conversations.get(id))),
      iconButton("delete", `Delete “${title}”`, () => actions.remove(conversations.get(id))),
    );
    return item;
  }

  function rename(item, conversation) {
    const before = [...item.childNodes];
    const index = [...target.children].indexOf(item);
    const field = element("input", { "aria-label": "Title of the conversation", maxlength: "80" });
    field.value = conversation.title;
    renaming = true;
    const end = (save, focus) => {
      if (!renaming) {
        return;
      }
      renaming = false;
      item.replaceChildren(...before);
      if (save) {
        conversations.rename(conversation, field.value);
      }
      actions.changed();
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
