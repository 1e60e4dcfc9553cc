/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/**
 * Drafts tokens of one sequence for {@link SpeculativeDecoding}; {@code CandidateGenerator} of the
 * reference. A bad draft costs time, and never changes the text.
 */
interface Drafter extends AutoCloseable {

    /**
     * Drafts tokens.
     *
     * @param sequence the sequence, which since the last call has grown by tokens of the draft, if
     *     they were accepted, and others
     * @param length chooses the number of tokens
     * @param most maximum number of tokens, at least 1
     * @return the draft, which may be empty
     */
    Draft draft(Sequence sequence, DraftLength length, int most);

    /** Frees the memory. */
    @Override
    void close();
}
