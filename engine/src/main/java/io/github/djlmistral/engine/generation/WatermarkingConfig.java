/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.List;
import java.util.Locale;

/**
 * A watermark of generated text (Kirchenbauer et al. 2023, <a
 * href="https://arxiv.org/abs/2306.04634">On the Reliability of Watermarks</a>), with the names and
 * defaults of the reference's {@code WatermarkingConfig}: the tokens before a token select a green
 * list of the vocabulary, and the scores of its tokens are raised.
 *
 * @param greenlistRatio share of the vocabulary in a green list, between 0 and 1, both excluded
 * @param bias added to the scores of the green list
 * @param hashingKey secret key; a detector needs the same
 * @param seedingScheme what selects the green list
 * @param contextWidth number of tokens that select the green list with {@link
 *     SeedingScheme#SELFHASH}, at least 1
 */
public record WatermarkingConfig(
        double greenlistRatio,
        double bias,
        long hashingKey,
        SeedingScheme seedingScheme,
        int contextWidth) {

    /** The defaults of the reference. */
    public static final WatermarkingConfig DEFAULT =
            new WatermarkingConfig(0.25, 2, 15485863, SeedingScheme.LEFTHASH, 1);

    static final List<String> FIELDS =
            List.of("greenlist_ratio", "bias", "hashing_key", "seeding_scheme", "context_width");

    /** What selects the green list of a token. */
    public enum SeedingScheme {
        /** The token before it (algorithm 2 of the paper). */
        LEFTHASH,
        /** The tokens before it and the token itself (algorithm 3 of the paper). */
        SELFHASH;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
