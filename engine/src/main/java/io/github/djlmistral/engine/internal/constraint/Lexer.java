/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** The automata of terminals, whose states are built when first needed. Not thread-safe. */
final class Lexer {

    private final ByteRegexes regexes;

    /** The number of expressions of the grammar itself. */
    private final int own;

    private final Derivatives derivatives;
    private final Map<IntKey, LexerState> states = new HashMap<>();
    private final Map<Integer, Integer> widened = new HashMap<>();

    /**
     * Makes a lexer without states.
     *
     * @param regexes the expressions of the grammar, to which derivatives are added
     */
    Lexer(ByteRegexes regexes) {
        this.regexes = regexes;
        own = regexes.size();
        derivatives = new Derivatives(regexes);
    }

    /** Returns a lexer of the same terminals without states. */
    Lexer renewed() {
        return new Lexer(new ByteRegexes(regexes, own));
    }

    /** Returns how many expressions and states were added, which take the memory. */
    int size() {
        return regexes.size() - own + states.size();
    }

    /** Returns a state of this lexer that is the same as one of a lexer that this renewed. */
    LexerState renewed(LexerState state) {
        if (state.lexer == this) {
            return state;
        }
        int[] rest =
                Arrays.stream(state.rest)
                        .map(i -> regexes.copy(state.lexer.regexes, i, own))
                        .toArray();
        return state(state.terminals, rest);
    }

    boolean isLive(int regex) {
        return derivatives.isLive(regex);
    }

    /**
     * Returns the state of terminals of which something has been read.
     *
     * @param terminals their numbers, ascending
     * @param rest by terminal: what may follow
     */
    LexerState state(int[] terminals, int[] rest) {
        int[] key = Arrays.copyOf(terminals, 2 * terminals.length);
        System.arraycopy(rest, 0, key, terminals.length, rest.length);
        return states.computeIfAbsent(new IntKey(key), unknown -> newState(terminals, rest));
    }

    private LexerState newState(int[] terminals, int[] rest) {
        int[] matched = new int[rest.length];
        int count = 0;
        boolean open = false;
        ByteGroups groups = ByteGroups.ONE;
        for (int i = 0; i < rest.length; i++) {
            if (regexes.isNullable(rest[i])) {
                matched[count++] = terminals[i];
            }
            groups = groups.refine(derivatives.groups(rest[i]));
            open = open || derivatives.hasNext(rest[i]);
        }
        return new LexerState(
                this, states.size(), terminals, rest, Arrays.copyOf(matched, count), open, groups);
    }

    /** Returns the state after a byte. */
    LexerState next(LexerState from, int b) {
        int group = from.groups.group((byte) b);
        LexerState known = from.next[group];
        if (known == null) {
            int[] terminals = new int[from.terminals.length];
            int[] rest = new int[terminals.length];
            int size = 0;
            for (int i = 0; i < terminals.length; i++) {
                int derivative = derivatives.of(from.rest[i], b);
                if (derivatives.isLive(derivative)) {
                    terminals[size] = from.terminals[i];
                    rest[size++] = derivative;
                }
            }
            known = state(Arrays.copyOf(terminals, size), Arrays.copyOf(rest, size));
            from.next[group] = known;
        }
        return known;
    }

    /**
     * Returns a state that decides alike on all texts in which up to {@code characters} characters
     * begin, and on whether they can go on, but whose counts above it are dropped: so {@code
     * [a-z]{0,1000}} and {@code [a-z]{0,999}} become the same, {@code [a-z]*}. A turn of a
     * repetition that is not empty begins with a character.
     *
     * @param characters the same at each call
     */
    LexerState widen(LexerState state, int characters) {
        int[] rest = Arrays.stream(state.rest).map(i -> widen(i, characters)).toArray();
        return state(state.terminals, rest);
    }

    private int widen(int regex, int characters) {
        // An intersection may be empty only because of a count.
        if (regexes.isHidden(regex)) {
            return regex;
        }
        Integer known = widened.get(regex);
        if (known == null) {
            known = computeWidened(regex, characters);
            widened.put(regex, known);
        }
        return known;
    }

    private int computeWidened(int regex, int characters) {
        int[] node = regexes.node(regex);
        return switch (regexes.kind(regex)) {
            case CONCAT -> {
                int result = ByteRegexes.EMPTY;
                int[] parts = regexes.parts(regex);
                for (int i = parts.length - 1; i >= 0; i--) {
                    result = regexes.concat(widen(parts[i], characters), result);
                }
                yield result;
            }
            case UNION -> {
                int[] options = Arrays.copyOfRange(node, 1, node.length);
                Arrays.setAll(options, i -> widen(options[i], characters));
                yield regexes.union(options);
            }
            case REPEAT -> {
                int max = node[3] > characters ? ByteRegexes.UNBOUNDED : node[3];
                yield regexes.repeat(
                        widen(node[1], characters), Math.min(node[2], characters + 1), max);
            }
            default -> regex;
        };
    }
}
