/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import java.util.Arrays;

/**
 * The random permutations of PyTorch's CPU generator ({@code torch.randperm}): MT19937 (Matsumoto
 * and Nishimura 1998) seeded with the low 32 bits of the seed, and a shuffle of Fisher and Yates
 * that takes each 32-bit number modulo the remaining length.
 */
final class TorchRandom {

    private static final int STATE = 624;
    private static final int SHIFT = 397;

    private final int[] state = new int[STATE];
    private int index = STATE;

    /**
     * Makes a generator as {@code torch.Generator().manual_seed(seed)} does.
     *
     * @param seed of which the low 32 bits count
     */
    TorchRandom(long seed) {
        state[0] = (int) seed;
        for (int i = 1; i < STATE; ++i) {
            state[i] = 1812433253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
        }
    }

    /** Returns the next 32 random bits. */
    private int next() {
        if (index == STATE) {
            twist();
        }
        int y = state[index++];
        y ^= y >>> 11;
        y ^= (y << 7) & 0x9d2c5680;
        y ^= (y << 15) & 0xefc60000;
        return y ^ (y >>> 18);
    }

    private void twist() {
        for (int i = 0; i < STATE; ++i) {
            int y = (state[i] & 0x80000000) | (state[(i + 1) % STATE] & 0x7fffffff);
            state[i] = state[(i + SHIFT) % STATE] ^ (y >>> 1) ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
        }
        index = 0;
    }

    /**
     * Returns the beginning of a random permutation of 0 to n - 1.
     *
     * @param n length of the permutation, below 2^32 / 20, up to which PyTorch takes 32-bit numbers
     * @param count length of the beginning
     */
    int[] permutation(int n, int count) {
        int[] values = new int[n];
        Arrays.setAll(values, i -> i);
        for (int i = 0; i < Math.min(count, n - 1); ++i) {
            int other = i + Integer.remainderUnsigned(next(), n - i);
            int value = values[i];
            values[i] = values[other];
            values[other] = value;
        }
        return Arrays.copyOf(values, count);
    }
}
