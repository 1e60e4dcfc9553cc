/* SPDX-License-Identifier: Apache-2.0 */
import { setIcon } from "./dom.js";

// What is around a conversation: notices, the list at the side, scrolling, the theme.

const $ = (id) => document.getElementById(id);
const input = $("input");
const main = $("main");

export function notice(text, action = "", onAction = () => {}) {
  $("notice").hidden = false;
  $("notice-text").textContent = text;
  $("notice-action").hidden = action === "";
  $("notice-action").textContent = action;
  $("notice-action").onclick = () => {
    hideNotice();
    onAction();
  };
}

export function hideNotice() {
  const focused = $("notice").contains(document.activeElement);
  $("notice").hidden = true;
  $("notice-text").textContent = "";
  if (focused) {
    input.focus();
  }
}

function openSidebar() {
  document.body.classList.add("sidebar");
  $("open-sidebar").setAttribute("aria-expanded", "true");
  $("content").inert = true;
  $("new").focus();
}

export function closeSidebar() {
  if (document.body.classList.contains("sidebar")) {
    document.body.classList.remove("sidebar");
    $("open-sidebar").setAttribute("aria-expanded", "false");
    $("content").inert = false;
    $("open-sidebar").focus();
  }
}

export function isAtEnd() {
  return main.scrollHeight - main.scrollTop - main.clientHeight < 40;
}

export function scrollToEnd() {
  main.scrollTop = main.scrollHeight;
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function showTheme() {
  setIcon($("theme"), "theme", isDark() ? "Light theme" : "Dark theme");
}

function changeTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("djl-mistral/theme", theme);
  } catch {
    // Storage is blocked: the theme lasts as long as the page.
  }
  showTheme();
}

$("theme").addEventListener("click", changeTheme);
$("notice-close").addEventListener("click", hideNotice);
$("open-sidebar").addEventListener("click", openSidebar);
$("close-sidebar").addEventListener("click", closeSidebar);
$("jump").addEventListener("click", scrollToEnd);
main.addEventListener("scroll", () => ($("jump").hidden = isAtEnd()));
new ResizeObserver(() => ($("jump").hidden = isAtEnd())).observe($("messages"));
matchMedia("(max-width: 800px)").addEventListener("change", closeSidebar);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
document.addEventListener("click", (event) => {
  if (event.target === document.documentElement || event.target === document.body) {
    closeSidebar();
  }
});
showTheme();
