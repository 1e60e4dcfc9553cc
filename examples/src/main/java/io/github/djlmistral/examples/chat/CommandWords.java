/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import java.util.List;
import org.jline.reader.CompletingParsedLine;
import org.jline.reader.Parser.ParseContext;

/**
 * The words of a command up to the cursor, for completion: the command and its argument, in which
 * spaces are as good as other characters; with {@code /set} an option and its value. A message is a
 * single word.
 *
 * @param line the whole line
 * @param cursor index of the cursor
 * @param words the words; the cursor is at the end of the last one
 */
record CommandWords(String line, int cursor, List<String> words) implements CompletingParsedLine {

    static CommandWords parse(String line, int cursor, ParseContext context) {
        String text = line.substring(0, Math.min(cursor, line.length()));
        boolean command = text.startsWith("/") && text.indexOf('\n') < 0;
        int limit = !command ? 1 : text.startsWith(SlashCommand.SET + " ") ? 3 : 2;
        return new CommandWords(line, cursor, List.of(text.split(" +", limit)));
    }

    @Override
    public String word() {
        return words.get(wordIndex());
    }

    @Override
    public int wordCursor() {
        return word().length();
    }

    @Override
    public int wordIndex() {
        return words.size() - 1;
    }

    @Override
    public CharSequence escape(CharSequence candidate, boolean complete) {
        return candidate;
    }

    @Override
    public int rawWordCursor() {
        return wordCursor();
    }

    @Override
    public int rawWordLength() {
        return wordCursor();
    }
}
