/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * An option of {@link GenerationConfig}: its name, type, default and range. The options are the
 * constants of {@link StoppingOptions}, {@link SamplingOptions}, {@link PenaltyOptions}, {@link
 * ConstraintOptions}, {@link BeamOptions}, {@link SpeculationOptions} and {@link OutputOptions}.
 *
 * @param <T> type of the value; nullable if the option may be unset
 */
public final class GenerationOption<T extends @Nullable Object> {

    private final String name;
    private final OptionType<? extends T> type;
    private final T defaultValue;
    private final Predicate<?> range;
    private final String rangeText;
    private final String label;
    private final String help;

    /**
     * Makes an option.
     *
     * @param name in snake case
     * @param range holds for valid values; not asked for null
     * @param rangeText the range, for messages: "must be ..."
     * @param label stands for the value in the help of the command line
     * @param help describes the option
     */
    GenerationOption(
            String name,
            OptionType<? extends T> type,
            T defaultValue,
            Predicate<?> range,
            String rangeText,
            String label,
            String help) {
        this.name = name;
        this.type = type;
        this.defaultValue = defaultValue;
        this.range = range;
        this.rangeText = rangeText;
        this.label = label;
        this.help = help;
    }

    /** Returns the name in snake case, the spelling of the reference. */
    public String name() {
        return name;
    }

    /** Returns the value of a configuration that does not set the option. */
    public T defaultValue() {
        return defaultValue;
    }

    /** Returns a word that stands for the value in a synopsis, such as {@code N}. */
    public String label() {
        return label;
    }

    /** Returns a description in sentences, with the range and without the default. */
    public String help() {
        return help;
    }

    /** Whether the value is true or false. */
    public boolean isFlag() {
        return type == (Object) OptionType.BOOLEAN;
    }

    /** Whether the value is a list whose elements are lists, pairs or strings. */
    public boolean isRepeatable() {
        return type == (Object) OptionType.STRINGS
                || type == (Object) OptionType.INTEGER_LISTS
                || type == (Object) OptionType.SEQUENCE_BIAS
                || type == (Object) OptionType.LOGIT_BIAS;
    }

    /** Reads a value; throws IllegalArgumentException if it is of another type. */
    Object parse(Object value) {
        return Objects.requireNonNull(type.parse(name, value));
    }

    /** Checks the range of a value of the option's type. */
    @SuppressWarnings("unchecked") // values are of the type that parse has read
    void check(Object value) {
        if (!((Predicate<Object>) range).test(value)) {
            throw fault(value, rangeText);
        }
    }

    /** Returns the exception for a value out of its range. */
    IllegalArgumentException fault(Object value, String expected) {
        return new IllegalArgumentException(name + " is " + given(value) + ", must be " + expected);
    }

    /** A list may have millions of elements, a string as many characters. */
    private static String given(Object value) {
        if (value instanceof List<?> list) {
            return list.size() > 8
                    ? "a list of " + list.size()
                    : list.stream().map(GenerationOption::given).toList().toString();
        }
        String text = value.toString();
        return text.length() > 100 ? "a string of " + text.length() + " characters" : text;
    }

    @Override
    public String toString() {
        return name;
    }
}
