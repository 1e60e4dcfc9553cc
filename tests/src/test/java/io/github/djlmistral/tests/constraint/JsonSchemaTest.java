/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.constraint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.JsonSchema;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** JSON Schema as a grammar, against the JSON-Schema-Test-Suite and by arithmetic. */
class JsonSchemaTest {

    /**
     * The ratchet lists the groups that are refused, and valid values that are never generated. No
     * value that is not valid is accepted. Texts are split as the tokenizer of Mistral 7B v0.3
     * does, into bytes, and at random: the masks of its 32,768 tokens decide alike.
     */
    @Test
    void decidesTheTestSuiteAsRecorded(@TempDir Path empty) throws IOException {
        SchemaSuite suite;
        try (MistralTokenizer tokenizer = Spelling.published(empty)) {
            suite = new SchemaSuite(Spelling.of(tokenizer));
            SchemaSuite.groups().forEach(suite::run);
        }
        TreeSet<String> actual = new TreeSet<>();
        actual.add("passed\t" + suite.passed());
        suite.refused().forEach(group -> actual.add("refused\t" + group));
        suite.rejected().forEach(test -> actual.add("not generated\t" + test));

        assertThat(suite.accepted()).isEmpty();
        assertThat(suite.undecided()).isEmpty();
        Path ratchet = SchemaSuite.directory().resolve("ratchet.txt");
        assertThat(actual).containsExactlyElementsOf(new TreeSet<>(Files.readAllLines(ratchet)));
    }

    @Test
    void boundsAndMultiplesOfNumbersAreExact() {
        Random random = new Random(7);
        for (int i = 0; i < 60; i++) {
            BigDecimal least = decimal(random);
            BigDecimal most = least.add(decimal(random).abs());
            BigDecimal multiple = new BigDecimal("1,2,0.5,3,0.1,7,0.25,1.5".split(",", -1)[i % 8]);
            boolean open = random.nextBoolean();
            boolean multiples = random.nextBoolean();
            BigDecimal excluded = new BigDecimal("3,0.4,2,0.02,1,0.1,10".split(",", -1)[i % 7]);
            String schema =
                    "{\"type\":\"number\",\""
                            + (open ? "exclusiveMinimum" : "minimum")
                            + "\":"
                            + least.toPlainString()
                            + ",\"maximum\":"
                            + most.toPlainString()
                            + (multiples ? ",\"multipleOf\":" + multiple : "")
                            + (i % 2 == 0 ? ",\"not\":{\"multipleOf\":" + excluded + "}" : "")
                            + "}";
            List<String> wrong = new ArrayList<>();
            CompiledGrammar grammar = compile(schema);
            for (int k = -1500; k <= 1500; k++) {
                BigDecimal value = new BigDecimal(k).movePointLeft(2).stripTrailingZeros();
                boolean valid =
                        value.compareTo(least) >= (open ? 1 : 0)
                                && value.compareTo(most) <= 0
                                && (!multiples || value.remainder(multiple).signum() == 0)
                                && (i % 2 == 1 || value.remainder(excluded).signum() != 0);
                String text = value.signum() == 0 ? "0" : value.toPlainString();
                if ((grammar != null && SchemaSuite.accepts(grammar, text)) != valid) {
                    wrong.add(text);
                }
            }
            assertThat(wrong).as(schema).isEmpty();
        }
    }

    private static BigDecimal decimal(Random random) {
        int places = random.nextInt(3);
        return new BigDecimal(random.nextInt(2001) - 1000).movePointLeft(places);
    }

