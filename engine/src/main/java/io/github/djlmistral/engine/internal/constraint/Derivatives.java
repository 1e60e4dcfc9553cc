/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;

/**
 * Derivatives of expressions (Brzozowski 1964). The derivative by a byte matches what may follow
 * the byte: of {@code ab*} by {@code a} it is {@code b*}. The derivatives of an expression are the
 * states of its automaton. Not thread-safe.
 */
final class Derivatives {

    /** How many derivatives are looked through for one that matches. */
    private static final int SEARCH_LIMIT = 200_000;

    private final ByteRegexes regexes;

    /** One byte of each class. */
    private final int[] bytes;

    /** By expression and byte. */
    private final LongMap known = new LongMap();

    // hidden expressions whose search is done
    private final BitSet live = new BitSet();
    private final BitSet dead = new BitSet();

    /**
     * Makes the derivatives of expressions.
     *
     * @param bytes one byte of each class
     */
    Derivatives(ByteRegexes regexes, int[] bytes) {
        this.regexes = regexes;
        this.bytes = bytes;
    }

    /** Returns what may follow a byte. */
    int of(int regex, int b) {
        long key = (long) regex << 8 | b;
        int derivative = known.get(key);
        if (derivative == LongMap.NONE) {
            derivative = derive(regexes.node(regex), b);
            known.put(key, derivative);
        }
        return derivative;
    }

    private int derive(int[] node, int b) {
        return switch (ByteRegexes.KINDS[node[0]]) {
            case NOTHING, EMPTY -> ByteRegexes.NOTHING;
            case BYTES -> ByteRegexes.contains(node, b) ? ByteRegexes.EMPTY : ByteRegexes.NOTHING;
            case CONCAT -> {
                int through = regexes.concat(of(node[1], b), node[2]);
                yield regexes.isNullable(node[1])
                        ? regexes.union(through, of(node[2], b))
                        : through;
            }
            case UNION -> regexes.union(ofAll(node, b));
            case AND -> regexes.and(ofAll(node, b));
            case NOT -> regexes.not(of(node[1], b));
            case REPEAT -> {
                int unbounded = ByteRegexes.UNBOUNDED;
                int max = node[3] == unbounded ? unbounded : node[3] - 1;
                int rest = regexes.repeat(node[1], Math.max(0, node[2] - 1), max);
                yield regexes.concat(of(node[1], b), rest);
            }
        };
    }

    private int[] ofAll(int[] node, int b) {
        int[] result = new int[node.length - 1];
        for (int i = 0; i < result.length; i++) {
            result[i] = of(node[i + 1], b);
        }
        return result;
    }

    /** Returns whether the expression matches any text that is not empty. */
    boolean hasNext(int regex) {
        if (!regexes.isHidden(regex)) {
            return regex != ByteRegexes.NOTHING && regex != ByteRegexes.EMPTY;
        }
        for (int b : bytes) {
            if (isLive(of(regex, b))) {
                return true;
            }
        }
        return false;
    }

    /** Returns whether the expression matches any text. */
    boolean isLive(int regex) {
        return seen(regex) || (!dead.get(regex) && regexes.isHidden(regex) && search(regex));
    }

    /** Whether the expression is seen to match something, without a search. */
    private boolean seen(int regex) {
        return regexes.isHidden(regex)
                ? regexes.isNullable(regex) || live.get(regex)
                : regex != ByteRegexes.NOTHING;
    }

    /** A derivative on the way from the one that is searched, and the classes that were tried. */
    private static final class Step {

        final int regex;
        int tried;

        Step(int regex) {
            this.regex = regex;
        }
    }

    /** Goes through the derivatives, depth first, to one that is seen to match. */
    private boolean search(int regex) {
        BitSet visited = new BitSet();
        Deque<Step> way = new ArrayDeque<>();
        way.push(new Step(regex));
        visited.set(regex);
        int count = 1;
        while (!way.isEmpty()) {
            Step step = way.element();
            if (step.tried == bytes.length) {
                way.pop();
                continue;
            }
            int next = of(step.regex, bytes[step.tried++]);
            if (seen(next)) {
                way.forEach(passed -> live.set(passed.regex));
                return true;
            }
            if (next != ByteRegexes.NOTHING && !dead.get(next) && !visited.get(next)) {
                if (++count > SEARCH_LIMIT) {
                    throw new IllegalArgumentException(
                            "an intersection or difference of regular expressions has more than "
                                    + SEARCH_LIMIT
                                    + " states: simplify it");
                }
                visited.set(next);
                way.push(new Step(next));
            }
        }
        dead.or(visited);
        return false;
    }
}
