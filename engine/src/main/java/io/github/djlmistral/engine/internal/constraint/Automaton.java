/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A minimal deterministic automaton over code points. A state that cannot reach the end is absent:
 * an automaton that accepts nothing has no states, so that {@link #isEmpty} is exact.
 */
final class Automaton {

    /** Limit on states, which bounds the time and memory of hostile patterns. */
    static final int MOST_STATES = 1 << 15;

    /** Limit on transitions. */
    private static final int MOST_TRANSITIONS = 1 << 22;

    /** Limit on transitions that are looked at to minimize. */
    private static final int MOST_WORK = 1 << 27;

    /** The language without strings. */
    static final Automaton NONE = new Automaton(new int[] {0}, new int[0][], new boolean[0]);

    // class i of the code points is [cuts[i], cuts[i + 1]); next[state][class], -1 for none
    private final int[] cuts;
    private final int[][] next;
    private final boolean[] accepting;

    Automaton(int[] cuts, int[][] next, boolean[] accepting) {
        this.cuts = cuts;
        this.next = next;
        this.accepting = accepting;
    }

    /**
     * The strings that a regular expression matches.
     *
     * @throws IllegalArgumentException if that takes too many states
     */
    static Automaton of(Regex regex) {
        if (regex instanceof Regex.Intersection both) {
            return of(both.left()).and(of(both.right()));
        }
        if (regex instanceof Regex.Difference difference) {
            return of(difference.left()).minus(of(difference.right()));
        }
        return new Nondeterministic(regex).determine();
    }

    /**
     * Makes an automaton of a transition function.
     *
     * @param alphabet the characters that occur
     * @param start the first state
     * @param step the next state, or null if there is none
     * @param accept whether the text may end
     */
    static <S> Automaton explore(
            String alphabet,
            S start,
            BiFunction<S, Character, @Nullable S> step,
            Predicate<S> accept) {
        int[] cuts = cuts(alphabet.chars().mapToObj(CodePoints::of).toArray(CodePoints[]::new));
        Map<S, Integer> numbers = new HashMap<>();
        List<S> states = new ArrayList<>();
        numbers.put(start, 0);
        states.add(start);
        List<int[]> next = new ArrayList<>();
        for (int i = 0; i < states.size(); i++) {
            int[] row = new int[cuts.length];
            for (int k = 0; k < cuts.length; k++) {
                S to =
                        alphabet.indexOf(cuts[k]) < 0
                                ? null
                                : step.apply(states.get(i), (char) cuts[k]);
                row[k] = to == null ? -1 : number(numbers, states, to, cuts.length);
            }
            next.add(row);
        }
        boolean[] accepting = new boolean[states.size()];
        for (int i = 0; i < accepting.length; i++) {
            accepting[i] = accept.test(states.get(i));
        }
        return new Automaton(cuts, next.toArray(new int[0][]), accepting).minimal();
    }

    /**
     * Returns the number of a state, a new one if it is new.
     *
     * @param classes the number of transitions of a state
     */
    static <S> int number(Map<S, Integer> numbers, List<S> states, S state, int classes) {
        Integer known = numbers.get(state);
        if (known != null) {
            return known;
        }
        int most = Math.min(MOST_STATES, MOST_TRANSITIONS / classes);
        if (states.size() == most) {
            throw new IllegalArgumentException("its automaton has more than " + most + " states");
        }
        numbers.put(state, states.size());
        states.add(state);
        return states.size() - 1;
    }

    boolean isEmpty() {
        return next.length == 0;
    }

    int states() {
        return next.length;
    }

    boolean accepting(int state) {
        return accepting[state];
    }

    /** The transitions of a state, by the state they lead to, in the order of code points. */
    Map<Integer, CodePoints> transitions(int state) {
        Map<Integer, CodePoints> found = new LinkedHashMap<>();
        for (int k = 0; k < cuts.length; k++) {
            int to = next[state][k];
            if (to >= 0) {
                int last = k + 1 < cuts.length ? cuts[k + 1] - 1 : Character.MAX_CODE_POINT;
                CodePoints set = CodePoints.range(cuts[k], last);
                if (!set.isEmpty()) {
                    found.merge(to, set, CodePoints::union);
                }
            }
        }
        return found;
    }

    boolean accepts(String text) {
        int state = isEmpty() ? -1 : 0;
        for (int i = 0; i < text.length() && state >= 0; ) {
            int c = text.codePointAt(i);
            int at = Arrays.binarySearch(cuts, c);
            state = next[state][at >= 0 ? at : -at - 2];
            i += Character.charCount(c);
        }
        return state >= 0 && accepting[state];
    }

    Automaton and(Automaton other) {
        return product(other, true);
    }

    Automaton minus(Automaton other) {
        return product(other, false);
    }

    /** The strings of this one that are strings of the other one as well, or are not. */
    private Automaton product(Automaton other, boolean both) {
        TreeSet<Integer> all = new TreeSet<>();
        Arrays.stream(cuts).forEach(all::add);
        Arrays.stream(other.cuts).forEach(all::add);
        int[] merged = all.stream().mapToInt(i -> i).toArray();
        Map<Long, Integer> numbers = new HashMap<>();
        List<Long> states = new ArrayList<>();
        long start = pair(isEmpty() ? -1 : 0, other.isEmpty() ? -1 : 0);
        number(numbers, states, start, merged.length);
        List<int[]> rows = new ArrayList<>();
        for (int i = 0; i < states.size(); i++) {
            int a = (int) (states.get(i) >> 32);
            int b = (int) (long) states.get(i);
            int[] row = new int[merged.length];
            for (int k = 0, m = 0, n = 0; k < merged.length; k++) {
                while (m + 1 < cuts.length && cuts[m + 1] <= merged[k]) {
                    m++;
                }
                while (n + 1 < other.cuts.length && other.cuts[n + 1] <= merged[k]) {
                    n++;
                }
                int c = a < 0 ? -1 : next[a][m];
                int d = b < 0 ? -1 : other.next[b][n];
                boolean dead = c < 0 || (both && d < 0);
                row[k] = dead ? -1 : number(numbers, states, pair(c, d), merged.length);
            }
            rows.add(row);
        }
        boolean[] accept = new boolean[states.size()];
        for (int i = 0; i < accept.length; i++) {
            int a = (int) (states.get(i) >> 32);
            int b = (int) (long) states.get(i);
            boolean inOther = b >= 0 && other.accepting[b];
            accept[i] = a >= 0 && accepting[a] && inOther == both;
        }
        return new Automaton(merged, rows.toArray(new int[0][]), accept).minimal();
    }

    private static long pair(int a, int b) {
        return ((long) a << 32) | (b & 0xFFFFFFFFL);
    }

    /** Removes states without a way to the end, then merges equal states (Moore's algorithm). */
    Automaton minimal() {
        boolean[] live = live();
        if (live.length == 0 || !live[0]) {
            return NONE;
        }
        int count = next.length;
        int[] group = new int[count];
        for (int i = 0; i < count; i++) {
            group[i] = !live[i] ? -1 : accepting[i] ? 1 : 0;
        }
        int groups = -1;
        long work = 0;
        while (true) {
            work += (long) count * cuts.length;
            if (work > MOST_WORK) {
                throw new IllegalArgumentException("its automaton is too large");
            }
            Map<IntKey, Integer> keys = new HashMap<>();
            int[] refined = new int[count];
            for (int i = 0; i < count; i++) {
                if (group[i] < 0) {
                    refined[i] = -1;
                    continue;
                }
                int[] key = new int[cuts.length + 1];
                key[0] = group[i];
                for (int k = 0; k < cuts.length; k++) {
                    key[k + 1] = next[i][k] < 0 ? -1 : group[next[i][k]];
                }
                refined[i] = keys.computeIfAbsent(new IntKey(key), unused -> keys.size());
            }
            group = refined;
            if (keys.size() == groups) {
                break;
            }
            groups = keys.size();
        }
        return grouped(group, groups);
    }

    // numbers the groups breadth-first from the start, and joins classes that no state tells apart
    private Automaton grouped(int[] group, int groups) {
        int[] sample = new int[groups];
        for (int i = group.length - 1; i >= 0; i--) {
            if (group[i] >= 0) {
                sample[group[i]] = i;
            }
        }
        int[] order = new int[groups];
        Arrays.fill(order, -1);
        List<Integer> queue = new ArrayList<>();
        order[group[0]] = 0;
        queue.add(group[0]);
        List<int[]> rows = new ArrayList<>();
        for (int q = 0; q < queue.size(); q++) {
            int[] row = new int[cuts.length];
            for (int k = 0; k < cuts.length; k++) {
                int to = next[sample[queue.get(q)]][k];
                int target = to < 0 ? -1 : group[to];
                if (target >= 0 && order[target] < 0) {
                    order[target] = queue.size();
                    queue.add(target);
                }
                row[k] = target < 0 ? -1 : order[target];
            }
            rows.add(row);
        }
        boolean[] accept = new boolean[queue.size()];
        for (int q = 0; q < accept.length; q++) {
            accept[q] = accepting[sample[queue.get(q)]];
        }
        int[] kept = new int[cuts.length];
        int length = 0;
        for (int k = 0; k < cuts.length; k++) {
            int column = k;
            boolean same = k > 0 && rows.stream().allMatch(row -> row[column] == row[column - 1]);
            if (!same) {
                kept[length++] = k;
            }
        }
        int[] columns = Arrays.copyOf(kept, length);
        return new Automaton(
                Arrays.stream(columns).map(k -> cuts[k]).toArray(),
                rows.stream()
                        .map(row -> Arrays.stream(columns).map(k -> row[k]).toArray())
                        .toArray(int[][]::new),
                accept);
    }

    private boolean[] live() {
        List<List<Integer>> before = new ArrayList<>();
        for (int i = 0; i < next.length; i++) {
            before.add(new ArrayList<>());
        }
        for (int i = 0; i < next.length; i++) {
            for (int to : next[i]) {
                if (to >= 0) {
                    before.get(to).add(i);
                }
            }
        }
        boolean[] live = new boolean[next.length];
        Deque<Integer> queue = new ArrayDeque<>();
        for (int i = 0; i < next.length; i++) {
            if (accepting[i]) {
                live[i] = true;
                queue.add(i);
            }
        }
        while (!queue.isEmpty()) {
            for (int from : before.get(queue.remove())) {
                if (!live[from]) {
                    live[from] = true;
                    queue.add(from);
                }
            }
        }
        return live;
    }

    /** The borders of the ranges of sets, and 0. */
    static int[] cuts(CodePoints... sets) {
        TreeSet<Integer> cuts = new TreeSet<>(List.of(0));
        for (CodePoints set : sets) {
            int[] ranges = set.ranges();
            for (int i = 0; i < ranges.length; i += 2) {
                cuts.add(ranges[i]);
                if (ranges[i + 1] < Character.MAX_CODE_POINT) {
                    cuts.add(ranges[i + 1] + 1);
                }
            }
        }
        return cuts.stream().mapToInt(i -> i).toArray();
    }
}
