/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hostile;

import java.util.List;

/**
 * One kind of file that the library reads.
 *
 * @param name the kind
 * @param form what mutations it takes besides those of bytes
 * @param examples valid files
 * @param weight how many of the inputs are of this kind, relative to the others
 * @param reader hands a mutated file to the library
 */
public record FuzzTarget(String name, Form form, List<byte[]> examples, int weight, Reader reader) {

    /** How a file is built. */
    public enum Form {
        /** A JSON document. */
        JSON,
        /** An 8-byte length, a JSON header of that length, then data. */
        SAFETENSORS,
        /** Lines of text. */
        TEXT,
        /** Anything else. */
        BYTES
    }

    /** Reads a mutated file; exceptions are answers, if they are of the right kind. */
    @FunctionalInterface
    public interface Reader {

        /** Reads the content of the file. */
        void read(byte[] content) throws Exception;
    }
}
