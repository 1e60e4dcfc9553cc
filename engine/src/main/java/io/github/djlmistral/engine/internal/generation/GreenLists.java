/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.WatermarkingConfig;
import io.github.djlmistral.engine.generation.WatermarkingConfig.SeedingScheme;
import java.math.BigInteger;

/**
 * The green lists of a watermark (Kirchenbauer et al. 2023, <a
 * href="https://arxiv.org/abs/2306.04634">On the Reliability of Watermarks</a>), equal to those of
 * the reference's {@code WatermarkLogitsProcessor} on a CPU.
 */
public final class GreenLists {

    private static final int TABLE_SIZE = 1_000_003;
    private static final BigInteger SEED_MODULUS =
            BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);

    private final WatermarkingConfig config;
    private final int vocabSize;
    private final int size;

    /** A random permutation; only for {@link SeedingScheme#SELFHASH}. */
    private final int[] table;

    /**
     * Makes the green lists.
     *
     * @param config the watermark
     * @param vocabSize size of the vocabulary
     */
    public GreenLists(WatermarkingConfig config, int vocabSize) {
        this.config = config;
        this.vocabSize = vocabSize;
        size = (int) (vocabSize * config.greenlistRatio());
        table =
                isSelfHash()
                        ? new TorchRandom(config.hashingKey()).permutation(TABLE_SIZE, TABLE_SIZE)
                        : new int[0];
    }

    /** Whether a token is itself part of the context that selects its green list. */
    public boolean isSelfHash() {
        return config.seedingScheme() == SeedingScheme.SELFHASH;
    }

    /** Returns the number of tokens before a token that the green list depends on. */
    public int contextLength() {
        return config.contextWidth() - (isSelfHash() ? 1 : 0);
    }

    /**
     * Returns a green list.
     *
     * @param context the tokens that select it, of which the last {@code context_width} count; for
     *     {@link SeedingScheme#SELFHASH} with the token itself
     * @return token ids
     */
    public int[] of(long[] context) {
        return new TorchRandom(seed(context)).permutation(vocabSize, size);
    }

    private long seed(long[] context) {
        long last = context[context.length - 1];
        BigInteger product;
        if (isSelfHash()) {
            long least = Long.MAX_VALUE;
            for (int i = Math.max(0, context.length - config.contextWidth());
                    i < context.length;
                    ++i) {
                // overflows as PyTorch's 64-bit integers do
                least = Math.min(least, config.hashingKey() * hash(context[i]) * hash(last));
            }
            product = BigInteger.valueOf(least);
        } else {
            product = BigInteger.valueOf(config.hashingKey()).multiply(BigInteger.valueOf(last));
        }
        return product.mod(SEED_MODULUS).longValue();
    }

    private long hash(long id) {
        return table[(int) (id % TABLE_SIZE)] + 1L;
    }
}
