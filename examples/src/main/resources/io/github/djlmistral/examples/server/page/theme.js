/* SPDX-License-Identifier: Apache-2.0 */
// Not a module: it runs before the first paint, so that a chosen theme does not flash.
{
  let theme = null;
  try {
    theme = localStorage.getItem("djl-mistral/theme");
  } catch {
    // Storage is blocked: the system's theme.
  }
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
}
