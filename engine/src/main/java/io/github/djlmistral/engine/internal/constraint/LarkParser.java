/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parses the definitions of a grammar in Lark's notation by recursive descent. */
public final class LarkParser {

    private static final int UNBOUNDED = Integer.MAX_VALUE;

    /**
     * A rule or terminal.
     *
     * @param lazy whether the shortest match of the body is taken
     */
    public record Definition(LarkNode body, boolean lazy, int position) {}

    public final GrammarText in;
    public final Map<String, Definition> definitions = new LinkedHashMap<>();
    public final List<LarkNode> ignored = new ArrayList<>();

    /** The names of terminals in {@code %import common} by their names here. */
    public final Map<String, String> imports = new LinkedHashMap<>();

    private int depth;

    public LarkParser(String text) {
        in = new GrammarText(text);
    }

    public void parse() {
        space(true);
        while (!in.atEnd()) {
            if (in.peekIs('%')) {
                directive();
            } else {
                definition();
            }
            if (!in.atLineEnd()) {
                throw in.error("expected the end of the line");
            }
            space(true);
        }
    }

    public static boolean isTerminal(String name) {
        return Character.isUpperCase(name.charAt(name.startsWith("_") ? 1 : 0));
    }

    private void directive() {
        int start = in.position();
        if (keyword("%ignore")) {
            ignored.add(alternatives(0));
        } else if (keyword("%import")) {
            importTerminals(start);
        } else if (keyword("%llguidance")) {
            String options = json();
            if (!options.replaceAll("\\s", "").equals("{}")) {
                throw in.error(start, "the options of %llguidance are not supported");
            }
        } else {
            in.next();
            word();
            throw in.error(start, in.since(start) + " is not supported");
        }
        space(false);
    }

    private void importTerminals(int start) {
        if (!name().equals("common")) {
            throw in.error(start, "only %import common is supported: define the terminals here");
        }
        space(false);
        if (in.take("(")) {
            do {
                space(true);
                String name = name();
                imported(name, name, start);
                space(true);
            } while (in.take(","));
            in.expect(")");
            return;
        }
        in.expect(".");
        String name = name();
        space(false);
        String here = name;
        if (in.take("->")) {
            space(false);
            here = name();
        }
        imported(here, name, start);
    }

    private void imported(String here, String there, int position) {
        if (!LarkCommon.TERMINALS.containsKey(there)) {
            throw in.error(position, "%import common has no terminal " + there);
        }
        define(here, new LarkNode.Name(here, position), false, position);
        imports.put(here, there);
    }

    private void define(String name, LarkNode body, boolean lazy, int position) {
        if (definitions.put(name, new Definition(body, lazy, position)) != null) {
            throw in.error(position, name + " is defined twice");
        }
    }

    private void definition() {
        // ! and ? say which nodes a syntax tree has; there is none here
        while (in.peekIs('!') || in.peekIs('?')) {
            in.next();
        }
        int start = in.position();
        String name = name();
        if (in.peekIs('{')) {
            throw in.error("templates are not supported");
        }
        if (in.peekIs('.')) {
            throw in.error("priorities are not supported: a text may be split in any way");
        }
        boolean lazy = false;
        List<LarkNode> suffix = List.of();
        if (in.take("[")) {
            do {
                space(false);
                int at = in.position();
                String attribute = word();
                space(false);
                if (attribute.equals("suffix") && in.take("=")) {
                    space(false);
                    suffix = List.of(atom());
                } else if (!attribute.equals("lazy")) {
                    throw in.error(at, "the attribute " + attribute + " is not supported");
                }
                lazy = true;
                space(false);
            } while (in.take(","));
            in.expect("]");
        }
        space(false);
        in.expect(":");
        LarkNode body = alternatives(0);
        define(name, suffix.isEmpty() ? body : sequence(List.of(body, suffix.get(0))), lazy, start);
    }

    /**
     * @param closing the closing bracket of a group, within which lines may end anywhere, or 0
     */
    private LarkNode alternatives(int closing) {
        List<LarkNode> options = new ArrayList<>();
        do {
            options.add(conjunction(closing));
        } while (takeBar());
        return options.size() == 1 ? options.get(0) : new LarkNode.Choice(options);
    }

    /** Whether an alternative follows, in this line or the next that is not empty. */
    private boolean takeBar() {
        int start = in.position();
        space(true);
        boolean there = in.take("|");
        if (!there) {
            in.reset(start);
        }
        return there;
    }

    private LarkNode conjunction(int closing) {
        LarkNode result = expansion(closing);
        while (in.peekIs('&')) {
            int start = in.position();
            in.next();
            result = new LarkNode.Both(result, expansion(closing), start);
        }
        if (in.take("->")) {
            // the name of a node of a syntax tree
            space(false);
            name();
            space(closing != 0);
        }
        return result;
    }

