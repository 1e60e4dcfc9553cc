/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A set of strings: the values of JSON strings, without quotation marks and escapes. */
final class Text {

    static final Text ANY = new Text(Regex.ANY, null);
    static final Text NONE = literals(Set.of());

    private final @Nullable Regex regex;
    private final @Nullable Set<String> literals;
    private @Nullable Automaton automaton;
    private boolean known;

    private Text(@Nullable Regex regex, @Nullable Set<String> literals) {
        this.regex = regex;
        this.literals = literals;
    }

    static Text of(Regex regex) {
        return new Text(regex, null);
    }

    /** An expression that is known to match something, so that no automaton is built to see it. */
    static Text notEmpty(Regex regex) {
        Text text = of(regex);
        text.known = true;
        return text;
    }

    /** Strings of {@code least} to {@code most} code points. */
    static Text length(int least, int most) {
        return most < least ? NONE : of(new Regex.Repeat(Regex.CHARACTER, least, most));
    }

    static Text literals(Set<String> strings) {
        return new Text(null, strings);
    }

    /** The strings, if they are known one by one; else null. */
    @Nullable Set<String> literals() {
        return literals;
    }

    Regex regex() {
        if (regex != null) {
            return regex;
        }
        List<Regex> options = new ArrayList<>();
        for (String literal : literals == null ? Set.<String>of() : literals) {
            options.add(
                    new Regex.Concat(
                            literal.codePoints()
                                    .<Regex>mapToObj(c -> new Regex.Chars(CodePoints.of(c)))
                                    .toList()));
        }
        return options.size() == 1 ? options.get(0) : new Regex.Union(options);
    }

    Text and(Text other) {
        if (this == ANY) {
            return other;
        }
        if (other == ANY) {
            return this;
        }
        if (literals != null || other.literals != null) {
            Set<String> kept = new LinkedHashSet<>();
            Text filter = literals != null ? other : this;
            for (String literal : literals != null ? literals : other.strings()) {
                if (filter.contains(literal)) {
                    kept.add(literal);
                }
            }
            return literals(kept);
        }
        if (isLength(regex()) && isLength(other.regex())) {
            Regex.Repeat left = (Regex.Repeat) regex();
            Regex.Repeat right = (Regex.Repeat) other.regex();
            return length(Math.max(left.min(), right.min()), Math.min(left.max(), right.max()));
        }
        return of(new Regex.Intersection(regex(), other.regex()));
    }

    private static boolean isLength(Regex regex) {
        return regex instanceof Regex.Repeat repeat && repeat.part().equals(Regex.CHARACTER);
    }

    Text or(Text other) {
        if (this == ANY || other == ANY) {
            return ANY;
        }
        if (literals != null && other.literals != null) {
            Set<String> both = new LinkedHashSet<>(literals);
            both.addAll(other.literals);
            return literals(both);
        }
        if (literals != null && literals.isEmpty()) {
            return other;
        }
        if (other.literals != null && other.literals.isEmpty()) {
            return this;
        }
        return of(new Regex.Union(List.of(regex(), other.regex())));
    }

    Text minus(Text other) {
        if (other == ANY) {
            return NONE;
        }
        if (literals != null) {
            Set<String> kept = new LinkedHashSet<>(literals);
            kept.removeIf(other::contains);
            return literals(kept);
        }
        if (other.literals != null && other.literals.isEmpty()) {
            return this;
        }
        Regex difference = new Regex.Difference(regex(), other.regex());
        // finitely many strings are never all
        return this == ANY && other.literals != null ? notEmpty(difference) : of(difference);
    }

    boolean contains(String text) {
        return literals != null ? literals.contains(text) : automaton().accepts(text);
    }

    boolean isEmpty() {
        if (literals != null) {
            return literals.isEmpty();
        }
        // most expressions need no automaton, which has a state for each of their repetitions
        Boolean seen = known ? Boolean.FALSE : empty(regex());
        return seen != null ? seen : automaton().isEmpty();
    }

    /** Whether an expression matches nothing, or null if only its automaton tells. */
    private static @Nullable Boolean empty(Regex regex) {
        if (regex instanceof Regex.Chars one) {
            return one.set().isEmpty();
        }
        if (regex instanceof Regex.Repeat repeat) {
            return repeat.min() == 0 ? Boolean.FALSE : empty(repeat.part());
        }
        if (regex instanceof Regex.Concat concat) {
            return any(concat.parts(), true);
        }
        return regex instanceof Regex.Union union ? any(union.options(), false) : null;
    }

    /** Whether any is empty (of a sequence), or all are (of a union). */
    private static @Nullable Boolean any(List<Regex> parts, boolean decisive) {
        boolean known = true;
        for (Regex part : parts) {
            Boolean empty = empty(part);
            if (empty != null && empty == decisive) {
                return decisive;
            }
            known &= empty != null;
        }
        return known ? !decisive : null;
    }

    private Set<String> strings() {
        return literals == null ? Set.of() : literals;
    }

    private Automaton automaton() {
        Automaton known = automaton;
        if (known == null) {
            known = Automaton.of(regex());
            automaton = known;
        }
        return known;
    }
}
