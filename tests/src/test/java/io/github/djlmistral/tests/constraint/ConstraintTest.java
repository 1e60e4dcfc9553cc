/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.constraint;

import static io.github.djlmistral.engine.constraint.Expression.UNBOUNDED;
import static io.github.djlmistral.engine.constraint.Expression.anyOf;
import static io.github.djlmistral.engine.constraint.Expression.literal;
import static io.github.djlmistral.engine.constraint.Expression.optional;
import static io.github.djlmistral.engine.constraint.Expression.regex;
import static io.github.djlmistral.engine.constraint.Expression.repeat;
import static io.github.djlmistral.engine.constraint.Expression.rule;
import static io.github.djlmistral.engine.constraint.Expression.sequence;
import static io.github.djlmistral.engine.constraint.Expression.token;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.Constraint;
import io.github.djlmistral.engine.constraint.Expression;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.JsonSchema;
import io.github.djlmistral.engine.constraint.RegularExpression;
import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConstraintTest {

    /** Any JSON, with at most two characters of white space between its terminals. */
    static Grammar json(RegularExpression string) {
        Expression comma = literal(",");
        Expression member = sequence(rule("string"), literal(":"), rule("value"));
        return Grammar.builder("value")
                .rule(
                        "value",
                        anyOf(
                                rule("string"),
                                regex("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?"),
                                literal("true"),
                                literal("false"),
                                literal("null"),
                                sequence(
                                        literal("["),
                                        optional(list(rule("value"), comma)),
                                        literal("]")),
                                sequence(
                                        literal("{"), optional(list(member, comma)), literal("}"))))
                .rule("string", regex(string))
                .ignore(RegularExpression.of("[ \\n]{1,2}"))
                .build();
    }

    private static Expression list(Expression element, Expression separator) {
        return sequence(element, repeat(sequence(separator, element), 0, UNBOUNDED));
    }

    private static Grammar json() {
        return json(RegularExpression.of("[\\s\\S]*").jsonString());
    }

    private static Constraint start(Grammar grammar) {
        return CompiledGrammar.of(grammar, Vocabularies.SMALL).start();
    }

    private static boolean matches(Grammar grammar, String text) {
        return Vocabularies.matches(start(grammar), text);
    }

    @Test
    void maskIsWhatIsAccepted() {
        CompiledGrammar json = CompiledGrammar.of(json(), Vocabularies.SMALL);
        Random random = new Random(1);
        for (int walk = 0; walk < 20; walk++) {
            Constraint constraint = json.start();
            for (int step = 0; step < 40; step++) {
                long[] mask = constraint.mask();
                int chosen = -1;
                for (int token = 0, seen = 0; token < Vocabularies.SMALL.size(); token++) {
                    boolean accepted = constraint.accepts(token);
                    if (accepted != Vocabularies.has(mask, token)) {
                        fail("token %d is accepted: %b, at step %d", token, accepted, step);
                    }
                    if (accepted && random.nextInt(++seen) == 0) {
                        chosen = token;
                    }
                }
                constraint.advance(chosen);
                if (chosen == Vocabularies.END) {
                    assertThat(constraint.mask()).containsOnly(0);
                    assertThat(constraint.mustEnd()).isTrue();
                    break;
                }
            }
        }
    }

    @Test
    void walksUnderTheMaskAreJson() throws IOException {
        CompiledGrammar json = CompiledGrammar.of(json(), Vocabularies.SMALL);
        Random random = new Random(2);
        int finished = 0;
        for (int walk = 0; walk < 300; walk++) {
            String text = Vocabularies.walk(json.start(), random, 30);
            if (text != null) {
                JsonReader reader = new JsonReader(new StringReader(text));
                reader.setStrictness(Strictness.STRICT);
                assertThat(JsonParser.parseReader(reader)).isNotNull();
                finished++;
            }
        }
        assertThat(finished).isGreaterThan(100);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "[]",
                "null",
                "-0.5e+12",
                "\"\"",
                "[[],[{}]]",
                " { \"a\" : [ 1, 12 ,-0 ] }\n",
                "{\"aé\":\"日本😀\\\"\\u00e9\"}",
                "[true,false,null,\"],[\",1]"
            })
    void jsonIsNeverRefused(String text) {
        CompiledGrammar json = CompiledGrammar.of(json(), Vocabularies.SMALL);
        for (int seed = 0; seed < 20; seed++) {
            Constraint constraint = json.start();
            for (int token : Vocabularies.tokenize(text.getBytes(UTF_8), new Random(seed))) {
                constraint.advance(token);
            }
            assertThat(constraint.mayEnd()).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "", "{", "[1,]", "01", "1.", "--1", "{1:2}", "{\"a\"}", "tru", "[1 2]", "\"\n\"",
                "\"\\x\"", "[1]]", "   1", "nulll"
            })
    void whatIsNotJsonIsRefused(String text) {
        assertThat(matches(json(), text)).isFalse();
    }

    @Test
    void stringsAsRfc8259DefinesThem() {
        String string = "\"([^\"\\\\\\x00-\\x1f]|\\\\([\"\\\\/bfnrt]|u[0-9a-fA-F]{4}))*\"";
        Grammar json = json(RegularExpression.of(string));
        assertThat(matches(json, "[\"a\\\"\\u00e9\"]")).isTrue();
        // The grammar of the RFC allows half a surrogate pair, which no text can be decoded to.
        assertThat(matches(json, "\"\\ud800\"")).isTrue();
        assertThat(matches(json(), "\"\\ud800\"")).isFalse();
    }

    @Test
    void aTextMayBeSplitIntoTerminalsInAnyWay() {
        // The longest match of the first terminal is wrong here.
        Grammar grammar = Grammar.of(sequence(regex("a+"), regex("[ab]+"), literal("b")));
        assertThat(matches(grammar, "aab")).isTrue();
        assertThat(matches(grammar, "aaaab")).isTrue();
        assertThat(matches(grammar, "ab")).isFalse();
    }

    @Test
    void rulesMayReferToThemselvesOnEitherSide() {
        Grammar palindromes =
                Grammar.builder("p")
                        .rule(
                                "p",
                                anyOf(
                                        sequence(),
                                        sequence(literal("a"), rule("p"), literal("a")),
                                        sequence(literal("b"), rule("p"), literal("b"))))
                        .build();
        assertThat(matches(palindromes, "")).isTrue();
        assertThat(matches(palindromes, "abbaabba")).isTrue();
        assertThat(matches(palindromes, "abbaabb")).isFalse();
        Grammar left =
                Grammar.builder("e")
                        .rule(
                                "e",
                                anyOf(
                                        sequence(rule("e"), literal("+"), rule("e")),
                                        literal("1"),
                                        sequence(literal("("), rule("e"), literal(")"))))
                        .build();
        assertThat(matches(left, "1+(1+1)+1")).isTrue();
        assertThat(matches(left, "1+(1+)+1")).isFalse();
        assertThat(matches(left, "(1+1")).isFalse();
    }

    @Test
    void repetitionsCount() {
        Grammar grammar = Grammar.of(repeat(anyOf(literal("a"), literal("bc")), 2, 4));
        assertThat(matches(grammar, "a")).isFalse();
        assertThat(matches(grammar, "abc")).isTrue();
        assertThat(matches(grammar, "abcbca")).isTrue();
        assertThat(matches(grammar, "aaaaa")).isFalse();
        // More states than are kept.
        int most = 60_000;
        int a = 3 + 'a';
        Constraint many = start(Grammar.of(repeat(literal("a"), 1000, most)));
        for (int length = 0; length < most; length++) {
            if (many.mayEnd() != length >= 1000 || !many.accepts(a)) {
                fail("wrong after %d repetitions", length);
            }
            many.advance(a);
        }
        assertThat(many.mustEnd()).isTrue();
        assertThat(many.accepts(a)).isFalse();
        Grammar empty = Grammar.of(repeat(optional(literal("a")), 3, UNBOUNDED));
        assertThat(matches(empty, "")).isTrue();
        assertThat(matches(empty, "aaaaa")).isTrue();
    }

    @Test
    void whatCannotBeCompletedIsNotBegun() {
        Grammar grammar =
                Grammar.builder("s")
                        .rule("s", anyOf(literal("a"), sequence(literal("b"), rule("loop"))))
                        .rule("loop", sequence(literal("c"), rule("loop")))
                        .build();
        assertThat(start(grammar).forcedBytes()).isEqualTo(new byte[] {'a'});
        RegularExpression none = RegularExpression.of("a+").and(RegularExpression.of("b+"));
        assertThatThrownBy(() -> start(Grammar.of(regex(none))))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void forcedTokensAreAccepted() {
        Grammar grammar =
                Grammar.of(sequence(literal("{\"abc\":"), anyOf(literal("12"), literal("true"))));
        Constraint constraint = start(grammar);
        assertThat(constraint.forcedBytes()).asString(UTF_8).isEqualTo("{\"abc\":");
        StringBuilder text = new StringBuilder();
        for (int token : constraint.forced()) {
            constraint.advance(token);
            text.append(new String(Vocabularies.PIECES.get(token), UTF_8));
        }
        // "\":" may go on as "\": ", were the vocabulary to have it: the last piece is the model's.
        assertThat(text).asString().startsWith("{\"abc");
        assertThat(constraint.mustEnd()).isFalse();
    }

    @Test
    void controlTokensAreAllowedWhereTheGrammarNamesThem() {
        Expression calls = sequence(token(1), literal(" [ab]"));
        Constraint constraint = start(Grammar.of(sequence(regex("(?s:.*)"), optional(calls))));
        int text = 3 + 'a'; // a byte
        constraint.advance(text);
        assertAccepts(constraint, 1, true);
        assertAccepts(constraint, 0, false);
        constraint.advance(1);
        assertAccepts(constraint, 1, false);
        assertAccepts(constraint, text, false);
        assertThat(constraint.mayEnd()).isFalse();
        assertThat(Vocabularies.matches(constraint, " [ab]")).isTrue();
        assertThat(constraint.mustEnd()).isTrue();
    }

    private static void assertAccepts(Constraint constraint, int token, boolean accepted) {
        assertThat(constraint.accepts(token)).isEqualTo(accepted);
        assertThat(Vocabularies.has(constraint.mask(), token)).isEqualTo(accepted);
    }

    /** Byte fallback has tokens of bytes that no text has, such as 0xFF. */
    @Test
    void bytesDoNotSpellControlTokens() {
        Constraint constraint = start(Grammar.of(token(1)));
        List<Integer> allowed =
                IntStream.range(0, Vocabularies.SMALL.size())
                        .filter(constraint::accepts)
                        .boxed()
                        .toList();
        assertThat(allowed).containsExactly(1);
        assertThat(constraint.forced()).containsExactly(1);
    }

    @Test
    void onlyControlTokensAreNamed() {
        int text = Vocabularies.END + 1;
        assertThatThrownBy(() -> start(Grammar.of(token(text))))
                .hasMessage("the grammar names token " + text + ", which is no control token");
        assertThatThrownBy(() -> start(Grammar.of(token(-1)))).hasMessageContaining("token -1");
    }

    @Test
    void aGrammarIncludesOthers() {
        Grammar.Builder both = Grammar.builder("start");
        assertThatThrownBy(() -> both.include("", json())).hasMessageContaining("ignores");
        Expression first = both.include("first ", JsonSchema.SPACED.grammar("true"));
        Grammar numbers =
                Grammar.builder("start")
                        .rule("start", anyOf(rule("digit"), sequence(rule("digit"), rule("start"))))
                        .rule("digit", regex("[0-9]"))
                        .build();
        Expression second = both.include("second ", numbers);
        Grammar grammar = both.rule("start", sequence(second, literal("="), first)).build();
        assertThat(matches(grammar, "120=[1, {}]")).isTrue();
        assertThat(matches(grammar, "1x=[1]")).isFalse();
    }

    @Test
    void copiesAreIndependent() {
        Constraint constraint = start(Grammar.of(regex("ab|ac")));
        constraint.advance(3 + 'a');
        Constraint copy = constraint.copy();
        copy.advance(3 + 'b');
        assertThat(copy.mustEnd()).isTrue();
        assertThat(constraint.accepts(3 + 'c')).isTrue();
        assertThatThrownBy(() -> constraint.advance(3 + 'd'))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("token " + (3 + 'd'));
        assertThat(constraint.accepts(-1)).isFalse();
        assertThat(constraint.accepts(100_000)).isFalse();
        assertThat(constraint.accepts(0)).isFalse();
    }

    @Test
    void longLiterals() {
        String text = "ab".repeat(20_000);
        Grammar grammar = Grammar.of(anyOf(literal(text + "a"), literal(text + "b"), literal("c")));
        assertThat(matches(grammar, text + "b")).isTrue();
        assertThat(matches(grammar, text + "c")).isFalse();
        assertThat(start(grammar).mask()).isNotEmpty();
    }

    @Test
    void threadsShareAGrammar() {
        List<String> alone = new ArrayList<>();
        for (int seed = 0; seed < 40; seed++) {
            CompiledGrammar own = CompiledGrammar.of(json(), Vocabularies.SMALL);
            alone.add(Vocabularies.walk(own.start(), new Random(seed), 20) + "");
        }
        CompiledGrammar shared = CompiledGrammar.of(json(), Vocabularies.SMALL);
        List<String> together =
                IntStream.range(0, 40)
                        .parallel()
                        .mapToObj(
                                seed ->
                                        Vocabularies.walk(shared.start(), new Random(seed), 20)
                                                + "")
                        .toList();
        assertThat(together).isEqualTo(alone);
    }
}
