/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.constraint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.Gbnf;
import io.github.djlmistral.engine.constraint.Grammar;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Grammars in llama.cpp's notation. */
class GbnfTest {

    /** Games of chess in a notation of its own subset: rules, classes, groups and comments. */
    private static final String CHESS =
            """
            # a game: numbered pairs of moves
            root ::= (
                # the first pair
                "1. " move " " move "\\n"
                ([1-9] [0-9]? ". " move " " move "\\n")*
            )
            move ::= (pawn | piece | castle) [+#]?
            pawn ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBRQ])?
            piece ::= [NBRQK] [a-h]? [1-8]? "x"? [a-h] [1-8]
            castle ::= "O-O" |
                "O-O-O"
            """;

    /** Left recursion, and white space as a rule. */
    private static final String SUM =
            """
            root ::= sum "\\n"
            sum ::= term | sum ws [-+] ws term
            term ::= [0-9]+ | [a-z] [a-z0-9_]* | "(" ws sum ws ")"
            ws ::= [ \\t]{0,2}
            """;

    private static boolean matches(String grammar, String text) {
        return Vocabularies.matches(Gbnf.parse(grammar), text);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "root ::= 'ab' | 'c'; ab; abc",
                "root ::= 'ab'*; abab; aba",
                "root ::= 'ab'+ 'c'?; ababc; c",
                "root ::= 'a'{2}; aa; aaa",
                "root ::= 'a'{2,}; aaaa; a",
                "root ::= 'a'{ 1 , 3 } 'b'; aab; aaaab",
                "root ::= 'a'{0,2}'b'; b; aaab",
                "root ::= ('a'|'b'*)+ 'c'; bbabc; bbab",
                "root ::= [a-cx-]+; b-x; by",
                "root ::= [^a-c]; é; b",
                "root ::= [^\\n]; 日; ⏎",
                "root ::= .; ⏎; ab",
                "root ::= '\\x41\\u00e9\\U0001F600\\r\\\\\\'\\[\\]\\n'; Aé😀\r\\\"[]⏎; A",
                "root ::= [ぁ-ゟ]+; ひらがな; カ",
                "root ::= a-b | A_1 # c⏎⏎a-b::='a'⏎A_1 ::=⏎ 'b'; b; c",
                "root ::= 'a'?*; aaa; b",
                "root ::= 'a'{0,1000}{0,1000}; aaaaaaaaaaaaaaaa; b",
                "root ::= 'x' root | root 'y' | 'z'; xxzyy; xyz",
            })
    void textsAreAcceptedAndRefused(String grammar, String accepted, String refused) {
        String text = Vocabularies.source(grammar);
        assertThat(matches(text, Vocabularies.source(accepted))).isTrue();
        assertThat(matches(text, Vocabularies.source(refused))).isFalse();
    }

    @Test
    void grammarsOfSeveralRules() {
        assertThat(matches(CHESS, "1. e4 e5\n2. Nf3 Nc6\n3. O-O Qxf7#\n")).isTrue();
        assertThat(matches(CHESS, "1. exd8=Q+ O-O-O\n")).isTrue();
        assertThat(matches(CHESS, "1. e9 e5\n")).isFalse();
        assertThat(matches(CHESS, "2. e4 e5\n")).isFalse();
        assertThat(matches(SUM, "1 + (ab_2 -3)+x\n")).isTrue();
        assertThat(matches(SUM, "1 + (ab_2 -3\n")).isFalse();
        assertThat(matches(SUM, "1   + 2\n")).isFalse();
    }

    @Test
    void anAlternativeMayBeEmpty() {
        assertThat(matches("root ::= \"a\" | ", "")).isTrue();
        assertThat(matches("root ::= ( | \"a\" root)", "aa")).isTrue();
        assertThat(matches("root ::= \"\"", "")).isTrue();
    }

    @Test
    void walksMatch() {
        CompiledGrammar grammar = CompiledGrammar.of(Gbnf.parse(SUM), Vocabularies.SMALL);
        int finished = 0;
        for (int seed = 0; seed < 40; seed++) {
            String text = Vocabularies.walk(grammar.start(), new Random(seed), 20);
            if (text != null) {
                assertThat(Vocabularies.matches(grammar.start(), text)).as(text).isTrue();
                finished++;
            }
        }
        assertThat(finished).isPositive();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "a ::= 'x'; line 1, column 10: the rule root",
                "root ::= a⏎a ::= 'x' b; line 2, column 11: the rule b is not defined",
                "root ::= 'a'⏎root ::= 'b'; line 2, column 1: the rule root is defined twice",
                "root ::= 'a; line 1, column 12: the grammar ends too early",
                "root ::= ('a'; line 1, column 14: expected )",
                "root ::= 'a'); line 1, column 13: expected the end of the line",
                "root ::= 'a'⏎| 'b'; line 2, column 1: a line cannot begin with |",
                "root ::= * 'a'; line 1, column 10: a repetition without anything before it",
                "root ::= 'a'{2,1}; line 1, column 13: a repetition whose least count",
                "root ::= 'a'{9999999}; line 1, column 14: a count above 1,000,000",
                "root ::= 'a'{99999999999999999999}; line 1, column 14: a count above 1,000,000",
                "root ::= 'a'{,2}; line 1, column 14: expected a number",
                "root ::= [z-a]; line 1, column 11: a range that is not",
                "root ::= []; line 1, column 10: a class without characters",
                "root ::= '\\q'; line 1, column 11: no escape \\q exists",
                "root ::= '\\xg0'; line 1, column 13: expected 2 hexadecimal digits",
                "root ::= '\\U00110000'; line 1, column 13: a character above U+10FFFF",
                "root ::= '\\ud800'; line 1, column 11: half a surrogate pair",
                "root ::= <think>; line 1, column 10: tokens (<...>) are not supported",
                "root = 'a'; line 1, column 6: expected ::=",
                "root ::= é; line 1, column 10: expected a literal",
                "root ::= 'a' root; no text matches",
            })
    void errorsNameTheirPlace(String grammar, String message) {
        assertThatThrownBy(() -> matches(Vocabularies.source(grammar), ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void deepAndLongGrammars() {
        String open = "root ::= " + "(".repeat(100_000) + "\"a\"" + ")".repeat(100_000);
        assertThatThrownBy(() -> Gbnf.parse(open))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("parentheses nest deeper than 200");
        String deep = "root ::= " + "(\"b\" root? ".repeat(200) + "\"a\"" + ")".repeat(200);
        assertThat(matches(deep, "b".repeat(200) + "a")).isTrue();
        StringBuilder chain = new StringBuilder("root ::= r0\n");
        for (int i = 0; i < 3000; i++) {
            chain.append("r").append(i).append(" ::= \"a\"? r").append(i + 1).append('\n');
        }
        assertThat(matches(chain + "r3000 ::= \"b\"", "aaab")).isTrue();
        String text = "x".repeat(50_000);
        assertThat(matches("root ::= \"" + text + "\" | \"y\"", text)).isTrue();
    }

    @Test
    void choicesOfStrings() {
        Grammar grammar = Grammar.choice(List.of("true", "true or false", "日本"));
        CompiledGrammar choice = CompiledGrammar.of(grammar, Vocabularies.SMALL);
        for (String text : List.of("true", "true or false", "日本")) {
            assertThat(Vocabularies.matches(choice.start(), text)).isTrue();
        }
        assertThat(Vocabularies.matches(choice.start(), "true or")).isFalse();
        assertThatThrownBy(() -> Grammar.choice(List.of()))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
