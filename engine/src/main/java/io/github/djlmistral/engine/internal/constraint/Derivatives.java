/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Derivatives of expressions (Brzozowski 1964). The derivative by a byte matches what may follow
 * the byte: of {@code ab*} by {@code a} it is {@code b*}. The derivatives of an expression are the
 * states of its automaton. Not thread-safe.
 */
final class Derivatives {

    /** How many derivatives are looked through for one that matches. */
    private static final int SEARCH_LIMIT = 200_000;

    private final ByteRegexes regexes;

    /** By expression, null where not known. */
    private @Nullable Row[] rows = new @Nullable Row[64];

    // hidden expressions whose search is done
    private final BitSet live = new BitSet();
    private final BitSet dead = new BitSet();

    /** The derivatives of an expression by each group of bytes, -1 where not known. */
    private static final class Row {

        final ByteGroups groups;
        final int[] derivatives;

        Row(ByteGroups groups) {
            this.groups = groups;
            derivatives = new int[groups.count()];
            Arrays.fill(derivatives, -1);
        }
    }

    Derivatives(ByteRegexes regexes) {
        this.regexes = regexes;
    }

    /** Returns the groups of bytes by which the derivatives of an expression are the same. */
    ByteGroups groups(int regex) {
        return row(regex).groups;
    }

    private Row row(int regex) {
        Row known = regex < rows.length ? rows[regex] : null;
        if (known == null) {
            known = new Row(computeGroups(regexes.node(regex)));
            if (regex >= rows.length) {
                rows = Arrays.copyOf(rows, Math.max(regex + 1, 2 * rows.length));
            }
            rows[regex] = known;
        }
        return known;
    }

    private ByteGroups computeGroups(int[] node) {
        return switch (ByteRegexes.KINDS[node[0]]) {
            case NOTHING, EMPTY -> ByteGroups.ONE;
            case BYTES -> ByteGroups.of(node);
            case CONCAT ->
                    regexes.isNullable(node[1])
                            ? groups(node[1]).refine(groups(node[2]))
                            : groups(node[1]);
            case NOT, REPEAT -> groups(node[1]);
            case UNION, AND -> {
                ByteGroups all = ByteGroups.ONE;
                for (int i = 1; i < node.length; i++) {
                    all = all.refine(groups(node[i]));
                }
                yield all;
            }
        };
    }

    /** Returns what may follow a byte. */
    int of(int regex, int b) {
        Row row = row(regex);
        int group = row.groups.group((byte) b);
        if (row.derivatives[group] < 0) {
            row.derivatives[group] = derive(regexes.node(regex), b);
        }
        return row.derivatives[group];
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
        ByteGroups groups = groups(regex);
        for (int i = 0; i < groups.count(); i++) {
            if (isLive(of(regex, groups.first(i)))) {
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

    /**
     * A derivative on the way from the one that is searched, and the groups of bytes that were
     * tried.
     */
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
            ByteGroups groups = groups(step.regex);
            if (step.tried == groups.count()) {
                way.pop();
                continue;
            }
            int next = of(step.regex, groups.first(step.tried++));
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
