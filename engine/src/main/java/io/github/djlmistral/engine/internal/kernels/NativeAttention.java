/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.cpu.Address;
import io.github.djlmistral.engine.internal.cpu.NativeLibrary;
import io.github.djlmistral.engine.internal.cpu.ThreadTeam;
import io.github.djlmistral.engine.kernels.Attention;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.KeyValues;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Attention over packed sequences. The token at position p of a sequence is in slot {@code p mod C}
 * of its cache of C slots.
 *
 * <p>Keys are attended to in parts of 512 positions, whose results are merged in order, so that the
 * distribution of the work does not change the result. Few tokens: a thread takes a part of one
 * key/value head. Many: a block of tokens of one key/value head, with all parts.
 *
 * <p>A rolling cache has room for some tokens beyond its window. A longer pass is computed in
 * chunks of so many tokens: each chunk is written, then attends.
 */
final class NativeAttention implements Attention {

    /** Positions of a part, as in {@code attention.c}. */
    private static final int PART = 512;

    /** Tokens of a block, for which a thread needs some megabytes of partial results at most. */
    private static final int BLOCK = 16;

    private final NativeKernels kernels;
    private final NDManager scope;
    private final AttentionInput input;
    private final int tokens;
    private final int size;
    private final int keys;
    private final NDArray cosines;
    private final NDArray sines;

    /** First and last + 1 position that each token attends to, int64 (2, N). */
    private @Nullable NDArray ranges;

    private long[] from = {};
    private long[] to = {};
    private @Nullable KeyValues own;

    NativeAttention(NativeKernels kernels, NDManager scope, AttentionInput input) {
        this.kernels = kernels;
        this.scope = scope;
        this.input = input;
        long[] positions = input.positions();
        tokens = positions.length;
        float[] frequencies = input.inverseFrequencies();
        int half = frequencies.length;
        size = 2 * half;
        keys = input.mask() == null ? 0 : Math.toIntExact(input.mask().getShape().get(3));
        float[] cos = new float[tokens * half];
        float[] sin = new float[tokens * half];
        for (int i = 0; i < cos.length; ++i) {
            // the angle in float32, as in the reference; StrictMath has the same bits everywhere
            float angle = positions[i / half] * frequencies[i % half];
            cos[i] = (float) StrictMath.cos(angle);
            sin[i] = (float) StrictMath.sin(angle);
        }
        cosines = scope.create(cos, new Shape(tokens, half));
        sines = scope.create(sin, new Shape(tokens, half));
    }

    @Override
    public NDList forward(NDArray q, NDArray k, NDArray v, @Nullable KeyValues cache) {
        Pass pass = new Pass(q, k, v, cache == null ? own(k) : cache);
        NDList result = new NDList(pass.out);
        if (pass.weights != null) {
            result.add(pass.weights);
        }
        pass.run();
        return result;
    }

    /** Returns the keys and values of a pass without a cache, which the layers share. */
    private KeyValues own(NDArray k) {
        if (own == null) {
            int groups = Math.toIntExact(k.getShape().get(1) / size);
            own = kernels.newKeyValues(scope, input.sequences(), groups, size, longest(), false);
        }
        return own;
    }

    /** Returns the number of new tokens of the longest sequence. */
    private int longest() {
        int longest = 0;
        for (int b = 0; b < input.sequences(); ++b) {
            longest = Math.max(longest, input.tokens(b));
        }
        return longest;
    }

    /** Computes which positions each token attends to, the same in all layers. */
    private NDArray ranges(int chunk, int slots) {
        if (ranges != null) {
            return ranges;
        }
        from = new long[tokens];
        to = new long[tokens];
        int window = input.window() == 0 ? Integer.MAX_VALUE : input.window();
        for (int b = 0; b < input.sequences(); ++b) {
            int past = input.past()[b];
            int count = input.tokens(b);
            for (int t = 0; t < count; ++t) {
                int n = input.begins()[b] + t;
                // the mask decides, among the keys that are in the cache then
                int written = past + Math.min(count, (t / chunk + 1) * chunk);
                from[n] =
                        keys == 0
                                ? Math.max(0, past + t + 1L - window)
                                : Math.max(past + count - keys, written - slots);
                to[n] = keys == 0 ? past + t + 1L : written;
            }
        }
        long[] both = Arrays.copyOf(from, 2 * tokens);
        System.arraycopy(to, 0, both, tokens, tokens);
        ranges = scope.create(both, new Shape(2, tokens));
        return ranges;
    }

    /** The computation of one layer. */
    private final class Pass {

        final int set = kernels.set();
        final int type = NativeLibrary.type(kernels.dtype());
        final int heads;
        final int groups;
        final int share;
        final int slots;
        final int chunk;
        final long qAddress;
        final long kAddress;
        final long vAddress;
        final long keyAddress;
        final long valueAddress;
        final long cosAddress = Address.ofFloats(cosines, (long) tokens * size / 2);
        final long sinAddress = Address.ofFloats(sines, (long) tokens * size / 2);
        final long maskAddress;
        final long fromAddress;
        final long outAddress;
        final NDArray out;
        final @Nullable NDArray weights;
        final long weightAddress;

