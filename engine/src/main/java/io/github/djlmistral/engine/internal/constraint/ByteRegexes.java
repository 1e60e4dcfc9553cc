/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Regular expressions over bytes and their derivatives (Brzozowski 1964). Equal expressions are one
 * number; the constructors simplify, so that an expression has finitely many derivatives. Not
 * thread-safe.
 *
 * <p>The derivative of an expression by a byte matches what may follow the byte: of {@code ab*} by
 * {@code a} it is {@code b*}. The derivatives of an expression are the states of its automaton.
 */
@SuppressWarnings("EnumOrdinal") // nodes are integers, which no one else reads
final class ByteRegexes {

    /** Matches no text. */
    static final int NOTHING = 0;

    /** Matches the empty text. */
    static final int EMPTY = 1;

    private static final int UNBOUNDED = Integer.MAX_VALUE;

    /** How many derivatives are looked through for one that matches. */
    private static final int SEARCH_LIMIT = 200_000;

    private enum Kind {
        NOTHING,
        EMPTY,
        /** Eight words of 32 bits: one byte of a set. */
        BYTES,
        /** First, rest. */
        CONCAT,
        /** Two or more, ascending. */
        UNION,
        /** Two or more, ascending. */
        AND,
        /** One. */
        NOT,
        /** Part, min, max. */
        REPEAT
    }

    private static final Kind[] KINDS = Kind.values();

    private final Map<IntKey, Integer> ids = new HashMap<>();

    /** By expression: its kind's ordinal, and its arguments. */
    private final List<int[]> nodes = new ArrayList<>();

    /** By expression: whether it matches the empty text. */
    private final List<Boolean> nullable = new ArrayList<>();

    /** By expression: whether it is made of AND or NOT, and may match nothing unnoticed. */
    private final List<Boolean> hidden = new ArrayList<>();

    private final Map<Long, Integer> derivatives = new HashMap<>();
    private final Map<Integer, Boolean> live = new HashMap<>();
    private final Map<CodePoints, Integer> sets = new HashMap<>();
    private final IdentityHashMap<Regex, Integer> lowered = new IdentityHashMap<>();
    private final Map<Integer, Integer> widened = new HashMap<>();

    ByteRegexes() {
        intern(Kind.NOTHING);
        intern(Kind.EMPTY);
    }

    /** Returns the expression of a regular expression's UTF-8 bytes. */
    int of(Regex regex) {
        Integer known = lowered.get(regex);
        if (known == null) {
            known = lower(regex);
            lowered.put(regex, known);
        }
        return known;
    }

    private int lower(Regex regex) {
        if (regex instanceof Regex.Chars chars) {
            Integer known = sets.get(chars.set());
            if (known == null) {
                known = Utf8.bytes(this, chars.set());
                sets.put(chars.set(), known);
            }
            return known;
        }
        if (regex instanceof Regex.Concat concat) {
            int result = EMPTY;
            for (int i = concat.parts().size() - 1; i >= 0; i--) {
                result = concat(of(concat.parts().get(i)), result);
            }
            return result;
        }
        if (regex instanceof Regex.Union union) {
            return union(union.options().stream().mapToInt(this::of).toArray());
        }
        if (regex instanceof Regex.Repeat repeat) {
            return repeat(of(repeat.part()), repeat.min(), repeat.max());
        }
        if (regex instanceof Regex.Intersection both) {
            return and(of(both.left()), of(both.right()));
        }
        Regex.Difference difference = (Regex.Difference) regex;
        return and(of(difference.left()), not(of(difference.right())));
    }

    /** Returns one byte of {@code first} to {@code last}. */
    int bytes(int first, int last) {
        int[] set = new int[8];
        for (int b = first; b <= last; b++) {
            set[b >> 5] |= 1 << b;
        }
        return bytes(set);
    }

    private int bytes(int[] set) {
        for (int word : set) {
            if (word != 0) {
                return intern(Kind.BYTES, set);
            }
        }
        return NOTHING;
    }

    int concat(int first, int rest) {
        if (first == NOTHING || rest == NOTHING) {
            return NOTHING;
        }
        if (first == EMPTY) {
            return rest;
        }
        if (rest == EMPTY) {
            return first;
        }
        int[] parts = parts(first);
        int result = rest;
        for (int i = parts.length - 1; i >= 0; i--) {
            result = intern(Kind.CONCAT, parts[i], result);
        }
        return result;
    }

    /** Returns the parts of a concatenation, which is nested to the right, or the one part. */
    private int[] parts(int regex) {
        int[] result = new int[4];
        int size = 0;
        int rest = regex;
        while (rest >= 0) {
            boolean last = kind(rest) != Kind.CONCAT;
            result = size == result.length ? Arrays.copyOf(result, 2 * size) : result;
            result[size++] = last ? rest : nodes.get(rest)[1];
            rest = last ? -1 : nodes.get(rest)[2];
        }
        return Arrays.copyOf(result, size);
    }

