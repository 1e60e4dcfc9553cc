/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Related generation options, under a title. */
public final class OptionGroup {

    private final String title;
    private final List<GenerationOption<?>> options = new ArrayList<>();

    OptionGroup(String title) {
        this.title = title;
    }

    /** Returns the title, such as "Sampling". */
    public String title() {
        return title;
    }

    /** Returns the options, in the order of the help. */
    public List<GenerationOption<?>> options() {
        return Collections.unmodifiableList(options);
    }

    /** Adds an option; see the constructor of {@link GenerationOption}. */
    <T> GenerationOption<T> option(
            String name,
            OptionType<T> type,
            T defaultValue,
            Predicate<? super T> range,
            String rangeText,
            String label,
            String help) {
        return add(new GenerationOption<>(name, type, defaultValue, range, rangeText, label, help));
    }

    /** Adds an option that is unset by default; the range is not asked for null. */
    <T> GenerationOption<@Nullable T> unset(
            String name,
            OptionType<T> type,
            Predicate<? super T> range,
            String rangeText,
            String label,
            String help) {
        return add(new GenerationOption<>(name, type, null, range, rangeText, label, help));
    }

    /** Adds an option that is true or false. */
    GenerationOption<Boolean> flag(String name, String help) {
        return option(
                name,
                OptionType.BOOLEAN,
                false,
                value -> true,
                "true or false",
                "true|false",
                help);
    }

    private <T extends @Nullable Object> GenerationOption<T> add(GenerationOption<T> option) {
        options.add(option);
        return option;
    }
}
