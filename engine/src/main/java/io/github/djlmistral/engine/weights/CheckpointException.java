/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import io.github.djlmistral.engine.internal.Quote;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A checkpoint is invalid or unsupported. The message, one line, names the file, the problem and a
 * remedy.
 */
public final class CheckpointException extends IOException {

    private static final long serialVersionUID = 1;

    /** Maximum length of a problem in characters: it may quote a hostile file. */
    private static final int LONGEST = 800;

    /** The remedy for a truncated file. */
    static final String DOWNLOAD = "Download the file again";

    /** The remedy for an invalid GGUF file. */
    static final String CONVERT_AGAIN =
            "Download the file again; if that does not help, create it again with"
                    + " convert_hf_to_gguf.py of llama.cpp";

    /** The remedy for an invalid safetensors file. */
    static final String WRITE_AGAIN =
            "Download the file again; if that does not help, write it again with the safetensors"
                    + " library, for example save_pretrained(safe_serialization=True)";

    /**
     * Creates an exception.
     *
     * @param where the file or directory
     * @param problem the problem, without a full stop: "the file is empty"
     * @param remedy the remedy, a sentence without a full stop: "Download it again"
     */
    public CheckpointException(Path where, String problem, String remedy) {
        super(where + ": " + Quote.oneLine(problem, LONGEST) + ". " + remedy + ".");
    }
}