    int union(int... options) {
        int only = NOTHING;
        boolean several = false;
        for (int option : options) {
            several |= option != NOTHING && only != NOTHING && option != only;
            only = option == NOTHING ? only : option;
        }
        return several ? unionOfSeveral(options) : only;
    }

    private int unionOfSeveral(int... options) {
        TreeSet<Integer> set = new TreeSet<>();
        int[] single = new int[8];
        flatten(Kind.UNION, options, set);
        set.remove(NOTHING);
        for (int option : List.copyOf(set)) {
            if (kind(option) == Kind.BYTES) {
                int[] node = nodes.get(option);
                for (int i = 0; i < 8; i++) {
                    single[i] |= node[i + 1];
                }
                set.remove(option);
            }
        }
        int bytes = bytes(single);
        if (bytes != NOTHING) {
            set.add(bytes);
        }
        int everything = intern(Kind.NOT, NOTHING);
        if (set.contains(everything)) {
            return everything;
        }
        if (set.contains(EMPTY) && set.stream().anyMatch(i -> i != EMPTY && nullable.get(i))) {
            set.remove(EMPTY);
        }
        return several(Kind.UNION, set, NOTHING);
    }

    int and(int... parts) {
        TreeSet<Integer> set = new TreeSet<>();
        flatten(Kind.AND, parts, set);
        int everything = intern(Kind.NOT, NOTHING);
        set.remove(everything);
        if (set.contains(NOTHING)) {
            return NOTHING;
        }
        if (set.contains(EMPTY)) {
            return set.stream().allMatch(nullable::get) ? EMPTY : NOTHING;
        }
        return several(Kind.AND, set, everything);
    }

    int not(int part) {
        return kind(part) == Kind.NOT ? nodes.get(part)[1] : intern(Kind.NOT, part);
    }

    int repeat(int part, int min, int max) {
        int least = nullable.get(part) ? 0 : min;
        if (max == 0 || part == EMPTY) {
            return EMPTY;
        }
        if (part == NOTHING) {
            return least == 0 ? EMPTY : NOTHING;
        }
        if (max == 1 && (least == 1 || nullable.get(part))) {
            return part;
        }
        if (least == 0 && max == UNBOUNDED && isStar(part)) {
            return part;
        }
        return intern(Kind.REPEAT, part, least, max);
    }

    private boolean isStar(int part) {
        int[] node = nodes.get(part);
        return kind(part) == Kind.REPEAT && node[2] == 0 && node[3] == UNBOUNDED;
    }

    private void flatten(Kind kind, int[] parts, Set<Integer> result) {
        for (int part : parts) {
            int[] node = nodes.get(part);
            if (node[0] == kind.ordinal()) {
                for (int i = 1; i < node.length; i++) {
                    result.add(node[i]);
                }
            } else {
                result.add(part);
            }
        }
    }

    private int several(Kind kind, SortedSet<Integer> set, int none) {
        if (set.isEmpty()) {
            return none;
        }
        return set.size() == 1
                ? set.first()
                : intern(kind, set.stream().mapToInt(Integer::intValue).toArray());
    }

    private Kind kind(int regex) {
        return KINDS[nodes.get(regex)[0]];
    }

    private int intern(Kind kind, int... arguments) {
        int[] node = new int[arguments.length + 1];
        node[0] = kind.ordinal();
        System.arraycopy(arguments, 0, node, 1, arguments.length);
        IntKey key = new IntKey(node);
        Integer known = ids.get(key);
        if (known != null) {
            return known;
        }
        int id = nodes.size();
        ids.put(key, id);
        nodes.add(node);
        nullable.add(computeNullable(kind, arguments));
        hidden.add(computeHidden(kind, arguments));
        return id;
    }

    private boolean computeNullable(Kind kind, int[] arguments) {
        return switch (kind) {
            case NOTHING, BYTES -> false;
            case EMPTY -> true;
            case CONCAT, AND -> Arrays.stream(arguments).allMatch(nullable::get);
            case UNION -> Arrays.stream(arguments).anyMatch(nullable::get);
            case NOT -> !nullable.get(arguments[0]);
            case REPEAT -> arguments[1] == 0 || nullable.get(arguments[0]);
        };
    }

    private boolean computeHidden(Kind kind, int[] arguments) {
        return switch (kind) {
            case NOTHING, EMPTY, BYTES -> false;
            case CONCAT, UNION -> Arrays.stream(arguments).anyMatch(hidden::get);
            case AND, NOT -> true;
            case REPEAT -> hidden.get(arguments[0]);
        };
    }

    boolean isNullable(int regex) {
        return nullable.get(regex);
    }

