/* SPDX-License-Identifier: Apache-2.0 */
import { copyButton, element } from "./dom.js";
import { inline } from "./inline.js";

/**
 * Markdown as models write it: CommonMark's blocks with GitHub's tables, a list that is indented by
 * two is nested, a line break is one. It makes nodes and text, never markup of a text, so that
 * nothing in a text can run, be loaded, or look like a part of the page.
 */

/** Deeper quotes and lists stay text: browsers do not lay out trees of any depth. */
const MAX_DEPTH = 8;

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:[ \t]+|$)/;
const DELIMITERS = /^ {0,3}(?=.*[|-])\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const INDENTED = /^(?: {4}|\t)/;

/**
 * Returns a function that shows a Markdown text in an element. Blocks that did not change since the
 * last call stay as they are, so that a growing text costs little, and a selection stays.
 */
export function renderer(target) {
  let shown = [];
  return (text) => {
    const found = blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0);
    let same = 0;
    while (same < found.length && shown[same] === found[same].key) {
      same++;
    }
    while (target.childNodes.length > same) {
      target.lastChild.remove();
    }
    target.append(...found.slice(same).map((block) => block.make()));
    shown = found.map((block) => block.key);
  };
}

/** Returns the blocks of lines: for each a key, equal for equal blocks, and what makes its node. */
function blocks(lines, depth) {
  const found = [];
  const outline = { level: 2 };
  for (let at = 0; at < lines.length; ) {
    if (lines[at].trim() === "") {
      at++;
      continue;
    }
    const block = blockAt(lines, at, depth, outline);
    const source = lines.slice(at, block.end).join("\n");
    found.push({ key: `${block.variant ?? ""}\n${source}`, make: block.make });
    at = block.end;
  }
  return found;
}

function blockAt(lines, at, depth, outline) {
  const line = lines[at];
  let match;
  if ((match = FENCE.exec(line))) {
    return fenced(lines, at, match);
  }
  if (INDENTED.test(line)) {
    const end = endOf(lines, at, (next) => INDENTED.test(next));
    const code = lines.slice(at, end).map((text) => text.replace(INDENTED, ""));
    return { end, make: () => codeBlock(code.join("\n"), "") };
  }
  if ((match = HEADING.exec(line))) {
    return heading(line.slice(match[0].length), at, match[1].length, depth, outline);
  }
  if (RULE.test(line)) {
    return { end: at + 1, make: () => element("hr") };
  }
  if (depth < MAX_DEPTH && QUOTE.test(line)) {
    const end = endOf(lines, at, (next) => QUOTE.test(next));
    const inner = lines.slice(at, end).map((text) => text.replace(QUOTE, ""));
    return { end, make: () => element("blockquote", {}, ...nodes(inner, depth + 1)) };
  }
  if (depth < MAX_DEPTH && (match = ITEM.exec(line))) {
    return list(lines, at, match, depth);
  }
  if (isTable(lines, at)) {
    return table(lines, at);
  }
  let end = at + 1;
  while (end < lines.length && !interrupts(lines, end, depth)) {
    end++;
  }
  const text = lines.slice(at, end).map((next) => next.trim().replace(/\\$/, ""));
  return { end, make: () => element("p", {}, ...inline(text.join("\n"))) };
}

function nodes(lines, depth) {
  return blocks(lines, depth).map((block) => block.make());
}

/** Whether a line ends the paragraph before it. */
function interrupts(lines, at, depth) {
  const line = lines[at];
  return (
    line.trim() === "" ||
    FENCE.test(line) ||
    HEADING.test(line) ||
    RULE.test(line) ||
    (depth < MAX_DEPTH && (QUOTE.test(line) || /^ {0,3}(?:[-*+]|1[.)])[ \t]+\S/.test(line))) ||
    isTable(lines, at)
  );
}

function endOf(lines, from, belongs) {
  let end = from + 1;
  while (end < lines.length && belongs(lines[end])) {
    end++;
  }
  return end;
}

function fenced(lines, at, [, fence, info]) {
  const isEnd = (line) => {
    const text = line.trim();
    return text.length >= fence.length && text === fence[0].repeat(text.length);
  };
  let end = at + 1;
  while (end < lines.length && !isEnd(lines[end])) {
    end++;
  }
  const indent = lines[at].search(/\S/);
  const code = lines.slice(at + 1, end).map((line) => unindented(line, indent));
  const language = info.trim().split(/\s/, 1)[0].slice(0, 40);
  return { end: Math.min(end + 1, lines.length), make: () => codeBlock(code.join("\n"), language) };
}

