/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.cpu.Address;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.KeyValues;
import java.util.ArrayList;
import java.util.List;

/**
 * What the layers of a pass share in {@link NativeAttention}: the addresses of caches, the tables
 * of the rotary embedding, the range of each token, and the division of the work.
 */
final class AttentionPlan {

    /** Tokens of a block, for which a thread needs some megabytes of partial results at most. */
    private static final int BLOCK = 16;

    /** The number of tokens (N). */
    final int tokens;

    /** The size of a head. */
    final int size;

    /** The number of query heads. */
    final int heads;

    /** The number of key/value heads. */
    final int groups;

    /** The number of query heads that share a key/value head. */
    final int share;

    /** Columns of the mask, 0 if there is none. */
    final int keys;

    /** The address of the mask, 0 if there is none. */
    final long maskAddress;

    /** The cache of each sequence. */
    final List<PagedKeyValues> caches = new ArrayList<>();

    /** The address of the first {@code struct page} of each sequence. */
    final long[] pages;

    final long cosAddress;
    final long sinAddress;

    /** The address of the first position that each token attends to, int64 (N). */
    final long fromAddress;

    /** The address of the last position + 1 that each token attends to, int64 (N). */
    final long toAddress;

    final List<Block> blocks = new ArrayList<>();

    private final NDManager scope;
    private final AttentionInput input;

    /** What {@link #fromAddress} and {@link #toAddress} point to, int64 (2, N). */
    private final long[] ranges;

    /**
     * Tokens that follow each other in a sequence.
     *
     * @param sequence the sequence
     * @param first the index of the first one among the packed tokens
     * @param count the number of tokens
     * @param part the first part that one of them attends to
     * @param parts the number of parts
     * @param offset where the partial results begin, in floats
     */
    record Block(int sequence, int first, int count, long part, int parts, long offset) {

        /** Returns the size of the partial results of one key/value head, in floats. */
        long partials(int share, int size) {
            return (long) count * share * parts * (size + 2);
        }
    }

    AttentionPlan(
            NativeKernels kernels, NDManager scope, AttentionInput input, int heads, int groups) {
        this.scope = scope;
        this.input = input;
        this.heads = heads;
        this.groups = groups;
        share = heads / groups;
        int half = input.inverseFrequencies().length;
        size = 2 * half;
        tokens = input.positions().length;
        pages = new long[input.sequences()];
        listPages(kernels);
        float[] cos = new float[tokens * half];
        float[] sin = new float[tokens * half];
        for (int i = 0; i < cos.length; ++i) {
            // the angle in float32, as in the reference; StrictMath has the same bits everywhere
            float angle = input.positions()[i / half] * input.inverseFrequencies()[i % half];
            cos[i] = (float) StrictMath.cos(angle);
            sin[i] = (float) StrictMath.sin(angle);
        }
        cosAddress = Address.ofFloats(scope.create(cos), cos.length);
        sinAddress = Address.ofFloats(scope.create(sin), sin.length);
        NDArray mask = input.mask();
        keys = mask == null ? 0 : Math.toIntExact(mask.getShape().get(1));
        maskAddress = mask == null ? 0 : Address.ofFloats(mask, (long) tokens * keys);
        ranges = new long[2 * tokens];
        for (int b = 0; b < input.sequences(); ++b) {
            setRanges(b);
            addBlocks(b);
        }
        fromAddress = Address.of(scope.create(ranges), ranges.length);
        toAddress = fromAddress + (long) Long.BYTES * tokens;
    }

    private void listPages(NativeKernels kernels) {
        List<Long> table = new ArrayList<>();
        for (int b = 0; b < pages.length; ++b) {
            KeyValues cache = input.caches().isEmpty() ? own(kernels, b) : input.caches().get(b);
            caches.add((PagedKeyValues) cache);
            pages[b] = (long) Long.BYTES * table.size();
            caches.get(b).table(table);
        }
        long[] numbers = table.stream().mapToLong(number -> number).toArray();
        long address = Address.of(scope.create(numbers), numbers.length);
        for (int b = 0; b < pages.length; ++b) {
            pages[b] += address;
        }
    }

    /** Creates the cache of a sequence for the pass only, which the layers share. */
    private KeyValues own(NativeKernels kernels, int sequence) {
        KeyValues cache = kernels.newKeyValues(scope, kernels.dtype(), groups, size, 0);
        scope.attachInternal(NDManager.nextUid(), cache);
        cache.reserve(input.tokens(sequence));
        return cache;
    }

    private void setRanges(int b) {
        int window = input.window() == 0 ? Integer.MAX_VALUE : input.window();
        int end = input.past(b) + input.tokens(b);
        for (int n = input.begins()[b]; n < input.begins()[b + 1]; ++n) {
            long next = input.past(b) + n - input.begins()[b] + 1L;
            // a mask decides itself
            ranges[n] = keys == 0 ? Math.max(0, next - window) : Math.max(0, end - keys);
            ranges[tokens + n] = keys == 0 ? next : end;
        }
    }

    private void addBlocks(int b) {
        int end = input.begins()[b + 1];
        for (int n = input.begins()[b]; n < end; n += BLOCK) {
            int count = Math.min(BLOCK, end - n);
            long part = ranges[n] / PagedKeyValues.PAGE;
            long last = (ranges[tokens + n + count - 1] - 1) / PagedKeyValues.PAGE;
            int parts = Math.toIntExact(last + 1 - part);
            blocks.add(new Block(b, n, count, part, parts, partials()));
        }
    }

    /** Returns the size of the partial results of all blocks, in floats. */
    long partials() {
        if (blocks.isEmpty()) {
            return 0;
        }
        Block last = blocks.get(blocks.size() - 1);
        return last.offset + groups * last.partials(share, size);
    }

    /** Returns the size of the largest partial results of a block and key/value head. */
    long mostPartials() {
        return blocks.stream().mapToLong(block -> block.partials(share, size)).max().orElse(0);
    }
}
