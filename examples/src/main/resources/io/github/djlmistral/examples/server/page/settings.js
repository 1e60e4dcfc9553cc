/* SPDX-License-Identifier: Apache-2.0 */
import { PARAMETERS } from "./conversations.js";
import { element } from "./dom.js";

const KEY = "djl-mistral/key";
const dialog = document.getElementById("settings");
const field = (id) => document.getElementById(id);
let memory = "";

for (const button of dialog.querySelectorAll(".cancel")) {
  // Not submit buttons: the first one is what Enter in a field presses.
  button.addEventListener("click", () => dialog.close("cancel"));
}

/** Returns the API key, or an empty text. It is kept as long as the tab. */
export function apiKey() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return memory;
  }
}

function keepApiKey(key) {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    memory = key;
  }
}

/** Shows the settings of a conversation, and calls back after they were changed. */
export function editSettings(conversation, models, saved) {
  const several = models.length > 1;
  for (const node of dialog.querySelectorAll(".several")) {
    node.hidden = !several;
  }
  field("model-choice").replaceChildren(...models.map((id) => element("option", { value: id }, id)));
  field("model-choice").value = models.includes(conversation.model) ? conversation.model : models[0];
  field("system").value = conversation.system;
  for (const name of Object.keys(PARAMETERS)) {
    field(name).value = conversation.parameters[name] ?? "";
  }
  field("key").value = apiKey();
  dialog.returnValue = "cancel";
  dialog.onclose = () => {
    if (dialog.returnValue === "save") {
      conversation.model = several ? field("model-choice").value : conversation.model;
      conversation.system = field("system").value.trim();
      conversation.parameters = Object.fromEntries(
        Object.keys(PARAMETERS)
          .filter((name) => field(name).value !== "")
          .map((name) => [name, field(name).valueAsNumber]),
      );
      keepApiKey(field("key").value.trim());
      saved();
    }
  };
  dialog.showModal();
}