    /** Returns the class of each byte: bytes of a class are alike to all expressions so far. */
    int[] byteClasses() {
        int[] classes = new int[256];
        int count = 1;
        for (int[] node : nodes) {
            if (node[0] == Kind.BYTES.ordinal()) {
                Map<Integer, Integer> split = new HashMap<>();
                int[] size = new int[count];
                int[] inside = new int[count];
                for (int b = 0; b < 256; b++) {
                    size[classes[b]]++;
                    inside[classes[b]] += contains(node, b) ? 1 : 0;
                }
                for (int b = 0; b < 256; b++) {
                    int old = classes[b];
                    if (contains(node, b) && inside[old] < size[old]) {
                        Integer fresh = split.get(old);
                        if (fresh == null) {
                            fresh = count++;
                            split.put(old, fresh);
                        }
                        classes[b] = fresh;
                    }
                }
            }
        }
        return classes;
    }

    private static boolean contains(int[] node, int b) {
        return (node[1 + (b >> 5)] >>> b & 1) != 0;
    }

    void forgetDerivatives() {
        derivatives.clear();
    }

    /** Returns what may follow a byte. */
    int derivative(int regex, int b) {
        long key = (long) regex << 8 | b;
        Integer known = derivatives.get(key);
        if (known == null) {
            known = derive(nodes.get(regex), b);
            derivatives.put(key, known);
        }
        return known;
    }

    private int derive(int[] node, int b) {
        return switch (KINDS[node[0]]) {
            case NOTHING, EMPTY -> NOTHING;
            case BYTES -> contains(node, b) ? EMPTY : NOTHING;
            case CONCAT -> {
                int through = concat(derivative(node[1], b), node[2]);
                yield nullable.get(node[1]) ? union(through, derivative(node[2], b)) : through;
            }
            case UNION -> union(derivativesOf(node, b));
            case AND -> and(derivativesOf(node, b));
            case NOT -> not(derivative(node[1], b));
            case REPEAT -> {
                int max = node[3] == UNBOUNDED ? UNBOUNDED : node[3] - 1;
                int rest = repeat(node[1], Math.max(0, node[2] - 1), max);
                yield concat(derivative(node[1], b), rest);
            }
        };
    }

    private int[] derivativesOf(int[] node, int b) {
        int[] result = new int[node.length - 1];
        for (int i = 0; i < result.length; i++) {
            result[i] = derivative(node[i + 1], b);
        }
        return result;
    }

    /** Returns whether the expression matches any text that is not empty. */
    boolean hasNext(int regex, int[] bytes) {
        if (!hidden.get(regex)) {
            return regex != NOTHING && regex != EMPTY;
        }
        return Arrays.stream(bytes).anyMatch(b -> isLive(derivative(regex, b), bytes));
    }

    /**
     * Returns an expression that decides alike on all texts in which up to {@code characters}
     * characters begin, and on whether they can go on, but whose counts above it are dropped: so
     * {@code [a-z]{0,1000}} and {@code [a-z]{0,999}} become the same, {@code [a-z]*}. A turn of a
     * repetition that is not empty begins with a character.
     *
     * @param characters the same at each call
     */
    int widen(int regex, int characters) {
        // An intersection may be empty only because of a count.
        if (hidden.get(regex)) {
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
        int[] node = nodes.get(regex);
        return switch (kind(regex)) {
            case CONCAT -> {
                int result = EMPTY;
                int[] parts = parts(regex);
                for (int i = parts.length - 1; i >= 0; i--) {
                    result = concat(widen(parts[i], characters), result);
                }
                yield result;
            }
            case UNION -> {
                int[] options = Arrays.copyOfRange(node, 1, node.length);
                Arrays.setAll(options, i -> widen(options[i], characters));
                yield union(options);
            }
            case REPEAT -> {
                int max = node[3] > characters ? UNBOUNDED : node[3];
                yield repeat(widen(node[1], characters), Math.min(node[2], characters + 1), max);
            }
            default -> regex;
        };
    }

    /**
     * Returns whether the expression matches any text.
     *
     * @param bytes one byte of each class
     */
    boolean isLive(int regex, int[] bytes) {
        if (!hidden.get(regex)) {
            return regex != NOTHING;
        }
        Boolean known = live.get(regex);
        if (known != null) {
            return known;
        }
        Map<Integer, Integer> cameFrom = new HashMap<>();
        Deque<Integer> queue = new ArrayDeque<>();
        cameFrom.put(regex, -1);
        queue.add(regex);
        while (!queue.isEmpty()) {
            int next = queue.removeLast();
            if (nullable.get(next)
                    || live.getOrDefault(next, false)
                    || (!hidden.get(next) && next != NOTHING)) {
                for (int i = next; i >= 0; i = cameFrom.getOrDefault(i, -1)) {
                    live.put(i, true);
                }
                return true;
            }
            if (cameFrom.size() > SEARCH_LIMIT) {
                throw new IllegalStateException(
                        "an intersection or difference of regular expressions has more than "
                                + SEARCH_LIMIT
                                + " states: simplify it");
            }
            if (live.getOrDefault(next, true)) {
                for (int b : bytes) {
                    int follower = derivative(next, b);
                    if (cameFrom.putIfAbsent(follower, next) == null) {
                        queue.addLast(follower);
                    }
                }
            }
        }
        cameFrom.keySet().forEach(i -> live.put(i, false));
        return false;
    }
}
