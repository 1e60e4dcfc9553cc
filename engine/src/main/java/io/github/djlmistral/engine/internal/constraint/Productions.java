/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The productions of a context-free grammar over terminals that are regular expressions. A symbol
 * is a number: rule r is r, terminal t is {@code ~t}.
 *
 * <p>A production is a sequence of symbols, or one symbol repeated. The repetition has no
 * productions of its own, so that a count of a thousand costs as much as a count of one: the dot of
 * an item counts.
 */
public final class Productions {

    /** No symbol. */
    static final int NONE = Integer.MIN_VALUE;

    private static final int UNBOUNDED = Integer.MAX_VALUE;

    /** One production. In a repetition, {@code symbols} is the one symbol, and max is above -1. */
    @SuppressWarnings("ArrayRecordComponent") // internal, never compared
    private record Production(int rule, int[] symbols, int min, int max) {
        boolean repeats() {
            return max >= 0;
        }
    }

    /**
     * The terminals' expressions; none any more when frozen, since derivatives are added to them.
     */
    ByteRegexes regexes = new ByteRegexes();

    private final Map<Integer, Integer> terminals = new HashMap<>();
    private final List<Integer> terminalRegexes = new ArrayList<>();
    private final List<Production> productions = new ArrayList<>();
    private int rules;

    private boolean[] nullable = {};
    private int[][] productionsOf = {};

    /** Returns a new rule without productions. */
    public int rule() {
        return rules++;
    }

    /** Returns the symbol of a regular expression. */
    public int terminal(Regex regex) {
        return terminal(regexes.of(regex));
    }

    /** Returns the symbol of a control token. */
    public int token(int id) {
        int bytes = ByteRegexes.EMPTY;
        byte[] code = TokenTrie.control(id);
        for (int i = code.length - 1; i >= 0; i--) {
            bytes = regexes.concat(regexes.bytes(code[i] & 0xFF, code[i] & 0xFF), bytes);
        }
        return terminal(bytes);
    }

    private int terminal(int bytes) {
        Integer symbol = terminals.get(bytes);
        if (symbol == null) {
            symbol = ~terminalRegexes.size();
            terminalRegexes.add(bytes);
            // A terminal of an item is at least a byte; the empty text is the grammar's business.
            if (regexes.isNullable(bytes)) {
                int optional = rule();
                repetition(optional, symbol, 0, 1);
                symbol = optional;
            }
            terminals.put(bytes, symbol);
        }
        return symbol;
    }

    /** Adds a production of symbols in order. */
    public void sequence(int rule, int... symbols) {
        productions.add(new Production(rule, symbols.clone(), 0, -1));
    }

    /** Adds a production of a symbol repeated. */
    public void repetition(int rule, int symbol, int min, int max) {
        productions.add(new Production(rule, new int[] {symbol}, min, max));
    }

    /**
     * Drops what cannot be part of a text, and makes the tables.
     *
     * @param lexer tells what terminals match any text
     * @return whether the rule matches any text
     */
    boolean freeze(int start, Lexer lexer) {
        boolean[] productive = fixpoint(false, lexer);
        productions.replaceAll(
                p ->
                        p.repeats() && p.min == 0 && !productive(p.symbols[0], productive, lexer)
                                ? new Production(p.rule, new int[0], 0, -1)
                                : p);
        productions.removeIf(
                p ->
                        !Arrays.stream(p.symbols)
                                .allMatch(symbol -> productive(symbol, productive, lexer)));
        nullable = fixpoint(true, lexer);
        productions.replaceAll(
                p ->
                        p.repeats() && isNullable(p.symbols[0])
                                ? new Production(p.rule, p.symbols, 0, p.max)
                                : p);
        List<List<Integer>> byRule = new ArrayList<>();
        for (int rule = 0; rule < rules; rule++) {
            byRule.add(new ArrayList<>());
        }
        for (int i = 0; i < productions.size(); i++) {
            byRule.get(productions.get(i).rule).add(i);
        }
        productionsOf =
                byRule.stream()
                        .map(list -> list.stream().mapToInt(Integer::intValue).toArray())
                        .toArray(int[][]::new);
        regexes = new ByteRegexes();
        return productive[start];
    }

    /** Returns which rules match the empty text, or any text. */
    private boolean[] fixpoint(boolean empty, Lexer lexer) {
        boolean[] result = new boolean[rules];
        boolean changed;
        do {
            changed = false;
            for (Production p : productions) {
                if (!result[p.rule]
                        && ((p.repeats() && p.min == 0)
                                || Arrays.stream(p.symbols)
                                        .allMatch(
                                                symbol ->
                                                        symbol < 0
                                                                ? !empty && isLive(symbol, lexer)
                                                                : result[symbol]))) {
                    result[p.rule] = true;
                    changed = true;
                }
            }
        } while (changed);
        return result;
    }

    private boolean productive(int symbol, boolean[] rulesThatAre, Lexer lexer) {
        return symbol < 0 ? isLive(symbol, lexer) : rulesThatAre[symbol];
    }

    private boolean isLive(int terminal, Lexer lexer) {
        return lexer.isLive(regex(~terminal));
    }

    /** Returns the byte expression of terminal t. */
    int regex(int t) {
        return terminalRegexes.get(t);
    }

    boolean isNullable(int symbol) {
        return symbol >= 0 && nullable[symbol];
    }

    int[] of(int rule) {
        return productionsOf[rule];
    }

    int ruleOf(int production) {
        return productions.get(production).rule;
    }

    /** Returns the symbol after the dot, or {@link #NONE}. */
    int next(int production, int dot) {
        Production p = productions.get(production);
        if (p.repeats()) {
            return p.max == UNBOUNDED || dot < p.max ? p.symbols[0] : NONE;
        }
        return dot < p.symbols.length ? p.symbols[dot] : NONE;
    }

    /** Returns the dot behind the next symbol. */
    int advance(int production, int dot) {
        Production p = productions.get(production);
        return p.repeats() && p.max == UNBOUNDED ? Math.min(dot + 1, p.min) : dot + 1;
    }

    boolean isComplete(int production, int dot) {
        Production p = productions.get(production);
        return p.repeats() ? dot >= p.min : dot == p.symbols.length;
    }

    /** Whether the next symbol may be empty and the dot must move for that. */
    boolean skips(int production, int dot) {
        Production p = productions.get(production);
        return !p.repeats() && isNullable(next(production, dot));
    }
}
