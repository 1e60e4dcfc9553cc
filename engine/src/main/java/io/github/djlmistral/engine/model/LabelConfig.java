/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import io.github.djlmistral.engine.internal.Quote;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The classes that a classification head tells apart: {@code id2label} and {@code problem_type} of
 * the reference's configuration.
 *
 * @param names the name of each class, by its index; not empty
 * @param problemType what the classes mean; null to decide by the number and type of the labels, as
 *     the reference does
 */
public record LabelConfig(List<String> names, @Nullable ProblemType problemType) {

    /** What the outputs of a sequence classifier mean. */
    public enum ProblemType {
        /** Numbers; loss: mean squared error. */
        REGRESSION,
        /** Logits of classes that exclude each other; loss: cross-entropy. */
        SINGLE_LABEL_CLASSIFICATION,
        /** Logits of independent classes; loss: binary cross-entropy. */
        MULTI_LABEL_CLASSIFICATION;

        /**
         * Returns the type of a name.
         *
         * @param name the name in {@code config.json}
         * @return the type
         * @throws IllegalArgumentException if there is none; the message lists the names
         */
        public static ProblemType of(String name) {
            return Arrays.stream(values())
                    .filter(type -> type.toString().equals(name))
                    .findFirst()
                    .orElseThrow(
                            () ->
                                    ConfigFields.invalid(
                                            "problem_type is "
                                                    + Quote.of(name)
                                                    + ", known are "
                                                    + Arrays.toString(values()),
                                            null));
        }

        /** Returns the name in {@code config.json}. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Two classes without names, the reference's default. */
    public static final LabelConfig DEFAULT = ofSize(2);

    /** Copies the names. */
    public LabelConfig {
        names = List.copyOf(names);
        if (names.isEmpty()) {
            throw ConfigFields.invalid("id2label has no labels", null);
        }
    }

    /**
     * Returns classes named {@code LABEL_0}, {@code LABEL_1} and so on.
     *
     * @param count how many, positive
     * @return the classes
     */
    public static LabelConfig ofSize(int count) {
        return new LabelConfig(
                IntStream.range(0, count).mapToObj(i -> "LABEL_" + i).toList(), null);
    }

    /**
     * Returns what the outputs of a sequence classifier mean: {@link #problemType} if it is set,
     * otherwise one output is a regression, and several are classes that exclude each other.
     */
    public ProblemType problemTypeOrDefault() {
        if (problemType != null) {
            return problemType;
        }
        return size() == 1 ? ProblemType.REGRESSION : ProblemType.SINGLE_LABEL_CLASSIFICATION;
    }

    /** Returns the number of classes. */
    public int size() {
        return names.size();
    }
}
