/* SPDX-License-Identifier: Apache-2.0 */
import { element } from "./dom.js";

/** Deeper emphasis stays text: browsers do not lay out trees of any depth. */
const MAX_DEPTH = 12;

const TAGS = { "*": "em", _: "em", "**": "strong", __: "strong", "~~": "del" };
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const PROTOCOLS = ["http:", "https:", "mailto:"];

// All of them look ahead by a bounded number of characters.
const PLAIN = /[^\\\n<`&Hh![\]*_~]+/y;
const ESCAPED = /\\([!-/:-@[-`{-~])/y;
const BREAK = /\n|<br\s{0,3}\/?>/iy;
const ENTITY = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,4}));/iy;
const BARE_LINK = /https?:\/\/[^\s<>"`[\]|]{1,2000}/iy;
const ANGLE_LINK = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/iy;
const DESTINATION =
  /\(\s{0,9}(?:<([^<>\n]{0,2000})>|((?:[^\s()<>]|\([^\s()<>]{0,500}\)){0,2000}))(?:\s{1,9}(?:"[^"]{0,500}"|'[^']{0,500}'))?\s{0,9}\)/y;
const WORD = /[\p{L}\p{N}]/u;

/**
 * Makes nodes of a Markdown text without blocks: code, emphasis, links, line breaks. All else, HTML
 * as well, is text. Takes time in proportion to the text's length, whatever the text.
 */
export function inline(text) {
  return new Inline(text).parse();
}

class Inline {
  #text;
  #at = 0;
  #nodes = [];
  /** What may still be closed: {kind, place in #nodes, depth of the nodes behind it}. */
  #openers = [];
  #open = { "*": 0, _: 0, "**": 0, __: 0, "~~": 0, "[": 0 };
  #ticks;

  constructor(text) {
    this.#text = text;
    this.#ticks = runsOfTicks(text);
  }

  parse() {
    while (this.#at < this.#text.length) {
      const known = this.#special(this.#text[this.#at]);
      if (!known) {
        this.#append(this.#text[this.#at++]);
      }
      const plain = this.#match(PLAIN);
      if (plain) {
        this.#append(plain[0]);
      }
    }
    return this.#nodes;
  }

  /** Parses what begins with a character of a meaning. Returns false if it means nothing here. */
  #special(char) {
    let found;
    switch (char) {
      case "\\":
        return (found = this.#match(ESCAPED)) && this.#append(found[1]);
      case "&":
        return (found = this.#match(ENTITY)) && this.#append(entity(found));
      case "`":
        return this.#code();
      case "\n":
        return this.#match(BREAK) && this.#nodes.push(element("br"));
      case "<":
        return (
          (this.#match(BREAK) && this.#nodes.push(element("br"))) ||
          ((found = this.#match(ANGLE_LINK)) &&
            this.#nodes.push(link(found[1], [found[1].replace(/^mailto:/i, "")])))
        );
      case "h":
      case "H":
        return !WORD.test(this.#text[this.#at - 1] ?? "") && this.#bareLink();
      case "!":
        // An image becomes a link to it: the page loads nothing from other hosts.
        return this.#text[this.#at + 1] === "[" && ++this.#at;
      case "[":
        this.#at++;
        return this.#opener("[");
      case "]":
        return this.#closeLink();
      case "*":
      case "_":
      case "~":
        return this.#delimiters(char);
      default:
        return false;
    }
  }

  #match(pattern) {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) {
      this.#at = pattern.lastIndex;
    }
    return found;
  }

  #append(text) {
    const last = this.#nodes.at(-1);
    // An opener's text stays a node of its own.
    if (last?.nodeType === Node.TEXT_NODE && this.#openers.at(-1)?.place !== this.#nodes.length - 1) {
      last.appendData(text);
    } else {
      this.#nodes.push(document.createTextNode(text));
    }
    return true;
  }

  #code() {
    const length = run(this.#text, this.#at);
    const end = this.#ticks(length, this.#at + length);
    if (end < 0) {
      this.#append(this.#text.slice(this.#at, this.#at + length));
      this.#at += length;
    } else {
      const code = this.#text.slice(this.#at + length, end).replaceAll("\n", " ");
      const padded = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
      this.#nodes.push(element("code", {}, padded ? code.slice(1, -1) : code));
      this.#at = end + length;
    }
    return true;
  }

  #bareLink() {
    const found = this.#match(BARE_LINK);
    if (!found) {
      return false;
    }
    // The punctuation behind it is the sentence's, and a bracket that it does not open.
    let url = found[0].replace(/[.,:;!?'*_~]{1,9}$/, "");
    if (url.endsWith(")") && !url.includes("(")) {
      url = url.slice(0, -1);
    }
    this.#at -= found[0].length - url.length;
    return this.#nodes.push(link(url, [url]));
  }

  #closeLink() {
    this.#at++;
    const destination = this.#open["["] > 0 && this.#match(DESTINATION);
    if (!destination) {
      return this.#append("]");
    }
    return this.#close("[", (children) => link(destination[1] ?? destination[2], children));
  }

  #delimiters(char) {
    const length = run(this.#text, this.#at);
    const before = this.#text[this.#at - 1] ?? " ";
    const after = this.#text[this.#at + length] ?? " ";
    this.#at += length;
    if (length > 3 || (char === "~" && length !== 2)) {
      return this.#append(char.repeat(length));
    }
    const opens = /\S/.test(after) && !(char === "_" && WORD.test(before));
    const closes = /\S/.test(before) && !(char === "_" && WORD.test(after));
    let left = length;
    while (closes && left > 0) {
      const kind = this.#nearest([char, char + char], left);
      if (kind === undefined || (kind.length < left && opens && left === 2)) {
        break;
      }
      this.#close(kind, (children) => element(TAGS[kind], {}, ...children));
      left -= kind.length;
    }
    if (left > 0 && !opens) {
      return this.#append(char.repeat(left));
    }
    if (left % 2 === 1) {
      this.#opener(char);
    }
    if (left > 1) {
      this.#opener(char + char);
    }
    return true;
  }

  #opener(kind) {
    this.#openers.push({ kind, place: this.#nodes.length, depth: 0 });
    this.#open[kind]++;
    return this.#nodes.push(document.createTextNode(kind));
  }

  /** Returns that of the kinds, of at most so many characters, which was opened last. */
  #nearest(kinds, length) {
    const open = kinds.filter((kind) => kind.length <= length && this.#open[kind] > 0);
    return open.length < 2
      ? open[0]
      : this.#openers.findLast((opener) => open.includes(opener.kind)).kind;
  }

  /** Wraps all nodes behind the last opener of a kind. Openers among them stay text. */
  #close(kind, wrap) {
    let depth = 0;
    let opener;
    do {
      opener = this.#openers.pop();
      this.#open[opener.kind]--;
      depth = Math.max(depth, opener.depth);
    } while (opener.kind !== kind);
    if (depth < MAX_DEPTH) {
      const [, ...children] = this.#nodes.splice(opener.place);
      this.#nodes.push(wrap(children));
      depth++;
    } else {
      this.#nodes.push(document.createTextNode(kind === "[" ? "]" : kind));
    }
    const outer = this.#openers.at(-1);
    if (outer) {
      outer.depth = Math.max(outer.depth, depth);
    }
    return true;
  }
}

function link(address, children) {
  let url;
  try {
    url = new URL(address.replace(new RegExp(ENTITY.source, "gi"), (...found) => entity(found)));
  } catch {
    // Such as a relative address, which would lead to a page of this server.
  }
  if (!PROTOCOLS.includes(url?.protocol)) {
    return element("span", {}, ...children);
  }
  const attributes = { href: url.href, rel: "noopener noreferrer", target: "_blank" };
  const anchor = element("a", attributes, ...children);
  for (const inner of anchor.querySelectorAll("a")) {
    inner.replaceWith(...inner.childNodes);
  }
  if (anchor.textContent.trim() === "") {
    anchor.textContent = address;
  }
  return anchor;
}

function entity([whole, decimal, hexadecimal, name]) {
  if (name) {
    return ENTITIES[name.toLowerCase()] ?? whole;
  }
  const code = decimal ? Number(decimal) : parseInt(hexadecimal, 16);
  return code > 31 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}

/** Returns how often the character at a place is repeated. */
function run(text, at) {
  let end = at + 1;
  while (text[end] === text[at]) {
    end++;
  }
  return end - at;
}

/** Returns a function: the next run of exactly so many backticks from a place on, or -1. */
function runsOfTicks(text) {
  const runs = new Map();
  for (const found of text.matchAll(/`+/g)) {
    const length = found[0].length;
    if (!runs.has(length)) {
      runs.set(length, { places: [], next: 0 });
    }
    runs.get(length).places.push(found.index);
  }
  return (length, from) => {
    const left = runs.get(length);
    while (left?.places[left.next] < from) {
      left.next++;
    }
    return left?.places[left.next] ?? -1;
  };
}