    private static @Nullable CompiledGrammar compile(String schema) {
        return SchemaSuite.compile(schema, Spelling.BYTES.vocabulary()).orElse(null);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "{'contains':true,'minContains':200,'maxContains':300}; #/contains: contains with these",
                "{'contains':{'type':'null'},'uniqueItems':true}; #/uniqueItems: the keyword cannot",
                "{'propertyDependencies':{}}; #/propertyDependencies: the keyword",
                "{'properties':{'a':{'uniqueItems':true}}}; #/properties/a/uniqueItems: the keyword can only",
                "{'type':'strin'}; #/type: no type is named 'strin'",
                "{'$ref':'#/$defs/a'}; #/$ref: there is nothing at",
                "{'$ref':'#'}; #: the schema refers to itself",
                "{'not':{'uniqueItems':true}}; #/not/uniqueItems: the keyword cannot be enforced within",
                "{'allOf':[{'not':{'additionalProperties':{'type':'null'}}},{'not':{'additionalProperties':{'const':1}}}]}; that several schemas",
                "{'format':'color'}; #/format: the format 'color' cannot be enforced",
                "{'enum':[]}; no value satisfies",
                "{'type':'object','properties':{'a':{'$ref':'#'}},'required':['a']}; no value",
                "{'minLength':3,'maxLength':2,'type':'string'}; no value satisfies",
                "{'const':{'a':1},'unevaluatedProperties':false}; no value satisfies",
                "{'multipleOf':123457}; multiples of [123457] are not supported",
                "{'minItems':3,'maxItems':2,'type':'array'}; no value satisfies",
                "{'minProperties':2,'type':'object'}; minProperties is supported only",
                "{'$schema':'http://json-schema.org/draft-04/schema#'}; #/$schema: the schema is of",
                "{'$schema':'http://json-schema.org/draft-07/schema#','prefixItems':[true]}; has no keyword 'prefixItems'",
                "{'additionalItems':false}; #/additionalItems: the draft of the schema has no keyword",
                "{'title':'a','title':'b'}; comes twice",
                "[1]; #: a schema is an object, true or false"
            })
    void whatCannotBeEnforcedIsAnErrorWithItsPlace(String schema, String message) {
        assertThatThrownBy(() -> JsonSchema.COMPACT.grammar(schema.replace('\'', '"')))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message.replace('\'', '"'));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                // a string has as many code points as its value, however it is written
                "{'maxLength':1}; '\\u00e9'; true",
                "{'maxLength':1}; '\\ud83d\\ude00'; true",
                "{'maxLength':1}; '\\n\\n'; false",
                "{'pattern':'^a$'}; '\\u0061'; true",
                // names in the order of the schema, others behind them
                "{'properties':{'a':{},'b':{}}}; {'a':1,'b':2,'c':3}; true",
                "{'properties':{'a':{},'b':{}}}; {'b':2,'a':1}; false",
                "{'properties':{'a':{},'b':{}}}; {'b':2,'b':1}; false",
                "{'properties':{'a':{}}}; {'\\u0061':1}; false",
                // in each branch of a union what it requires
                "{'anyOf':[{'required':['a']},{'required':['b']}]}; {'a':1}; true",
                "{'anyOf':[{'required':['a']},{'required':['b']}]}; {'c':1}; false",
                "{'type':'integer','nullable':true}; null; true",
                "{'type':'integer'}; 5.0; false",
                "{'not':{'type':'integer'}}; 5.0; false",
                "{'not':{'type':'integer'}}; 5.50; true",
                "{'oneOf':[{'type':'integer'},{'minimum':2}]}; 1; true",
                "{'oneOf':[{'type':'integer'},{'minimum':2}]}; 2; false",
                "{'oneOf':[{'type':'integer'},{'minimum':2}]}; 2.5; true",
                "{'$defs':{'t':{'type':['array','null'],'items':{'$ref':'#/$defs/t'}}},'$ref':'#/$defs/t'}; [null,[[]]]; true",
                "{'$schema':'http://json-schema.org/draft-07/schema#','$ref':'#/definitions/n','definitions':{'n':{'type':'null'}}}; null; true",
                "{'minProperties':1,'maxProperties':1}; {'a':1}; true",
                "{'minProperties':1,'maxProperties':1}; {'a':1,'b':1}; false",
                "{'minProperties':1,'maxProperties':1}; {}; false"
            })
    void textsAreAcceptedAsSpelled(String schema, String text, boolean accepted) {
        CompiledGrammar grammar = compile(schema.replace('\'', '"'));
        assertThat(grammar != null && SchemaSuite.accepts(grammar, text.replace('\'', '"')))
                .isEqualTo(accepted);
    }

    @Test
    void spacesAsPythonWritesThem() {
        CompiledGrammar grammar =
                CompiledGrammar.of(JsonSchema.SPACED.grammar("true"), Spelling.BYTES.vocabulary());
        assertThat(SchemaSuite.accepts(grammar, "{\"a\": [1, {}], \"b\": []}")).isTrue();
        for (String other : List.of("[1,2]", "{\"a\":1}", "[1 , 2]", "[ 1]", "{ }")) {
            assertThat(SchemaSuite.accepts(grammar, other)).as(other).isFalse();
        }
        assertThatThrownBy(() -> new JsonSchema(1, 0, true)).hasMessageContaining("not both");
    }

    @Test
    void whiteSpaceAndDepthAreLimited() {
        CompiledGrammar grammar =
                CompiledGrammar.of(
                        new JsonSchema(2, 2).grammar("true"), Spelling.BYTES.vocabulary());
        assertThat(SchemaSuite.accepts(grammar, "[ {\n } , 1  ]")).isTrue();
        assertThat(SchemaSuite.accepts(grammar, "[   1]")).isFalse();
        assertThat(SchemaSuite.accepts(grammar, "[[[]]]")).isFalse();
    }
}
