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
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts drawn under the masks satisfy their schema in the eyes of another validator. */
class SchemaWalkTest {

    private static final int WALKS = 3;

    /**
     * The validator matches patterns with the JDK's expressions, where white space is ASCII's,
     * {@code \cc} is {@code #}, and a dot, with which it reads pointers, is no line end.
     */
    private static final Set<String> OTHER_EXPRESSIONS =
            Set.of(
                    "optional/ecmascript-regex.json: ECMA 262 \\s matches whitespace",
                    "optional/ecmascript-regex.json: ECMA 262 regex escapes control codes with \\c and"
                            + " lower letter",
                    "optional/format/relative-json-pointer.json: validation of Relative JSON"
                            + " Pointers (RJP)");

    /** Exponents of numbers that the validator reads as infinite. */
    private static final Pattern INFINITE = Pattern.compile("[eE][+-]?0*[1-9][0-9]{2}");

    @Test
    void textsDrawnUnderTheMasksOfTheSuitesSchemasAreValid() throws IOException {
        List<String> wrong = new ArrayList<>();
        int begun = 0;
        int finished = 0;
        for (SchemaSuite.Group group : SchemaSuite.groups()) {
            CompiledGrammar grammar = compile(group.schema());
            if (grammar == null || OTHER_EXPRESSIONS.contains(group.name())) {
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

    /** Every array of up to four of these items is decided as by the validator. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'contains':{'type':'integer'},'minContains':2}",
                "{'contains':{'type':'string'},'minContains':1,'maxContains':2,'minItems':3}",
                "{'contains':{'minimum':1},'minContains':0,'maxContains':1}",
                "{'contains':{'enum':['a',true]},'maxContains':1,'prefixItems':[{'const':0}]}",
                "{'contains':{'const':0},'allOf':[{'contains':{'const':'a'}}],'maxItems':3}",
                "{'contains':{'const':0},'items':{'enum':[0,'a',true]},'maxContains':2}",
                "{'not':{'contains':{'const':'a'}}}",
                "{'not':{'items':{'type':['number','null']}}}",
                "{'not':{'contains':{'const':0},'minContains':2,'maxContains':3}}",
                "{'if':{'contains':{'const':0}},'then':{'contains':{'const':1}},'else':{'maxItems':2}}",
                "{'not':{'prefixItems':[{'const':0}],'items':{'const':1}}}",
                "{'not':{'prefixItems':[true],'items':false}}",
                "{'not':{'not':{'prefixItems':[true,true],'items':{'const':0}}}}",
                "{'oneOf':[{'prefixItems':[{'type':'integer'}],'items':false},{'items':{'const':1}}]}",
                "{'contains':{'const':0},'unevaluatedItems':{'const':1}}",
                "{'anyOf':[{'contains':{'const':0}},{'contains':{'const':'a'},'minContains':2}],'unevaluatedItems':false}",
                "{'not':{'contains':{'const':0}},'prefixItems':[true],'unevaluatedItems':{'const':'a'}}",
                "{'$schema':'http://json-schema.org/draft-07/schema#','items':[{'const':0},{'type':'string'}],'additionalItems':{'const':1}}",
                "{'$schema':'http://json-schema.org/draft-07/schema#','items':[true],'additionalItems':false}",
                "{'$schema':'http://json-schema.org/draft-07/schema#','items':{'type':'integer'},'additionalItems':false}",
                "{'$schema':'http://json-schema.org/draft-07/schema#','allOf':[{'$ref':'#/definitions/t','maxItems':1}],'definitions':{'t':{'items':{'type':'integer'}}}}",
                "{'items':{'enum':[0,1,'a',true]},'uniqueItems':true}",
                "{'prefixItems':[{'enum':[0,'a']}],'items':{'enum':[1,'a']},'uniqueItems':true}",
                "{'prefixItems':[true,{'const':1}],'uniqueItems':true,'maxItems':1}",
                "{'prefixItems':[true],'anyOf':[{'prefixItems':[true,{'const':'a'}]},{'prefixItems':[true,{'type':['string','null']},{'const':0}]}],'unevaluatedItems':{'const':1}}"
            })
    void arraysAreDecidedAsByTheValidator(String schema) {
        List<String> items = List.of("0", "1", "\"a\"", "true", "null");
        List<String> arrays = new ArrayList<>(List.of(""));
        for (int from = 0; arrays.size() < 1 + 5 + 25 + 125 + 625; from++) {
            for (String item : items) {
                arrays.add(arrays.get(from) + (from == 0 ? "" : ",") + item);
            }
        }
        assertDecided(
                "{'type':'array'," + schema.substring(1),
                arrays.stream().map(text -> List.of("[" + text + "]")).toList());
    }

    /** Every object of these properties is written in some order if the validator takes it. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'properties':{'a':{}},'anyOf':[{'properties':{'b':{'const':1}}},{'properties':{'c':{'const':1}}}],'unevaluatedProperties':false}",
                "{'anyOf':[{'properties':{'a':{'const':1}},'required':['a']},{'patternProperties':{'^[bc]':{'const':1}},'minProperties':1}],'unevaluatedProperties':{'type':'string'}}",
                "{'if':{'properties':{'a':{'const':1}},'required':['a']},'then':{'properties':{'b':{}}},'unevaluatedProperties':false}",
                "{'oneOf':[{'properties':{'a':{'const':1}},'required':['a']},{'properties':{'a':{'const':'s'},'c':{}},'required':['a']}],'unevaluatedProperties':false}",
                "{'allOf':[{'properties':{'a':{}},'unevaluatedProperties':{'const':1}}],'unevaluatedProperties':false}",
                "{'dependentSchemas':{'a':{'properties':{'b':{'const':1}}}},'properties':{'a':{}},'unevaluatedProperties':false}",
                "{'not':{'required':['b']},'properties':{'b':{},'c':{}},'unevaluatedProperties':false}",
                "{'$schema':'http://json-schema.org/draft-07/schema#','dependencies':{'a':['b'],'c':{'maxProperties':1}}}",
                "{'$schema':'http://json-schema.org/draft-07/schema#','definitions':{'x':{'$id':'#x','required':['a']}},'allOf':[{'$ref':'#x'}]}",
                "{'not':{'properties':{'a':{}},'additionalProperties':false}}",
                "{'not':{'additionalProperties':{'const':1}}}",
                "{'not':{'not':{'properties':{'a':{}},'additionalProperties':{'const':1}}}}",
                "{'not':{'patternProperties':{'^[ab]':{'const':1}}}}",
                "{'not':{'propertyNames':{'pattern':'^[ab]$'}},'properties':{'b':{'const':1}}}",
                "{'allOf':[{'not':{'patternProperties':{'^a':{'const':1}}}},{'not':{'patternProperties':{'^b':{'const':1}}}}]}",
                "{'maxProperties':1,'not':{'properties':{'a':{}},'additionalProperties':false}}",
                "{'if':{'additionalProperties':{'const':1}},'then':{'required':['a']},'else':{'required':['b']}}",
                "{'oneOf':[{'properties':{'a':{}},'additionalProperties':false},{'properties':{'b':{}},'additionalProperties':false},{'required':['c']}]}",
                "{'not':{'oneOf':[{'patternProperties':{'^[^c]':{'const':1}}},{'dependentRequired':{'c':['a']}}]},'propertyNames':{'pattern':'b'}}",
                "{'oneOf':[{'properties':{'a':{'type':'integer'}},'required':['a']},{'properties':{'b':{'type':'string'}},'required':['b']}]}"
            })
    void objectsAreDecidedAsByTheValidator(String schema) {
        List<List<String>> objects = new ArrayList<>();
        List<String> orders = List.of("abc", "acb", "bac", "bca", "cab", "cba");
        for (int code = 0; code < 27; code++) {
            List<String> ways = new ArrayList<>();
            for (String order : orders) {
                List<String> members = new ArrayList<>();
                for (int n = 0; n < order.length(); n++) {
                    char name = order.charAt(n);
                    int value = code / (name == 'a' ? 1 : name == 'b' ? 3 : 9) % 3;
                    if (value > 0) {
                        members.add("\"" + name + "\":" + (value == 1 ? "1" : "\"s\""));
                    }
                }
                ways.add("{" + String.join(",", members) + "}");
            }
            objects.add(ways);
        }
        assertDecided("{'type':'object'," + schema.substring(1), objects);
    }

    /** Each value is given by the ways to write it, of which one is enough. */
    private static void assertDecided(String quoted, List<List<String>> values) {
        String text = quoted.replace('\'', '"');
        Schema schema =
                SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                        .getSchema(text);
        CompiledGrammar grammar =
                SchemaSuite.compile(text, Spelling.BYTES.vocabulary()).orElseThrow();
        List<String> wrong = new ArrayList<>();
        int valid = 0;
        for (List<String> ways : values) {
            boolean taken = validate(schema, ways.get(0)).isEmpty();
            valid += taken ? 1 : 0;
            if (ways.stream().anyMatch(way -> SchemaSuite.accepts(grammar, way)) != taken) {
                wrong.add(ways.get(0));
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(valid).isBetween(1, values.size() - 1);
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
