/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.constraint;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.Error;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import io.github.djlmistral.engine.constraint.CompiledGrammar;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Texts drawn under the masks satisfy their schema in the eyes of another validator. */
class SchemaWalkTest {

    private static final int WALKS = 3;

    /** The validator matches patterns with the JDK's expressions, where white space is ASCII's. */
    private static final String OTHER_WHITE_SPACE =
            "optional/ecmascript-regex.json: ECMA 262 \\s matches whitespace";

    /** Exponents of numbers that the validator reads as infinite. */
    private static final Pattern INFINITE = Pattern.compile("[eE][+-]?0*[1-9][0-9]{2}");

    @Test
    void textsDrawnUnderTheMasksOfTheSuitesSchemasAreValid() throws IOException {
        List<String> wrong = new ArrayList<>();
        int begun = 0;
        int finished = 0;
        for (SchemaSuite.Group group : SchemaSuite.groups()) {
            CompiledGrammar grammar = compile(group.schema());
            if (grammar == null || group.name().equals(OTHER_WHITE_SPACE)) {
                continue;
            }
            // one registry a schema: those of several groups have the same $id
            Schema schema =
                    SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                            .getSchema(group.schema());
            for (int seed = 0; seed < WALKS; seed++) {
                begun++;
                String text = Vocabularies.walk(grammar.start(), new Random(seed), 12);
                if (text != null && !INFINITE.matcher(text).find()) {
                    finished++;
                    List<Error> errors = validate(schema, text);
                    if (!errors.isEmpty()) {
                        wrong.add(group.name() + ": " + text + " " + errors);
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(finished).isGreaterThan(begun * 9 / 10);
    }

    private static @Nullable CompiledGrammar compile(String schema) {
        try {
            return SchemaSuite.compile(schema, Vocabularies.SMALL).orElse(null);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    private static List<Error> validate(Schema schema, String text) {
        return schema.validate(
                text,
                InputFormat.JSON,
                context -> context.executionConfig(config -> config.formatAssertionsEnabled(true)));
    }
}
