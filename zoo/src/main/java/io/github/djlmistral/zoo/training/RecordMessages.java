/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.internal.Quote;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What was found about the records of a file, of which the first 20 are listed.
 *
 * @param file the file
 * @param count how many records it was found about
 * @param first the first 20 of them, in the order of the file
 */
public record RecordMessages(Path file, int count, List<Entry> first) {

    /** The number of records that are listed. */
    static final int LISTED = 20;

    /**
     * A message about a record.
     *
     * @param line the number of its line in the file, from 1
     * @param reason the message
     */
    public record Entry(long line, String reason) {

        /** Returns, for example, {@code line 12: "completion" is missing}. */
        @Override
        public String toString() {
            return "line " + line + ": " + reason;
        }
    }

    /** Copies the list. */
    public RecordMessages {
        first = List.copyOf(first);
    }

    /**
     * Lists the records.
     *
     * @return a line for each that is listed, and how many there are beyond; the empty string if
     *     there are none
     */
    @Override
    public String toString() {
        String lines =
                first.stream()
                        .map(entry -> "  " + Quote.oneLine(entry.toString(), 300))
                        .collect(Collectors.joining("\n"));
        int more = count - first.size();
        return more == 0 ? lines : lines + "\n  and " + more + " more";
    }
}
