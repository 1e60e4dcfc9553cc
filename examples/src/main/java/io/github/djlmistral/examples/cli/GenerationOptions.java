/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationOption;
import io.github.djlmistral.engine.generation.OptionGroup;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Adds the options of {@link GenerationConfig} to a command, with dashes in the names. Their
 * defaults come from the checkpoint.
 */
final class GenerationOptions implements IModelTransformer {

    /** Position of the groups in the help, after the command's own options. */
    private static final int ORDER = 1;

    @Override
    public CommandSpec transform(CommandSpec command) {
        for (OptionGroup group : GenerationConfig.options()) {
            ArgGroupSpec.Builder options =
                    ArgGroupSpec.builder()
                            .heading("%n" + group.title() + ":%n")
                            .validate(false)
                            .order(ORDER);
            group.options().forEach(option -> options.addArg(spec(option)));
            command.addArgGroup(options.build());
        }
        return command;
    }

    private static OptionSpec spec(GenerationOption<?> option) {
        OptionSpec.Builder spec =
                OptionSpec.builder(dashed(option))
                        .paramLabel(option.label())
                        .description(description(option).replace("%", "%%"));
        if (option.isFlag()) {
            spec.type(Boolean.class).negatable(true).arity("0..1").fallbackValue("true");
        } else if (option.isRepeatable()) {
            spec.type(List.class).auxiliaryTypes(String.class);
        } else {
            spec.type(String.class);
        }
        return spec.build();
    }

    private static String description(GenerationOption<?> option) {
        // "temperature" and "seed" are words, too
        String text = dashed(option.help(), name -> name.contains("_"));
        Object value = option.defaultValue();
        boolean told =
                value == null
                        || value instanceof Boolean
                        || value instanceof List<?>
                        || value instanceof Map<?, ?>;
        return told ? text : text + " Default: " + ("" + value).replaceAll("\\.0$", "") + ".";
    }

    /**
     * Returns the options of the command line.
     *
     * @param terminal the command's
     * @return values by name in snake case
     */
    static Map<String, Object> given(Terminal terminal) {
        Map<String, Object> given = new LinkedHashMap<>();
        for (OptionGroup group : GenerationConfig.options()) {
            for (GenerationOption<?> option : group.options()) {
                @Nullable Object value = terminal.option(dashed(option));
                if (value != null) {
                    given.put(option.name(), value);
                }
            }
        }
        return given;
    }

    /**
     * Applies the options of the command line to defaults.
     *
     * @param defaults the defaults
     * @param terminal the command's; reports invalid options
     * @return the resulting configuration
     */
    static GenerationConfig config(GenerationConfig.Builder defaults, Terminal terminal) {
        return apply(defaults, terminal).build();
    }

    /** Applies the options, as {@link #config}, to the builder and returns it. */
    static GenerationConfig.Builder apply(GenerationConfig.Builder defaults, Terminal terminal) {
        try {
            given(terminal).forEach(defaults::option);
            defaults.build();
            return defaults;
        } catch (IllegalArgumentException e) {
            throw terminal.usage(dashed(String.valueOf(e.getMessage()), name -> true));
        }
    }

    private static String dashed(GenerationOption<?> option) {
        return "--" + option.name().replace('_', '-');
    }

    /** Replaces option names in a text by their spelling on the command line. */
    private static String dashed(String text, Predicate<String> names) {
        for (OptionGroup group : GenerationConfig.options()) {
            for (GenerationOption<?> option : group.options()) {
                if (names.test(option.name())) {
                    text = text.replaceAll("\\b" + option.name() + "\\b", dashed(option));
                }
            }
        }
        return text;
    }
}