        Pass(NDArray q, NDArray k, NDArray v, KeyValues cache) {
            int sequences = input.sequences();
            heads = Math.toIntExact(q.getShape().get(1) / size);
            groups = Math.toIntExact(k.getShape().get(1) / size);
            share = heads / groups;
            qAddress = Address.ofFloats(q, (long) tokens * heads * size);
            kAddress = Address.ofFloats(k, (long) tokens * groups * size);
            vAddress = Address.ofFloats(v, (long) tokens * groups * size);
            slots = Math.toIntExact(cache.values().getShape().get(2));
            long elements = (long) sequences * groups * slots * size;
            keyAddress = Address.of(cache.keys(), elements);
            valueAddress = Address.of(cache.values(), elements);
            chunk = cache.rolling() ? slots - cache.capacity() : longest();
            for (int b = 0; b < sequences; ++b) {
                if (!cache.rolling() && input.past()[b] + input.tokens(b) > slots) {
                    throw new IllegalArgumentException("the cache has room for " + slots);
                }
            }
            fromAddress = Address.of(ranges(chunk, slots), 2L * tokens);
            NDArray mask = input.mask();
            maskAddress = mask == null ? 0 : Address.ofFloats(mask, (long) tokens * keys);
            NDManager manager = q.getManager();
            out = manager.create(new Shape(tokens, (long) heads * size), DataType.FLOAT32);
            outAddress = Address.ofFloats(out, (long) tokens * heads * size);
            weights =
                    input.weights()
                            ? manager.create(
                                    new Shape(sequences, heads, longest(), keys), DataType.FLOAT32)
                            : null;
            weightAddress =
                    weights == null ? 0 : Address.ofFloats(weights, (long) tokens * heads * keys);
        }

        void run() {
            for (int start = 0; start < longest(); start += chunk) {
                run(blocks(start));
            }
        }

        /** Divides the tokens of a chunk of each sequence into blocks. */
        private List<Block> blocks(int start) {
            List<Block> blocks = new ArrayList<>();
            long offset = 0;
            for (int b = 0; b < input.sequences(); ++b) {
                int end = Math.min(input.tokens(b), start + chunk);
                for (int t = start; t < end; t += BLOCK) {
                    int first = input.begins()[b] + t;
                    int count = Math.min(BLOCK, end - t);
                    long part = from[first] / PART;
                    int parts = Math.toIntExact((to[first + count - 1] - 1) / PART + 1 - part);
                    blocks.add(new Block(b, first, count, part, parts, offset));
                    offset += blocks.get(blocks.size() - 1).partials(share, size) * groups;
                }
            }
            return blocks;
        }

        private void run(List<Block> blocks) {
            ThreadTeam team = kernels.team();
            int count = blocks.size();
            boolean split = count * groups < 4 * team.size();
            Block last = blocks.get(count - 1);
            long most = 0;
            for (Block block : blocks) {
                most = Math.max(most, block.partials(share, size));
            }
            long each = Float.BYTES * most;
            long all = Float.BYTES * (last.offset + groups * last.partials(share, size));
            team.run(
                    split ? all : each * team.size(),
                    (scratch, member) -> {
                        for (int i = team.take(1); i < count; i = team.take(1)) {
                            rotateAndWrite(blocks.get(i));
                        }
                        team.barrier();
                        if (split) {
                            attendInParts(team, blocks, scratch);
                        } else {
                            // the last blocks have the most keys
                            for (int i = team.take(1); i < count * groups; i = team.take(1)) {
                                Block block = blocks.get(count - 1 - i / groups);
                                attend(block, i % groups, scratch + each * member);
                            }
                        }
                        if (weights != null) {
                            team.barrier();
                            for (int i = team.take(1); i < count * groups; i = team.take(1)) {
                                attentionWeights(blocks.get(i / groups), i % groups);
                            }
                        }
                    });
        }

        private void rotateAndWrite(Block block) {
            long n = block.first;
            long angles = Float.BYTES * n * size / 2;
            long k = kAddress + Float.BYTES * n * groups * size;
            long stride = (long) groups * size;
            NativeLibrary.rotate(
                    set,
                    qAddress + Float.BYTES * n * heads * size,
                    (long) heads * size,
                    block.count,
                    heads,
                    size,
                    cosAddress + angles,
                    sinAddress + angles,
                    (float) (1 / Math.sqrt(size)));
            NativeLibrary.rotate(
                    set,
                    k,
                    stride,
                    block.count,
                    groups,
                    size,
                    cosAddress + angles,
                    sinAddress + angles,
                    1);
            for (int g = 0; g < groups; ++g) {
                long at = (long) Float.BYTES * g * size;
                NativeLibrary.write(
                        set,
                        keyAddress + cache(block, g),
                        valueAddress + cache(block, g),
                        type,
                        size,
                        slots,
                        k + at,
                        vAddress + Float.BYTES * n * groups * size + at,
                        stride,
                        block.count,
                        position(block));
            }
        }

