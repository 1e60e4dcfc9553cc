/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.constraint.Gbnf;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.Lark;
import io.github.djlmistral.engine.constraint.ResponseFormat;
import io.github.djlmistral.engine.generation.ConstraintOptions;
import io.github.djlmistral.engine.generation.GenerationConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The form of the generated text; short for {@code --response-format}. */
final class ResponseFormatOptions {

    @Option(
            names = "--json-schema",
            paramLabel = "FILE",
            description = "Generate JSON that satisfies the JSON Schema in this file.")
    @Nullable Path jsonSchema;

    @Option(
            names = "--regex",
            paramLabel = "REGEX",
            description = "Generate a text that the regular expression matches as a whole.")
    @Nullable String regex;

    @Option(
            names = "--choice",
            paramLabel = "TEXT",
            description = "Generate one of these texts; may be given several times.")
    @Nullable List<String> choice;

    @Option(
            names = "--grammar",
            paramLabel = "FILE",
            description =
                    "Generate a text of the grammar in this file: GBNF (.gbnf) or Lark's notation"
                            + " (.lark).")
    @Nullable Path grammar;

    /** Read once: the file may be a pipe. */
    private @Nullable ResponseFormat read;

    /**
     * Sets the response format, if one is given.
     *
     * @param builder receives it
     * @param terminal reports invalid options
     * @return the builder
     * @throws IOException if the schema or grammar cannot be read
     */
    GenerationConfig.Builder apply(GenerationConfig.Builder builder, Terminal terminal)
            throws IOException {
        if (read == null) {
            read = read(terminal);
        }
        return read == null ? builder : builder.set(ConstraintOptions.RESPONSE_FORMAT, read);
    }

    private @Nullable ResponseFormat read(Terminal terminal) throws IOException {
        long given =
                Stream.of(jsonSchema, regex, choice, grammar, terminal.option("--response-format"))
                        .filter(Objects::nonNull)
                        .count();
        if (given > 1) {
            throw terminal.usage(
                    "--json-schema, --regex, --choice, --grammar and --response-format exclude"
                            + " each other: give one of them");
        }
        String option = "--choice";
        try {
            if (jsonSchema != null) {
                option = "--json-schema " + jsonSchema;
                String schema = Files.readString(jsonSchema);
                return ResponseFormat.jsonSchema(schema);
            }
            if (grammar != null) {
                option = "--grammar " + grammar;
                return ResponseFormat.grammar(read(grammar));
            }
            if (regex != null) {
                option = "--regex";
                return ResponseFormat.regex(regex);
            }
            return choice == null ? null : ResponseFormat.choice(choice);
        } catch (IllegalArgumentException e) {
            throw terminal.usage(option + ": " + e.getMessage());
        }
    }

    private static Grammar read(Path file) throws IOException {
        String name = file.toString();
        if (name.endsWith(".gbnf")) {
            return Gbnf.parse(Files.readString(file));
        }
        if (name.endsWith(".lark")) {
            return Lark.parse(Files.readString(file));
        }
        throw new IllegalArgumentException(
                "the name of a grammar file ends in .gbnf (llama.cpp's GBNF) or .lark (Lark's"
                        + " notation)");
    }
}
