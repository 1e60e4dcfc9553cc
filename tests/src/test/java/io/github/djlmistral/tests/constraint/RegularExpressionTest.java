/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.constraint;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.Constraint;
import io.github.djlmistral.engine.constraint.Expression;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.RegularExpression;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegularExpressionTest {

    private static final String[] CHARACTERS = {
        "a", "b", "c", "x", "0", "1", "-", "é", "ü", "日", "本", "😀", " ", "\n", "\"", "\\", "_"
    };

    private static Constraint start(RegularExpression regex) {
        return CompiledGrammar.of(Grammar.of(Expression.regex(regex)), Vocabularies.SMALL).start();
    }

    private static boolean matches(Constraint constraint, String text) {
        Random random = new Random(text.hashCode());
        for (int token : Vocabularies.tokenize(text.getBytes(UTF_8), random)) {
            if (!constraint.accepts(token)) {
                return false;
            }
            constraint.advance(token);
        }
        return constraint.mayEnd();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "abc",
                "a|b|",
                "(a|b)*c",
                "[a-c]{2,3}x?",
                "[^a-z\"]+",
                "a{0,3}b{2}",
                "é|[日-本]+",
                "[😀-😎]*a",
                "\\d+(-\\d+)?",
                "\\w*\\W\\w*",
                "\\s|\\S\\S",
                "\\p{L}+",
                "[\\p{Lu}_é-]*",
                "\\P{L}*",
                "(?:a(?:b(?<n>c)?)*)+?",
                ".*",
                "[^é]{3}",
                "\\x61\\u0062",
                "(a?){3}b*",
                "(ab|a)(bc|c)?",
                "[-a]+|[b-]",
                "\\p{IsHan}*x",
                "((a*)*)*",
                "^a+$"
            })
    void equalsJavasRegularExpressions(String pattern) {
        Pattern expected = Pattern.compile(pattern);
        CompiledGrammar grammar =
                CompiledGrammar.of(Grammar.of(Expression.regex(pattern)), Vocabularies.SMALL);
        Random random = new Random(3);
        int matched = 0;
        for (int i = 0; i < 400; i++) {
            StringBuilder text = new StringBuilder();
            for (int length = random.nextInt(6); length > 0; length--) {
                text.append(CHARACTERS[random.nextInt(CHARACTERS.length)]);
            }
            assertThat(matches(grammar.start(), text.toString()))
                    .as("%s on <%s>", pattern, text)
                    .isEqualTo(expected.matcher(text).matches());
        }
        for (int i = 0; i < 50; i++) {
            String text = Vocabularies.walk(grammar.start(), random, 6);
            if (text != null) {
                assertThat(text).matches(expected);
                matched++;
            }
        }
        assertThat(matched).isPositive();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[a-cé]{0,30}",
                "[ab]{9,12}",
                "(ab|c){7,}x{2,9}",
                "((ab?){2,8}c){1,9}",
                "[^x]{14}",
                "(a?){20}b{8}"
            })
    void countsBeyondTheLongestTokenAreExact(String pattern) {
        CompiledGrammar grammar =
                CompiledGrammar.of(Grammar.of(Expression.regex(pattern)), Vocabularies.SMALL);
        Pattern expected = Pattern.compile(pattern);
        Random random = new Random(4);
        for (int walk = 0; walk < 10; walk++) {
            Constraint constraint = grammar.start();
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            while (true) {
                long[] mask = constraint.mask();
                List<Integer> allowed = new ArrayList<>();
                for (int token = 0; token < Vocabularies.SMALL.size(); token++) {
                    boolean accepted = constraint.accepts(token);
                    if (accepted != Vocabularies.has(mask, token)) {
                        fail("token %d is accepted: %b, after %s", token, accepted, text);
                    }
                    if (accepted) {
                        allowed.add(token);
                    }
                }
                int token = allowed.get(random.nextInt(allowed.size()));
                if (token == Vocabularies.END || text.size() > 200) {
                    break;
                }
                constraint.advance(token);
                text.writeBytes(Vocabularies.PIECES.get(token));
            }
            if (constraint.mayEnd()) {
                assertThat(text.toString(UTF_8)).matches(expected);
            }
        }
    }

    @Test
    void patternsMayMatchAnywhere() {
        Constraint unanchored = start(RegularExpression.containing("b"));
        assertThat(matches(unanchored.copy(), "abc")).isTrue();
        assertThat(matches(unanchored.copy(), "ac")).isFalse();
        Constraint begin = start(RegularExpression.containing("^b|c$"));
        assertThat(matches(begin.copy(), "ba")).isTrue();
        assertThat(matches(begin.copy(), "a\nc")).isTrue();
        assertThat(matches(begin.copy(), "abca")).isFalse();
    }

    @Test
    void intersectionsAndDifferences() {
        RegularExpression word = RegularExpression.of("[a-c]{1,3}");
        Constraint other =
                start(
                        word.except(
                                RegularExpression.anyOf(
                                        List.of(
                                                RegularExpression.literal("abc"),
                                                RegularExpression.literal("a")))));
        assertThat(matches(other.copy(), "a")).isFalse();
        assertThat(matches(other.copy(), "ab")).isTrue();
        assertThat(matches(other.copy(), "abc")).isFalse();
        assertThat(matches(other.copy(), "acc")).isTrue();
        Constraint both = start(word.and(RegularExpression.of("(ab|c)*")));
        assertThat(matches(both.copy(), "cab")).isTrue();
        assertThat(matches(both.copy(), "cb")).isFalse();
        // After "ca" only "b" leads to an end.
        both.advance(3 + 'c');
        both.advance(3 + 'a');
        assertThat(both.forcedBytes()).isEqualTo(new byte[] {'b'});
    }

    @Test
    void jsonStringsOfValues() {
        RegularExpression value = RegularExpression.of("a\\n\"[é😀]|\\\\?");
        Constraint json = start(value.jsonString());
        for (String text : new String[] {"a\n\"é", "a\n\"😀", "\\", ""}) {
            assertThat(matches(json.copy(), new JsonPrimitive(text).toString())).isTrue();
        }
        assertThat(matches(json.copy(), "\"\\u0061\\u000A\\u0022\\uD83D\\ude00\"")).isTrue();
        assertThat(matches(json.copy(), "\"a\\n\\\"\\u00E9\"")).isTrue();
        assertThat(matches(json.copy(), "\"a\n\\\"é\"")).isFalse();
        assertThat(matches(json.copy(), "\"a\\n\"é\"")).isFalse();
        assertThat(matches(json.copy(), "\"\\ud83d\"")).isFalse();
        Constraint other =
                start(
                        RegularExpression.of("a?b?")
                                .except(RegularExpression.literal("a"))
                                .jsonString());
        assertThat(matches(other.copy(), "\"\\u0061\"")).isFalse();
        assertThat(matches(other.copy(), "\"\\u0061b\"")).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(",
                ")",
                "a**",
                "[b-a]",
                "a{2,1}",
                "(?=a)",
                "(?!a)",
                "(?<=a)",
                "(?<!a)",
                "\\b",
                "\\1",
                "(?i)a",
                "a^",
                "$a",
                "\\p{Nothing}",
                "[a",
                "\\",
                "a{",
                "*",
                "\\u{110000}",
                "\\ud800",
                "a++",
                "\\q",
                "[[a]]"
            })
    void whatIsNotSupportedIsRefused(String pattern) {
        assertThatThrownBy(() -> RegularExpression.of(pattern))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(pattern);
    }
}