    private LarkNode expansion(int closing) {
        List<LarkNode> parts = new ArrayList<>();
        space(closing != 0);
        while (!in.atEnd() && "|&)]\r\n".indexOf(in.peek(0)) < 0 && !arrow()) {
            parts.add(repeated());
            space(closing != 0);
        }
        return sequence(parts);
    }

    private boolean arrow() {
        return in.peekIs('-') && in.peek(1) == '>';
    }

    private static LarkNode sequence(List<LarkNode> parts) {
        return parts.size() == 1 ? parts.get(0) : new LarkNode.Sequence(List.copyOf(parts));
    }

    private LarkNode repeated() {
        LarkNode part = atom();
        int start = in.position();
        space(false);
        int at = in.position();
        if (in.take("*")) {
            return new LarkNode.Repetition(part, 0, UNBOUNDED);
        }
        if (in.take("+")) {
            return new LarkNode.Repetition(part, 1, UNBOUNDED);
        }
        if (in.take("?")) {
            return new LarkNode.Repetition(part, 0, 1);
        }
        int min;
        int max;
        if (in.take("~")) {
            space(false);
            if (!Character.isDigit(in.peek(0))) {
                // the negation of the next part
                in.reset(start);
                return part;
            }
            min = in.count();
            space(false);
            max = min;
            if (in.take("..")) {
                space(false);
                max = in.count();
            }
        } else if (in.take("{")) {
            space(false);
            min = in.peekIs(',') ? 0 : in.count();
            space(false);
            max = min;
            if (in.take(",")) {
                space(false);
                max = in.peekIs('}') ? UNBOUNDED : in.count();
                space(false);
            }
            in.expect("}");
        } else {
            in.reset(start);
            return part;
        }
        if (max < min) {
            throw in.error(at, "a repetition whose least count is above its greatest");
        }
        return new LarkNode.Repetition(part, min, max);
    }

    private LarkNode atom() {
        int start = in.position();
        char c = in.peek(0);
        if (c == '_' || Character.isLetter(c)) {
            return new LarkNode.Name(name(), start);
        }
        if (c == '(' || c == '[') {
            in.next();
            enter(start);
            LarkNode inner = alternatives(c == '(' ? ')' : ']');
            in.expect(c == '(' ? ")" : "]");
            depth--;
            return c == '(' ? inner : new LarkNode.Repetition(inner, 0, 1);
        }
        if (c == '~') {
            in.next();
            space(false);
            enter(start);
            LarkNode inner = atom();
            depth--;
            return new LarkNode.Not(inner, start);
        }
        if (c == '"') {
            return LarkLiterals.string(in);
        }
        if (c == '/') {
            return LarkLiterals.pattern(in);
        }
        if (keyword("%json")) {
            return new LarkNode.Json(json(), start);
        }
        if (c == '<') {
            throw in.error("tokens (<...>) are not supported; Expression.token names one");
        }
        if (c == '@' || c == '%') {
            in.next();
            word();
            throw in.error(start, in.since(start) + " is not supported");
        }
        throw in.error("expected a string, a regular expression, a name or a group");
    }

    private void enter(int start) {
        if (++depth > GrammarText.DEPTH_LIMIT) {
            throw in.error(start, "groups nest deeper than " + GrammarText.DEPTH_LIMIT);
        }
    }

    /** Reads JSON up to the bracket that closes the first; the schema's reader checks it. */
    private String json() {
        space(true);
        int start = in.position();
        if (!in.peekIs('{')) {
            throw in.error("expected a JSON object");
        }
        int open = 0;
        do {
            int c = in.next();
            open += c == '{' ? 1 : c == '}' ? -1 : 0;
            while (c == '"' && !in.take("\"")) {
                if (in.next() == '\\') {
                    in.next();
                }
            }
        } while (open > 0);
        return in.since(start);
    }

    /** Takes a keyword, and the space behind it. */
    private boolean keyword(String keyword) {
        int start = in.position();
        if (in.take(keyword) && !Character.isLetterOrDigit(in.peek(0))) {
            space(false);
            return true;
        }
        in.reset(start);
        return false;
    }

    /** Reads a name, of lower case for a rule or of upper case for a terminal. */
    private String name() {
        int start = in.position();
        String name = word();
        if (!name.matches("_?[a-z][a-z0-9_-]*|_?[A-Z][A-Z0-9_-]*")) {
            throw in.error(
                    start, "expected the name of a rule (lower case) or terminal (upper case)");
        }
        return name;
    }

    private String word() {
        int start = in.position();
        while (isWord(in.peek(0)) && !arrow()) {
            in.next();
        }
        return in.since(start);
    }

    private static boolean isWord(char c) {
        return (c < 128 && Character.isLetterOrDigit(c)) || c == '_' || c == '-';
    }

    private void space(boolean lines) {
        in.space(lines, "#", "//");
    }
}
