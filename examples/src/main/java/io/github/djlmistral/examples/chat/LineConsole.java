/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import io.github.djlmistral.zoo.translator.TextPieces;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;

/**
 * A conversation through pipes or files: each line is an entry, answers are printed as they are.
 */
public final class LineConsole implements ChatConsole {

    private final BufferedReader in;
    private final PrintWriter out;

    /**
     * Creates a console.
     *
     * @param in lines in UTF-8; stays open
     * @param out receives the answers; stays open
     */
    public LineConsole(InputStream in, PrintWriter out) {
        this.in = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        this.out = out;
    }

    @Override
    public @Nullable Entry read(String prompt) throws IOException {
        String line = in.readLine();
        return line == null ? null : new Entry(line.strip(), false);
    }

    @Override
    public boolean confirm(String question) {
        return false;
    }

    @Override
    public String show(TextPieces text) {
        StringBuilder content = new StringBuilder();
        Object before = Signals.register("INT", text::cancel);
        try {
            text.run(
                    piece -> {
                        content.append(piece);
                        out.print(piece);
                        out.flush();
                    });
        } finally {
            Signals.unregister("INT", before);
        }
        if (content.length() > 0 || text.toolCalls().isEmpty()) {
            out.println();
        }
        text.toolCalls().forEach(call -> out.println(ChatConsole.line(call)));
        return content.toString();
    }

    @Override
    public void close() {}
}
