/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The generation options of a conversation: the model's, and those that the user has set. */
public final class ChatSettings {

    private final GenerationConfig.Builder defaults;
    private final Consumer<GenerationConfig> check;
    private Map<String, Object> changes = Map.of();
    private GenerationConfig config;

    /**
     * Creates the settings.
     *
     * @param defaults the model's options
     * @param check throws IllegalArgumentException for options that the model cannot be used with
     */
    public ChatSettings(GenerationConfig.Builder defaults, Consumer<GenerationConfig> check) {
        this.defaults = defaults.copy();
        this.check = check;
        config = defaults.build();
    }

    /** Returns the options that there are. */
    static List<GenerationOption<?>> options() {
        return GenerationConfig.options().stream()
                .flatMap(group -> group.options().stream())
                .toList();
    }

    /** Returns the values of all options. */
    public GenerationConfig config() {
        return config;
    }

    /** Returns the values of all options, to be changed for one answer. */
    GenerationConfig.Builder builder() {
        return builder(changes);
    }

    private GenerationConfig.Builder builder(Map<String, Object> options) {
        GenerationConfig.Builder builder = defaults.copy();
        options.forEach(builder::option);
        return builder;
    }

    /** Returns the options that were set, by their names in snake case. */
    public Map<String, Object> changes() {
        return Collections.unmodifiableMap(changes);
    }

    /**
     * Sets an option.
     *
     * @param name its name
     * @param value its value, as {@link GenerationConfig.Builder#option} takes it; null unsets it
     * @throws IllegalArgumentException if there is no such option or the value is wrong; nothing
     *     changes
     */
    public void set(String name, @Nullable Object value) {
        String option = GenerationConfig.Builder.referenceName(name);
        if (options().stream().noneMatch(each -> each.name().equals(option))) {
            throw new IllegalArgumentException(
                    "unknown option \"" + name + "\": 'mistral chat --help' lists them");
        }
        Map<String, Object> changed = new LinkedHashMap<>(changes);
        changed.remove(option); // the latest is the last
        if (value != null) {
            changed.put(option, value);
        }
        replace(changed);
    }

    /**
     * Unsets all options and sets others.
     *
     * @param options values by name, as {@link #set} takes them
     * @throws IllegalArgumentException if an option is wrong; nothing changes
     */
    public void replace(Map<String, Object> options) {
        GenerationConfig changed = builder(options).build();
        check.accept(changed);
        config = changed;
        changes = new LinkedHashMap<>(options);
        for (GenerationOption<?> option : options()) { // "0.7" is a number
            if (config.get(option) instanceof Number || config.get(option) instanceof Boolean) {
                changes.computeIfPresent(option.name(), (name, value) -> config.get(option));
            }
        }
    }
}
