/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** An automaton with several ways at once: Thompson's construction. */
final class Nondeterministic {

    private record Edge(int to, CodePoints set) {}

    /** Limit on the sets of states, in words and elements. */
    private static final int MOST_WORK = 1 << 23;

    private final List<List<Edge>> edges = new ArrayList<>();
    private final List<List<Integer>> jumps = new ArrayList<>();
    private final int end;
    private int work;

    Nondeterministic(Regex regex) {
        end = build(regex, state());
    }

    private int state() {
        if (edges.size() > 4 * Automaton.MOST_STATES) {
            throw tooLarge();
        }
        edges.add(new ArrayList<>());
        jumps.add(new ArrayList<>());
        return edges.size() - 1;
    }

    private static IllegalArgumentException tooLarge() {
        return new IllegalArgumentException("its automaton is too large");
    }

    private void jump(int from, int to) {
        jumps.get(from).add(to);
    }

    /** Adds an expression that begins in a state, and returns the state in which it ends. */
    private int build(Regex regex, int from) {
        if (regex instanceof Regex.Chars one) {
            int to = state();
            edges.get(from).add(new Edge(to, one.set()));
            return to;
        }
        if (regex instanceof Regex.Concat sequence) {
            int at = from;
            for (Regex part : sequence.parts()) {
                at = build(part, at);
            }
            return at;
        }
        if (regex instanceof Regex.Union choice) {
            int to = state();
            for (Regex part : choice.options()) {
                int first = state();
                jump(from, first);
                jump(build(part, first), to);
            }
            return to;
        }
        return regex instanceof Regex.Repeat repeat
                ? repeat(repeat, from)
                : embed(Automaton.of(regex), from);
    }

    private int repeat(Regex.Repeat repeat, int from) {
        int at = from;
        for (int i = 0; i < repeat.min(); i++) {
            at = build(repeat.part(), at);
        }
        int to = state();
        jump(at, to);
        if (repeat.max() == Integer.MAX_VALUE) {
            int first = state();
            jump(to, first);
            jump(build(repeat.part(), first), to);
            return to;
        }
        for (int i = repeat.min(); i < repeat.max(); i++) {
            int first = state();
            jump(at, first);
            at = build(repeat.part(), first);
            jump(at, to);
        }
        return to;
    }

    private int embed(Automaton automaton, int from) {
        int to = state();
        int[] states = new int[automaton.states()];
        for (int i = 0; i < states.length; i++) {
            states[i] = state();
            if (automaton.accepting(i)) {
                jump(states[i], to);
            }
        }
        if (states.length > 0) {
            jump(from, states[0]);
        }
        for (int i = 0; i < states.length; i++) {
            int state = states[i];
            automaton
                    .transitions(i)
                    .forEach((next, set) -> edges.get(state).add(new Edge(states[next], set)));
        }
        return to;
    }

    private BitSet closure(BitSet states) {
        BitSet closed = (BitSet) states.clone();
        Deque<Integer> queue = new ArrayDeque<>();
        states.stream().forEach(queue::add);
        while (!queue.isEmpty()) {
            for (int to : jumps.get(queue.remove())) {
                if (!closed.get(to)) {
                    closed.set(to);
                    queue.add(to);
                }
            }
        }
        work += closed.cardinality() + closed.size() / Long.SIZE;
        if (work > MOST_WORK) {
            throw tooLarge();
        }
        return closed;
    }

    Automaton determine() {
        int[] cuts =
                Automaton.cuts(
                        edges.stream()
                                .flatMap(List::stream)
                                .map(Edge::set)
                                .distinct()
                                .toArray(CodePoints[]::new));
        BitSet first = new BitSet();
        first.set(0);
        Map<BitSet, Integer> numbers = new HashMap<>();
        List<BitSet> states = new ArrayList<>();
        Automaton.number(numbers, states, closure(first), cuts.length);
        List<int[]> next = new ArrayList<>();
        for (int i = 0; i < states.size(); i++) {
            BitSet[] to = new BitSet[cuts.length];
            states.get(i).stream()
                    .mapToObj(edges::get)
                    .flatMap(List::stream)
                    .forEach(edge -> follow(edge, cuts, to));
            int[] row = new int[cuts.length];
            for (int k = 0; k < cuts.length; k++) {
                row[k] =
                        to[k] == null
                                ? -1
                                : Automaton.number(numbers, states, closure(to[k]), cuts.length);
            }
            next.add(row);
        }
        boolean[] accepting = new boolean[states.size()];
        for (int i = 0; i < accepting.length; i++) {
            accepting[i] = states.get(i).get(end);
        }
        return new Automaton(cuts, next.toArray(new int[0][]), accepting).minimal();
    }

    private static void follow(Edge edge, int[] cuts, BitSet[] to) {
        int[] ranges = edge.set().ranges();
        for (int i = 0; i < ranges.length; i += 2) {
            int k = Arrays.binarySearch(cuts, ranges[i]);
            for (; k < cuts.length && cuts[k] <= ranges[i + 1]; k++) {
                if (to[k] == null) {
                    to[k] = new BitSet();
                }
                to[k].set(edge.to());
            }
        }
    }
}
