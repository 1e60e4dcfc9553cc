/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import java.nio.file.Path;

/** A record of a JSONL file cannot be used; the message names file, line and reason. */
public final class BadRecordException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    private final long line;
    private final String reason;

    BadRecordException(Path file, long line, IllegalArgumentException cause) {
        super(file + ", line " + line + ": " + cause.getMessage(), cause);
        this.line = line;
        reason = String.valueOf(cause.getMessage());
    }

    /**
     * Returns the line of the record.
     *
     * @return its number in the file, from 1
     */
    public long line() {
        return line;
    }

    /**
     * Returns why the record cannot be used.
     *
     * @return the message without file and line
     */
    public String reason() {
        return reason;
    }
}
