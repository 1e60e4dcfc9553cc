/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jline.utils.AttributedStyle;

/**
 * Styles a text in Markdown while it is generated: headings, lists, quotes, code, bold and italic.
 * Other marks, and those that are not closed in their line, stay as they are.
 */
@SuppressWarnings("JdkObsolete") // hitEnd tells whether the next piece matters
public final class MarkdownStyler {

    /** A mark that is not closed after so many characters is printed, so that the text goes on. */
    private static final int LONGEST_SPAN = 120;

    private static final AttributedStyle PLAIN = AttributedStyle.DEFAULT;
    private static final AttributedStyle CODE = PLAIN.foreground(AttributedStyle.CYAN);

    private static final Pattern BLOCK =
            Pattern.compile(
                    " *(?:(?<fence>`{3,}|~{3,})[^`\n]*|(?<heading>#{1,6}) +|(?<item>[-*+]) +"
                            + "|(?<quote>>) ?)");

    private static final Pattern CLOSING_FENCE = Pattern.compile(" *(?:`{3,}|~{3,}) *");

    private static final Pattern SPAN =
            Pattern.compile(
                    "\\\\(?<escaped>[*_`#])"
                            + "|(?<ticks>`+)(?!`)(?<code>.+?)(?<!`)\\k<ticks>(?!`)"
                            + "|(?<stars>\\*{1,3})(?=[^\\s*])(?<starred>.*?[^\\s*])\\k<stars>(?!\\*)"
                            + "|(?<!\\w)(?<lines>_{1,3})(?=[^\\s_])(?<lined>.*?[^\\s_])\\k<lines>(?!\\w)");

    /** Marks of which it takes the rest of the line to know whether they begin a span. */
    private static final Pattern OPENING =
            Pattern.compile("`+(?=.)|\\*{1,3}(?=[^\\s*])|(?<!\\w)_{1,3}(?=[^\\s_])");

    private static final Pattern MARKS = Pattern.compile("\\\\|`+|\\*+|_+");

    private final BiConsumer<String, AttributedStyle> output;

    /** The current line, and how much of it was printed. */
    private final StringBuilder line = new StringBuilder();

    private int printed;

    /** Whether the mark of a block may follow. */
    private boolean atBlock = true;

    /** The mark that ends the current block of code; empty outside of one. */
    private String fence = "";

    private AttributedStyle style = PLAIN;

    /**
     * Creates a styler.
     *
     * @param output receives the text to print and its style
     */
    public MarkdownStyler(BiConsumer<String, AttributedStyle> output) {
        this.output = output;
    }

    /**
     * Continues the text.
     *
     * @param piece the next piece, of any length
     */
    public void push(String piece) {
        int from = 0;
        for (int end; (end = piece.indexOf('\n', from)) >= 0; from = end + 1) {
            line.append(piece, from, end);
            endLine();
            emit("\n", PLAIN);
        }
        line.append(piece, from, piece.length());
        advance(false);
    }

    /** Prints what is left. */
    public void end() {
        endLine();
    }

    private void endLine() {
        advance(true);
        line.setLength(0);
        printed = 0;
        atBlock = true;
        style = PLAIN;
    }

    private void advance(boolean complete) {
        while (atBlock && printed < line.length()) {
            Pattern pattern = fence.isEmpty() ? BLOCK : CLOSING_FENCE;
            Matcher block = pattern.matcher(line).region(printed, line.length());
            boolean found = block.lookingAt();
            if (block.hitEnd() && !complete) {
                return;
            }
            atBlock = found && block(block);
        }
        if (fence.isEmpty()) {
            printed = spans(line, printed, complete, style);
        } else {
            emit(line.substring(printed), CODE);
            printed = line.length();
        }
    }

    /** Begins or ends a block; returns whether another one may begin within it. */
    private boolean block(Matcher block) {
        String text = block.group();
        if (!fence.isEmpty()) {
            boolean closes = block.end() == line.length() && text.strip().startsWith(fence);
            if (closes) {
                fence = "";
                emit(text, PLAIN.faint());
                printed = block.end();
            }
            return false;
        }
        printed = block.end();
        if (block.group("heading") != null) {
            style = PLAIN.bold();
        } else if (block.group("fence") != null) {
            fence = block.group("fence");
            emit(text, PLAIN.faint());
        } else {
            String indent = text.substring(0, text.indexOf(text.strip()));
            emit(indent + (block.group("item") != null ? "• " : "| "), PLAIN.faint());
        }
        return block.group("quote") != null;
    }

    /**
     * Prints a line from an index on.
     *
     * @param complete whether the line has ended; if not, an open mark and what follows are kept
     * @return the index up to which it was printed
     */
    private int spans(CharSequence text, int from, boolean complete, AttributedStyle base) {
        int index = from;
        while (index < text.length()) {
            Matcher marks = MARKS.matcher(text);
            if (!marks.find(index)) {
                emit(text.subSequence(index, text.length()).toString(), base);
                return text.length();
            }
            emit(text.subSequence(index, marks.start()).toString(), base);
            index = marks.start();
            Matcher span = at(SPAN, text, index);
            if (span.lookingAt() && (complete || !span.hitEnd())) {
                span(span, base);
                index = span.end();
                continue;
            }
            boolean open =
                    marks.end() == text.length()
                            || (at(OPENING, text, index).lookingAt()
                                    && text.length() - index <= LONGEST_SPAN);
            if (open && !complete) {
                return index;
            }
            emit(marks.group(), base);
            index = marks.end();
        }
        return index;
    }

    private static Matcher at(Pattern pattern, CharSequence text, int index) {
        return pattern.matcher(text).useTransparentBounds(true).region(index, text.length());
    }

    private void span(Matcher span, AttributedStyle base) {
        if (span.group("escaped") != null) {
            emit(span.group("escaped"), base);
        } else if (span.group("code") != null) {
            emit(span.group("code"), CODE);
        } else {
            String stars = span.group("stars");
            int marks = (stars != null ? stars : span.group("lines")).length();
            AttributedStyle bold = marks > 1 ? base.bold() : base;
            String text = stars != null ? span.group("starred") : span.group("lined");
            spans(text, 0, true, marks == 2 ? bold : bold.italic());
        }
    }

    private void emit(String text, AttributedStyle shown) {
        if (!text.isEmpty()) {
            output.accept(text, shown);
        }
    }
}
