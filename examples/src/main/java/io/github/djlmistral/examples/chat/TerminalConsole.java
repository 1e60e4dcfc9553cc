/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.zoo.translator.TextPieces;
import java.io.IOException;
import java.util.Locale;
import java.util.Objects;
import org.jline.reader.Buffer;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReader.Option;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.Widget;
import org.jline.terminal.Attributes;
import org.jline.terminal.Attributes.LocalFlag;
import org.jline.terminal.Terminal;
import org.jline.terminal.Terminal.Signal;
import org.jline.utils.AttributedCharSequence.ForceMode;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStyle;
import org.jspecify.annotations.Nullable;

/**
 * A conversation on a terminal, with line editing, history and completion. A message may have
 * several lines: pasted ones, those after a line that ends in a backslash, and those between triple
 * quotes.
 */
public final class TerminalConsole implements ChatConsole {

    private static final String QUOTES = "\"\"\"";

    private static final int COLORS = 8;
    private static final AttributedStyle NOTE = AttributedStyle.DEFAULT.faint();

    private final Terminal terminal;
    private final boolean styled;
    private final LineReader reader;
    private final LineReader questions;

    /** What Ctrl-C does while no line is read. */
    private volatile Runnable interrupt = () -> {};

    /**
     * Creates a console.
     *
     * @param terminal the terminal, closed with this console
     * @param history keeps the entries
     * @param styled whether to use colours and to style Markdown, where the terminal can
     */
    public TerminalConsole(Terminal terminal, EntryHistory history, boolean styled) {
        this.terminal = terminal;
        this.styled = styled && !terminal.getType().startsWith(Terminal.TYPE_DUMB);
        terminal.handle(Signal.INT, signal -> interrupt.run());
        questions = LineReaderBuilder.builder().terminal(terminal).build();
        reader =
                LineReaderBuilder.builder()
                        .terminal(terminal)
                        .history(history)
                        .parser(CommandWords::parse)
                        .completer(new CommandCompleter())
                        .variable(LineReader.SECONDARY_PROMPT_PATTERN, "  ")
                        .option(Option.DISABLE_EVENT_EXPANSION, true) // a message may have a "!"
                        .option(Option.INSERT_TAB, false)
                        .build();
        Widget accept = Objects.requireNonNull(reader.getWidgets().get(LineReader.ACCEPT_LINE));
        reader.getWidgets().put(LineReader.ACCEPT_LINE, () -> continueLine() || accept.apply());
    }

    /** Begins a new line instead of ending the message, where that was asked for. */
    private boolean continueLine() {
        Buffer buffer = reader.getBuffer();
        String text = buffer.toString().strip();
        if (buffer.cursor() == buffer.length() && buffer.prevChar() == '\\') {
            buffer.backspace();
        } else if (!text.startsWith(QUOTES) || isQuoted(text)) {
            return false;
        }
        buffer.write("\n");
        return true;
    }

    private static boolean isQuoted(String text) {
        return text.length() >= 2 * QUOTES.length()
                && text.startsWith(QUOTES)
                && text.endsWith(QUOTES);
    }

    @Override
    public @Nullable Entry read(String prompt) {
        String shown = styled ? ansi(prompt, AttributedStyle.DEFAULT.foreground(2)) : prompt;
        boolean interrupted = false;
        while (true) {
            try {
                String text = reader.readLine(shown).strip();
                return isQuoted(text)
                        ? new Entry(
                                text.substring(QUOTES.length(), text.length() - QUOTES.length())
                                        .strip(),
                                true)
                        : new Entry(text, false);
            } catch (UserInterruptException e) {
                boolean empty = e.getPartialLine().isEmpty();
                if (empty && interrupted) {
                    return null;
                }
                if (empty) {
                    print("Ctrl-C again or Ctrl-D ends.\n", NOTE);
                }
                interrupted = empty;
            } catch (EndOfFileException e) {
                return null;
            } finally {
                Thread.interrupted(); // a Ctrl-C that came with the end of the line
            }
        }
    }

    @Override
    public boolean confirm(String question) {
        try {
            String answer = questions.readLine(question + " [y/N] ");
            return answer.strip().toLowerCase(Locale.ROOT).startsWith("y");
        } catch (UserInterruptException | EndOfFileException e) {
            return false;
        }
    }

    @Override
    public String show(TextPieces text) {
        StringBuilder content = new StringBuilder();
        MarkdownStyler markdown = new MarkdownStyler(this::print);
        Attributes before = terminal.getAttributes();
        Attributes silent = new Attributes(before);
        silent.setLocalFlag(LocalFlag.ECHO, false); // what is typed meanwhile is the next line
        silent.setLocalFlag(LocalFlag.ICANON, false);
        terminal.setAttributes(silent);
        interrupt = text::cancel;
        try {
            text.run(
                    piece -> {
                        content.append(piece);
                        if (styled) {
                            markdown.push(piece);
                        } else {
                            print(piece, AttributedStyle.DEFAULT);
                        }
                    });
        } finally {
            interrupt = () -> {};
            markdown.end();
            if (content.length() > 0 || text.toolCalls().isEmpty()) {
                print("\n", AttributedStyle.DEFAULT);
            }
            terminal.setAttributes(before);
        }
        text.toolCalls()
                .forEach(call -> print(ChatConsole.line(call) + "\n", AttributedStyle.BOLD));
        if (text.result().sequences().get(0).finishReason() == FinishReason.LENGTH) {
            print("(cut off; /set max_new_tokens N allows more)\n", NOTE);
        }
        return content.toString();
    }

    /** Prints a text without the control characters in it, which a terminal would obey. */
    private void print(String text, AttributedStyle style) {
        String plain = text.replace("\r", "").replaceAll("[\\p{Cc}&&[^\n\t]]", "\uFFFD");
        terminal.writer().print(styled ? ansi(plain, style) : plain);
        terminal.flush();
    }

    private static String ansi(String text, AttributedStyle style) {
        return new AttributedString(text, style).toAnsi(COLORS, ForceMode.None);
    }

    @Override
    public void close() throws IOException {
        terminal.close();
    }
}