function codeBlock(code, language) {
  return element(
    "figure",
    { class: "code" },
    element("figcaption", {}, element("span", {}, language || "code"), copyButton("Copy code", () => code)),
    scrolling(element("pre", {}, element("code", {}, code)), language ? `Code in ${language}` : "Code"),
  );
}

/** What is wider than the page scrolls by itself, with the keyboard as well. */
function scrolling(content, label) {
  return element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label }, content);
}

/** A heading below that of the message. Its level in the page leaves none out. */
function heading(rest, at, level, depth, outline) {
  const text = rest.trim().replace(/(?:^|[ \t])#{1,99}$/, "");
  if (depth > 0) {
    return { end: at + 1, make: () => element("p", { class: "heading" }, ...inline(text)) };
  }
  outline.level = Math.min(level + 2, outline.level + 1, 6);
  const name = `h${outline.level}`;
  return { end: at + 1, variant: name, make: () => element(name, {}, ...inline(text)) };
}

function list(lines, at, [, indent, firstMarker], depth) {
  const ordered = /\d/.test(firstMarker);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const match = ITEM.exec(lines[end]);
    if (!match || RULE.test(lines[end]) || /\d/.test(match[2]) !== ordered) {
      break;
    }
    const first = lines[end].slice(match[0].length);
    const width = match[1].length + match[2].length + 1;
    const from = end++;
    while (end < lines.length && belongsToItem(lines, end, indent.length + 2, depth)) {
      end++;
    }
    while (lines[end - 1].trim() === "") {
      end--;
    }
    items.push([first, ...lines.slice(from + 1, end).map((line) => unindented(line, width))]);
    end = endOf(lines, end - 1, (line) => line.trim() === "");
  }
  while (lines[end - 1].trim() === "") {
    end--;
  }
  const start = ordered && firstMarker.slice(0, -1) !== "1" ? Number(firstMarker.slice(0, -1)) : null;
  return {
    end,
    make: () =>
      element(
        ordered ? "ol" : "ul",
        { start },
        ...items.map((item) => element("li", {}, ...nodes(withTask(item), depth + 1))),
      ),
  };
}

/** Whether a line continues an item: it is indented, or goes on with the item's paragraph. */
function belongsToItem(lines, at, indent, depth) {
  const line = lines[at];
  if (line.trim() === "") {
    return true;
  }
  if (line.search(/\S/) >= indent) {
    return true;
  }
  return lines[at - 1].trim() !== "" && !interrupts(lines, at, depth) && !ITEM.test(line);
}

function withTask([first, ...rest]) {
  const task = first.replace(/^\[ \](?=\s)/, "☐").replace(/^\[[xX]\](?=\s)/, "☑");
  return [task, ...rest];
}

/** Takes away at most so many spaces. */
function unindented(line, width) {
  return line.slice(Math.min(width, line.length - line.trimStart().length));
}

function isTable(lines, at) {
  const next = lines[at + 1];
  return (
    next !== undefined &&
    lines[at].includes("|") &&
    DELIMITERS.test(next) &&
    cells(lines[at]).length === cells(next).length
  );
}

function table(lines, at) {
  const end = endOf(lines, at + 1, (line) => line.trim() !== "" && line.includes("|"));
  const head = cells(lines[at]);
  const align = cells(lines[at + 1]).map((cell) => {
    const right = cell.endsWith(":");
    return right && cell.startsWith(":") ? "center" : right ? "right" : null;
  });
  const row = (name, texts) =>
    element(
      "tr",
      {},
      ...head.map((_, i) =>
        element(
          name,
          { class: align[i], scope: name === "th" ? "col" : null },
          ...inline(texts[i] ?? ""),
        ),
      ),
    );
  return {
    end,
    make: () =>
      scrolling(
        element(
          "table",
          {},
          element("thead", {}, row("th", head)),
          element("tbody", {}, ...lines.slice(at + 2, end).map((line) => row("td", cells(line)))),
        ),
        "Table",
      ),
  };
}

/** Splits a row of a table. A bar behind a backslash or in code is part of its cell. */
function cells(line) {
  const row = line.trim().replace(/^\|/, "");
  const found = [""];
  for (const [part] of row.matchAll(/\\\||`[^`]*`|[^\\`|]+|[^]/g)) {
    if (part === "|") {
      found.push("");
    } else {
      found[found.length - 1] += part === "\\|" ? "|" : part.replaceAll("\\|", "|");
    }
  }
  if (found.length > 1 && found.at(-1).trim() === "") {
    found.pop();
  }
  return found.map((cell) => cell.trim());
}
