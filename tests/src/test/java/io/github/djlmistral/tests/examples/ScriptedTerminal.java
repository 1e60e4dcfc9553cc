/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jline.terminal.Size;
import org.jline.terminal.TerminalBuilder;
import org.jline.terminal.impl.ExternalTerminal;

/** A terminal whose user waits for an output and types, again and again. */
final class ScriptedTerminal {

    /** Where a line is read, JLine asks for pasted text in brackets. */
    private static final String PROMPT = "\u001b[?2004h";

    private record Step(String expected, String typed) {}

    private final Queue<Step> steps = new ArrayDeque<>();
    private final Screen screen = new Screen();
    private final PipedOutputStream keyboard = new PipedOutputStream();

    /** Waits for the prompt. */
    ScriptedTerminal type(String keys) {
        return type(PROMPT, keys);
    }

    ScriptedTerminal type(String expected, String keys) {
        steps.add(new Step(expected, keys));
        return this;
    }

    /** Runs a command; its standard output is what was sent to the terminal. */
    @SuppressWarnings("deprecation") // the only way to give a command a terminal
    Cli run(boolean styled, String... arguments) throws IOException {
        System.setProperty("mistral.terminals", "01");
        System.setProperty("picocli.ansi", Boolean.toString(styled));
        PipedInputStream keys = new PipedInputStream(keyboard, 1 << 16);
        try (ExternalTerminal terminal =
                new ExternalTerminal("test", "xterm", keys, screen, StandardCharsets.UTF_8)) {
            terminal.setSize(new Size(200, 50));
            TerminalBuilder.setTerminalOverride(terminal);
            Cli run = Cli.run(arguments);
            return new Cli(run.exitCode(), screen.text(), run.err());
        } finally {
            TerminalBuilder.setTerminalOverride(null);
            System.clearProperty("mistral.terminals");
            System.clearProperty("picocli.ansi");
        }
    }

    private final class Screen extends OutputStream {

        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private int seen;

        @Override
        public synchronized void write(int b) throws IOException {
            bytes.write(b);
            Step step = steps.peek();
            if (step == null) {
                return;
            }
            int found = text().indexOf(step.expected, seen);
            if (found >= 0) {
                seen = found + step.expected.length();
                steps.remove();
                keyboard.write(step.typed.getBytes(StandardCharsets.UTF_8));
                keyboard.flush();
            }
        }

        private synchronized String text() {
            return bytes.toString(StandardCharsets.UTF_8);
        }
    }
}
