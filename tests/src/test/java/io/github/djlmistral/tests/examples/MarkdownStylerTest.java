/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.examples.chat.MarkdownStyler;
import java.util.ArrayList;
import java.util.List;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStringBuilder;
import org.jline.utils.AttributedStyle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Markdown on a terminal: the styles, the same whatever the pieces are, and nothing is lost. */
class MarkdownStylerTest {

    private static final String TEXT =
            """
            # Title with `code`

            Some **bold *and italic* text**, __more__, _italic_, `a*b*c` and ``x`y``.
            Not marks: 2 * 3 * 4, snake_case_name, **open, a\\*b, `open, f(*args), \\n
            - one
              * two
            + three
            1. four
            > quoted **bold**
            > - item

            ```python
            def f(*args):
                return "**" # - not an item
            - ``
            ```
            ~~~
            ```
            ~~~
            #hashtag --- ***
            the *end""";

    @ParameterizedTest
    @CsvSource({
        "'**bold** text', bold",
        "'__bold__ text', bold",
        "'*italic* text', italic",
        "'_italic_ text', italic",
        "'`code` text', code",
        "'`` a`b `` text', code",
        "'***both*** text', both",
        "'# heading', bold",
        "'###### heading', bold",
    })
    void spansHaveTheirStyle(String text, String name) {
        AttributedStyle plain = AttributedStyle.DEFAULT;
        AttributedStyle style =
                switch (name) {
                    case "bold" -> plain.bold();
                    case "italic" -> plain.italic();
                    case "both" -> plain.bold().italic();
                    default -> plain.foreground(AttributedStyle.CYAN);
                };
        AttributedString shown = shown(text, 1);
        assertThat(shown.toString()).doesNotContain("*", "_", "#").isNotEqualTo(text);
        assertThat(shown.styleAt(0)).isEqualTo(style);
        if (text.endsWith("text")) {
            assertThat(shown.styleAt(shown.length() - 1)).isEqualTo(plain);
        }
    }

    @Test
    void otherTextStaysAsItIs() {
        assertThat(shown(TEXT, 1).toString())
                .isEqualTo(
                        """
                        Title with code

                        Some bold and italic text, more, italic, a*b*c and x`y.
                        Not marks: 2 * 3 * 4, snake_case_name, **open, a*b, `open, f(*args), \\n
                        • one
                          • two
                        • three
                        1. four
                        | quoted bold
                        | • item

                        ```python
                        def f(*args):
                            return "**" # - not an item
                        - ``
                        ```
                        ~~~
                        ```
                        ~~~
                        #hashtag --- ***
                        the *end""");
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5, 7, 11, 1000})
    void piecesDoNotMatter(int length) {
        assertThat(shown(TEXT, length)).isEqualTo(shown(TEXT, 1));
    }

    @Test
    void textIsShownAsSoonAsItIsKnown() {
        List<String> output = new ArrayList<>();
        MarkdownStyler styler = new MarkdownStyler((text, style) -> output.add(text));
        styler.push("plain");
        assertThat(output).containsExactly("plain");
        styler.push(" **bo");
        styler.push("ld");
        assertThat(output).containsExactly("plain", " ");
        styler.push("** ");
        assertThat(output).containsExactly("plain", " ", "bold", " ");
    }

    /** A star that is never closed holds nothing back for long. */
    @Test
    void anOpenMarkIsPrintedBeforeItsLineEnds() {
        StringBuilder output = new StringBuilder();
        MarkdownStyler styler = new MarkdownStyler((text, style) -> output.append(text));
        String text = "*open " + "word ".repeat(40);
        styler.push(text);
        assertThat(output.toString()).isEqualTo(text);
    }

    private static AttributedString shown(String text, int length) {
        AttributedStringBuilder shown = new AttributedStringBuilder();
        MarkdownStyler styler = new MarkdownStyler((piece, style) -> shown.append(piece, style));
        for (int from = 0; from < text.length(); from += length) {
            styler.push(text.substring(from, Math.min(text.length(), from + length)));
        }
        styler.end();
        return shown.toAttributedString();
    }
}
