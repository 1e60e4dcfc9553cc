/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.constraint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.Lark;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Grammars in Lark's notation, as llguidance takes it. */
class LarkTest {

    private static boolean matches(String grammar, String text) {
        return Vocabularies.matches(Lark.parse(grammar), text);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "start: 'ab' | 'c'; ab; abc",
                "start: 'a'⏎  | 'b'⏎⏎ // comment⏎  | 'c' # comment; c; d",
                "start: 'Straße'i; sTRAßE; Strasse",
                "start: /a.c/; abc; a⏎c",
                "start: /a.c/is; A⏎C; ac",
                "start: /[^a]\\/(?i:x)/i; b/X; A/x",
                "start: 'a'..'f' 'x'; ex; gx",
                "start: 'a'~2..3; aaa; aaaa",
                "start: 'a' ~ 2; aa; a",
                "start: ('a' 'b'){2}; abab; ab",
                "start: 'a'{,2} 'b'; aab; aaab",
                "start: 'a'{2,}; aaaa; a",
                "start: ['a'] 'b'? 'c'+; accc; aa",
                "start: A⏎A: B 'x'* | C⏎B: /[0-9]/⏎C: 'c'; 1xx; x1",
                "start: A⏎A: /[a-z]+/ & ~('if' | 'else'); iff; if",
                "start: /[a-z]*/ 'b' -> name⏎?other: 'x'⏎!_third: 'y'; ab; ba",
                "start: '\\x41\\u00e9\\U0001F600\\ud83d\\ude00\\n'; Aé😀😀⏎; A",
                "start: start '+' start | NUMBER⏎%import common.NUMBER; 1+2.5+3e-7; 1++2",
                "start: WORD ',' N⏎%import common (WORD, INT)⏎%import common.INT -> N; ab,12; ab,c",
                "start: ESCAPED_STRING⏎%import common.ESCAPED_STRING; 'a\\'b\\\\'; 'a'b'",
                "start: C_COMMENT⏎%import common.C_COMMENT; /* a **/; /* a */ */",
                "start: 'a' 'b' A⏎A: 'c' 'd'⏎%ignore ' '⏎%ignore /#[a-z]*\\n?/;  a  #x⏎b cd #; ab c d",
                "start: TEXT⏎TEXT: /(?s:.)*/ & ~/(?s:.)*--(?s:.)*/; a-b-c; a--b",
                "%llguidance {}⏎start: 'a'; a; b",
            })
    void textsAreAcceptedAndRefused(String grammar, String accepted, String refused) {
        assertThat(matches(Vocabularies.source(grammar), Vocabularies.source(accepted))).isTrue();
        assertThat(matches(Vocabularies.source(grammar), Vocabularies.source(refused))).isFalse();
    }

    @Test
    void schemasHaveWhiteSpaceOfTheirOwn() {
        String grammar =
                """
                start: "call" %json {
                    "type": "object",
                    "properties": {"a}": {"type": "number", "multipleOf": 0.7}},
                    "additionalProperties": false
                } | %json {"const": "\\""}
                %ignore /_/
                """;
        assertThat(matches(grammar, "_call__{ \"a}\" : 14 }_")).isTrue();
        assertThat(matches(grammar, "call{\"a}\":_14}")).isFalse();
        assertThat(matches(grammar, "call{\"a}\":1_4}")).isFalse();
        assertThat(matches(grammar, "call{\"a}\":15}")).isFalse();
        assertThat(matches(grammar, "\"\\\"\"")).isTrue();
    }

    /** Free text up to the first marker, and then a call. */
    @Test
    void lazyTerminalsEndAtTheirShortestMatch() {
        String grammar =
                """
                start: head "=" /[0-9]+/ ">" rest
                head[lazy]: TEXT "<f"
                rest[suffix="!"]: TEXT
                TEXT: /(.|\\n)*/
                """;
        assertThat(matches(grammar, "a<b <f=12>c\n!")).isTrue();
        assertThat(matches(grammar, "a<fb<f=12>!")).isFalse();
        assertThat(matches(grammar, "<f=1>a!b!")).isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "a: 'x'; line 1, column 7: the rule start",
                "start: b; line 1, column 8: the rule b is not defined",
                "start: 'a' B; line 1, column 12: the terminal B is not defined",
                "start: A⏎A: 'x' B⏎B: A?; line 3, column 4: the terminal A refers to itself",
                "start: A⏎A: start; line 2, column 4: a terminal cannot refer to the rule start",
                "start: 'a'⏎start: 'b'; line 2, column 1: start is defined twice",
                "start: Abc; line 1, column 8: expected the name",
                "start: <think>; line 1, column 8: tokens (<...>) are not supported",
                "start: @other; line 1, column 8: @other is not supported",
                "start: %regex {}; line 1, column 8: %regex is not supported",
                "%declare A⏎start: 'a'; line 1, column 1: %declare is not supported",
                "%import python.X⏎start: 'a'; line 1, column 1: only %import common",
                "%import common.X⏎start: 'a'; line 1, column 1: %import common has no terminal X",
                "%llguidance {'no_forcing': true}; line 1, column 1: the options of %llguidance",
                "start: a{'x'}⏎a{b}: b; line 1, column 10: expected a number",
                "start: 'a'⏎a{b}: b; line 2, column 2: templates are not supported",
                "start.2: 'a'; line 1, column 6: priorities are not supported",
                "start[max_tokens=3]: 'a'; line 1, column 7: the attribute max_tokens",
                "start: 'a' & 'b'; line 1, column 12: & is supported in terminals only",
                "start: ~'a'; line 1, column 8: ~ is supported in terminals only",
                "start: A⏎A: %json {}; line 2, column 4: %json is supported in rules only",
                "start: %json {'type': 'strin'}; line 1, column 8: %json: JSON Schema, #/type",
                "start: %json {; line 1, column 15: the grammar ends too early",
                "start: /a(?=b)/; line 1, column 8: look-ahead",
                "start: /a/m; line 1, column 8: of the flags only i, s and u",
                "start: 'ab'..'c'; line 1, column 8: a range that is not",
                "start: 'a; line 1, column 10: the grammar ends too early",
                "start: '\\ud800'; line 1, column 8: the text has half a surrogate pair",
                "start: ('a'; line 1, column 12: expected )",
                "start: 'a'); line 1, column 11: expected the end of the line",
                "start: 'a'~3..2; line 1, column 11: a repetition whose least count",
                "start: *; line 1, column 8: expected a string",
            })
    void errorsNameTheirPlace(String grammar, String message) {
        assertThatThrownBy(() -> matches(Vocabularies.source(grammar), ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void deepGrammarsAreRefused() {
        String groups = "start: " + "(".repeat(100_000) + "\"a\"" + ")".repeat(100_000);
        assertThatThrownBy(() -> Lark.parse(groups)).hasMessageContaining("groups nest deeper");
        String negations = "start: A\nA: " + "~".repeat(100_000) + "\"a\"";
        assertThatThrownBy(() -> Lark.parse(negations)).hasMessageContaining("groups nest deeper");
        StringBuilder chain = new StringBuilder("start: A0\n");
        for (int i = 0; i < 10_000; i++) {
            chain.append("A").append(i).append(": \"a\" A").append(i + 1).append('\n');
        }
        assertThatThrownBy(() -> Lark.parse(chain.toString()))
                .hasMessageContaining("terminals refer to each other deeper than 200");
    }

    @Test
    void whiteSpaceThatIsIgnoredEnds() {
        Grammar grammar = Lark.parse("start: /a/ /b/\n%ignore /\\s+/ | /#[^\\n]*\\n/");
        assertThat(Vocabularies.matches(grammar, "a" + " ".repeat(20) + "b")).isTrue();
        assertThat(Vocabularies.matches(grammar, "a" + " ".repeat(21) + "b")).isFalse();
        assertThat(Vocabularies.matches(grammar, "a #" + "x y ".repeat(9) + "\n b")).isTrue();
    }
}