        /** Returns the position of the first token of a block. */
        private long position(Block block) {
            int b = block.sequence;
            return (long) input.past()[b] + block.first - input.begins()[b];
        }

        /** Returns the distance of a key/value head from the beginning of the cache, in bytes. */
        private long cache(Block block, int group) {
            long head = (long) block.sequence * groups + group;
            return head * slots * size * kernels.dtype().bytes();
        }

        private long query(Block block, int group) {
            return qAddress + output(block, group);
        }

        /** Returns the distance of the first query head of a key/value head, in bytes. */
        private long output(Block block, int group) {
            return Float.BYTES * ((long) block.first * heads + (long) group * share) * size;
        }

        private long mask(Block block) {
            return maskAddress == 0 ? 0 : maskAddress + (long) Float.BYTES * keys * block.first;
        }

        /** Returns the position of the first column of the mask. */
        private long maskFirst(Block block) {
            int b = block.sequence;
            return (long) input.past()[b] + input.tokens(b) - keys;
        }

        private void attend(Block block, int group, long scratch) {
            NativeLibrary.attend(
                    set,
                    keyAddress + cache(block, group),
                    valueAddress + cache(block, group),
                    type,
                    size,
                    slots,
                    query(block, group),
                    (long) heads * size,
                    block.count,
                    share,
                    fromAddress + (long) Long.BYTES * block.first,
                    fromAddress + (long) Long.BYTES * (tokens + block.first),
                    mask(block),
                    keys,
                    maskFirst(block),
                    scratch,
                    outAddress + output(block, group),
                    (long) heads * size);
        }

        private void attendInParts(ThreadTeam team, List<Block> blocks, long scratch) {
            int most = blocks.stream().mapToInt(Block::parts).max().orElse(0);
            int units = blocks.size() * groups * most;
            for (int i = team.take(1); i < units; i = team.take(1)) {
                Block block = blocks.get(i / most / groups);
                if (i % most < block.parts) {
                    attendPart(block, i / most % groups, i % most, scratch);
                }
            }
            team.barrier();
            for (int i = team.take(1); i < blocks.size() * groups; i = team.take(1)) {
                merge(blocks.get(i / groups), i % groups, scratch);
            }
        }

        /** Returns the address of the partial results of a part. */
        private long partial(Block block, int group, int part, long scratch) {
            long row = (long) block.count * share * (size + 2);
            return scratch + Float.BYTES * (block.offset + row * (group * block.parts + part));
        }

        private void attendPart(Block block, int group, int part, long scratch) {
            NativeLibrary.attendPart(
                    set,
                    keyAddress + cache(block, group),
                    valueAddress + cache(block, group),
                    type,
                    size,
                    slots,
                    query(block, group),
                    (long) heads * size,
                    block.count,
                    share,
                    fromAddress + (long) Long.BYTES * block.first,
                    fromAddress + (long) Long.BYTES * (tokens + block.first),
                    mask(block),
                    keys,
                    maskFirst(block),
                    block.part + part,
                    partial(block, group, part, scratch));
        }

        private void merge(Block block, int group, long scratch) {
            long step = (long) block.count * share * (size + 2);
            for (int t = 0; t < block.count; ++t) {
                for (int h = 0; h < share; ++h) {
                    long row = ((long) t * share + h) * (size + 2);
                    NativeLibrary.merge(
                            set,
                            partial(block, group, 0, scratch) + Float.BYTES * row,
                            block.parts,
                            step,
                            size,
                            outAddress
                                    + output(block, group)
                                    + Float.BYTES * ((long) t * heads + h) * size);
                }
            }
        }

        private void attentionWeights(Block block, int group) {
            int b = block.sequence;
            long count = input.tokens(b);
            long head = (long) b * heads + (long) group * share;
            long row = head * count + block.first - input.begins()[b];
            NativeLibrary.attentionWeights(
                    set,
                    keyAddress + cache(block, group),
                    valueAddress + cache(block, group),
                    type,
                    size,
                    slots,
                    query(block, group),
                    (long) heads * size,
                    block.count,
                    share,
                    fromAddress + (long) Long.BYTES * block.first,
                    fromAddress + (long) Long.BYTES * (tokens + block.first),
                    mask(block),
                    keys,
                    maskFirst(block),
                    maskFirst(block),
                    maskFirst(block) + keys,
                    weightAddress + Float.BYTES * row * keys,
                    count * keys);
        }
    }

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
    private record Block(int sequence, int first, int count, long part, int parts, long offset) {

        /** Returns the size of the partial results of one key/value head, in floats. */
        long partials(int share, int size) {
            return (long) count * share * parts * (size + 2);
        }
    }
}
