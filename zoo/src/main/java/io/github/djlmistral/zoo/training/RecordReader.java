/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Converts records of a JSONL file to training examples. Thread-safe.
 *
 * @param <E> the type of an example
 */
public interface RecordReader<E> {

    /**
     * Converts a record.
     *
     * @param fields the members of its JSON object: strings, numbers, booleans, null, maps and
     *     lists of these
     * @param warnings takes what is doubtful about the record but does not prevent its use
     * @return the example
     * @throws IllegalArgumentException if the record cannot be used; the message tells why
     */
    E read(Map<String, @Nullable Object> fields, Consumer<String> warnings);

    /**
     * Returns the length of an example.
     *
     * @param example the example
     * @return its number of tokens
     */
    int tokens(E example);
}
