/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Regular expressions over bytes. Equal expressions are one number; the constructors simplify, so
 * that an expression has finitely many {@link Derivatives}. Not thread-safe.
 */
@SuppressWarnings("EnumOrdinal") // nodes are integers, which no one else reads
final class ByteRegexes {

    /** Matches no text. */
    static final int NOTHING = 0;

    /** Matches the empty text. */
    static final int EMPTY = 1;

    static final int UNBOUNDED = Integer.MAX_VALUE;

    enum Kind {
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

    static final Kind[] KINDS = Kind.values();

    /**
     * Limit on expressions, each of about 200 bytes. What a grammar is made of is far less; an
     * expression has few derivatives, but one with an intersection may have very many.
     */
    private static final int MOST = 1 << 19;

    private final Map<IntKey, Integer> ids = new HashMap<>();

    /** By expression: its kind's ordinal, and its arguments. */
    private final List<int[]> nodes = new ArrayList<>();

    /** The expressions that match the empty text. */
    private final BitSet nullable = new BitSet();

    /** The expressions that are made of AND or NOT, and may match nothing unnoticed. */
    private final BitSet hidden = new BitSet();

    private final Map<CodePoints, Integer> sets = new HashMap<>();
    private final IdentityHashMap<Regex, Integer> lowered = new IdentityHashMap<>();

    ByteRegexes() {
        intern(Kind.NOTHING);
        intern(Kind.EMPTY);
    }

    /** Copies the first expressions of others, which keep their numbers. */
    ByteRegexes(ByteRegexes others, int size) {
        for (int[] node : others.nodes.subList(0, size)) {
            intern(KINDS[node[0]], Arrays.copyOfRange(node, 1, node.length));
        }
    }

    int size() {
        return nodes.size();
    }

    /**
     * Adds an expression of others, of which the first {@code same} are the same here.
     *
     * @return its number here
     */
    int copy(ByteRegexes others, int regex, int same) {
        BitSet parts = new BitSet();
        parts.set(regex);
        Map<Integer, Integer> copies = new HashMap<>();
        // parts have smaller numbers than what is made of them
        for (int i = regex; i >= same; i = parts.previousSetBit(i - 1)) {
            int[] node = others.nodes.get(i);
            for (int k = 1; k <= partCount(node); k++) {
                parts.set(node[k]);
            }
        }
        for (int i = parts.nextSetBit(same); i >= 0; i = parts.nextSetBit(i + 1)) {
            int[] node = others.nodes.get(i).clone();
            Kind kind = KINDS[node[0]];
            int count = partCount(node);
            for (int k = 1; k <= count; k++) {
                node[k] = copies.getOrDefault(node[k], node[k]);
            }
            Arrays.sort(node, 1, kind == Kind.UNION || kind == Kind.AND ? count + 1 : 1);
            copies.put(i, intern(kind, Arrays.copyOfRange(node, 1, node.length)));
        }
        return copies.getOrDefault(regex, regex);
    }

    /** Returns how many arguments are expressions, the first ones. */
    private static int partCount(int[] node) {
        return switch (KINDS[node[0]]) {
            case NOTHING, EMPTY, BYTES -> 0;
            case REPEAT -> 1;
            case CONCAT, UNION, AND, NOT -> node.length - 1;
        };
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
    int[] parts(int regex) {
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

    Kind kind(int regex) {
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
        if (id == MOST) {
            throw new IllegalArgumentException(
                    "the regular expressions, or the strings of a schema, have more than "
                            + MOST
                            + " states: simplify them");
        }
        ids.put(key, id);
        nodes.add(node);
        nullable.set(id, computeNullable(kind, arguments));
        hidden.set(id, computeHidden(kind, arguments));
        return id;
    }

    private boolean computeNullable(Kind kind, int[] arguments) {
        return switch (kind) {
            case NOTHING, BYTES -> false;
            case EMPTY -> true;
            case CONCAT, AND -> count(nullable, arguments) == arguments.length;
            case UNION -> count(nullable, arguments) > 0;
            case NOT -> !nullable.get(arguments[0]);
            case REPEAT -> arguments[1] == 0 || nullable.get(arguments[0]);
        };
    }

    private boolean computeHidden(Kind kind, int[] arguments) {
        return switch (kind) {
            case NOTHING, EMPTY, BYTES -> false;
            case CONCAT, UNION -> count(hidden, arguments) > 0;
            case AND, NOT -> true;
            case REPEAT -> hidden.get(arguments[0]);
        };
    }

    private static int count(BitSet set, int[] expressions) {
        int count = 0;
        for (int expression : expressions) {
            count += set.get(expression) ? 1 : 0;
        }
        return count;
    }

    boolean isNullable(int regex) {
        return nullable.get(regex);
    }

    /** Returns whether only a search tells if the expression matches any text. */
    boolean isHidden(int regex) {
        return hidden.get(regex);
    }

    /** Returns the kind's ordinal and the arguments. Not to be changed. */
    int[] node(int regex) {
        return nodes.get(regex);
    }

    static boolean contains(int[] node, int b) {
        return (node[1 + (b >> 5)] >>> b & 1) != 0;
    }
}
