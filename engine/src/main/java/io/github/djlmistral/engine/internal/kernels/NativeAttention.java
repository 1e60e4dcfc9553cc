/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.cpu.Activations;
import io.github.djlmistral.engine.internal.cpu.Address;
import io.github.djlmistral.engine.internal.cpu.NativeLibrary;
import io.github.djlmistral.engine.internal.cpu.ThreadTeam;
import io.github.djlmistral.engine.kernels.Attention;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.KeyValues;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Attention over packed sequences.
 *
 * <p>Keys are attended to in parts of 512 positions, a page of the cache each, whose results are
 * merged in order, so that the distribution of the work does not change the result. Few tokens: a
 * thread takes a part of one key/value head. Many: a block of tokens of one key/value head, with
 * all parts.
 */
final class NativeAttention implements Attention {

    /** Tokens of a block, for which a thread needs some megabytes of partial results at most. */
    private static final int BLOCK = 16;

    private final NativeKernels kernels;
    private final NDManager scope;
    private final AttentionInput input;
    private final int tokens;
    private final int size;

    /** Columns of the mask, 0 if there is none. */
    private final int keys;

    private @Nullable Plan plan;

    NativeAttention(NativeKernels kernels, NDManager scope, AttentionInput input) {
        this.kernels = kernels;
        this.scope = scope;
        this.input = input;
        tokens = input.positions().length;
        size = 2 * input.inverseFrequencies().length;
        keys = input.mask() == null ? 0 : Math.toIntExact(input.mask().getShape().get(1));
    }

    @Override
    public NDList forward(int layer, NDArray q, NDArray k, NDArray v) {
        if (plan == null) {
            plan =
                    new Plan(
                            Math.toIntExact(q.getShape().get(1) / size),
                            Math.toIntExact(k.getShape().get(1) / size));
        }
        Layer pass = new Layer(plan, input.caches().isEmpty() ? 0 : layer, q, k, v);
        NDList result = new NDList(pass.out);
        if (pass.weights != null) {
            result.add(pass.weights);
        }
        pass.run();
        return result;
    }

    /** What all layers share: addresses of caches, tables, and the division of the work. */
    private final class Plan {

        final int heads;
        final int groups;
        final int share;
        final List<PagedKeyValues> caches = new ArrayList<>();

        /** The address of the first {@code struct page} of each sequence. */
        final long[] pages;

        final long cosAddress;
        final long sinAddress;

        /** First and last + 1 position that each token attends to, int64 (2, N). */
        final long[] ranges = new long[2 * tokens];

        final long fromAddress;
        final long maskAddress;
        final List<Block> blocks = new ArrayList<>();

        Plan(int heads, int groups) {
            this.heads = heads;
            this.groups = groups;
            share = heads / groups;
            pages = new long[input.sequences()];
            listPages();
            int half = size / 2;
            float[] cos = new float[tokens * half];
            float[] sin = new float[tokens * half];
            for (int i = 0; i < cos.length; ++i) {
                // the angle in float32, as in the reference; StrictMath has the same bits
                // everywhere
                float angle = input.positions()[i / half] * input.inverseFrequencies()[i % half];
                cos[i] = (float) StrictMath.cos(angle);
                sin[i] = (float) StrictMath.sin(angle);
            }
            cosAddress = Address.ofFloats(scope.create(cos), cos.length);
            sinAddress = Address.ofFloats(scope.create(sin), sin.length);
            NDArray mask = input.mask();
            maskAddress = mask == null ? 0 : Address.ofFloats(mask, (long) tokens * keys);
            for (int b = 0; b < input.sequences(); ++b) {
                setRanges(b);
                addBlocks(b);
            }
            fromAddress = Address.of(scope.create(ranges), ranges.length);
        }

        private void listPages() {
            List<Long> table = new ArrayList<>();
            for (int b = 0; b < pages.length; ++b) {
                PagedKeyValues cache =
                        (PagedKeyValues)
                                (input.caches().isEmpty() ? own(b) : input.caches().get(b));
                caches.add(cache);
                pages[b] = (long) Long.BYTES * table.size();
                cache.table(table);
            }
            long[] numbers = table.stream().mapToLong(number -> number).toArray();
            long address = Address.of(scope.create(numbers), numbers.length);
            for (int b = 0; b < pages.length; ++b) {
                pages[b] += address;
            }
        }

        /** Creates the cache of a sequence for the pass only, which the layers share. */
        private KeyValues own(int sequence) {
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

    /** The computation of one layer. */
    private final class Layer {

        final Plan plan;
        final int layer;
        final int set = kernels.set();
        final int type;
        final int heads;
        final int groups;
        final int share;
        final long qAddress;
        final long kAddress;
        final long vAddress;
        final long outAddress;
        final NDArray out;
        final @Nullable NDArray weights;
        final long weightAddress;

        Layer(Plan plan, int layer, NDArray q, NDArray k, NDArray v) {
            this.plan = plan;
            this.layer = layer;
            // a pass without caches rounds keys and values as the weights are, not to int8
            boolean own = input.caches().isEmpty();
            type = NativeLibrary.cacheType(own ? kernels.dtype() : kernels.cacheDtype());
            heads = plan.heads;
            groups = plan.groups;
            share = plan.share;
            qAddress = Address.ofFloats(q, (long) tokens * heads * size);
            kAddress = Address.ofFloats(k, (long) tokens * groups * size);
            vAddress = Address.ofFloats(v, (long) tokens * groups * size);
            NDManager manager = q.getManager();
            out = Activations.like(q, new Shape(tokens, (long) heads * size));
            outAddress = Address.ofFloats(out, (long) tokens * heads * size);
            weights =
                    input.weights()
                            ? manager.create(
                                    new Shape(input.sequences(), heads, input.longest(), keys),
                                    DataType.FLOAT32)
                            : null;
            weightAddress =
                    weights == null ? 0 : Address.ofFloats(weights, (long) tokens * heads * keys);
        }

        void run() {
            ThreadTeam team = kernels.team();
            List<Block> blocks = plan.blocks;
            int count = blocks.size();
            boolean split = count * groups < 4 * team.size();
            long each = Float.BYTES * plan.mostPartials();
            team.run(
                    split ? Float.BYTES * plan.partials() : each * team.size(),
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
                    plan.cosAddress + angles,
                    plan.sinAddress + angles,
                    (float) (1 / Math.sqrt(size)));
            NativeLibrary.rotate(
                    set,
                    k,
                    stride,
                    block.count,
                    groups,
                    size,
                    plan.cosAddress + angles,
                    plan.sinAddress + angles,
                    1);
            for (int g = 0; g < groups; ++g) {
                long at = (long) Float.BYTES * g * size;
                NativeLibrary.write(
                        set,
                        plan.pages[block.sequence],
                        plan.caches.get(block.sequence).first(),
                        plan.caches.get(block.sequence).pages(),
                        head(g),
                        plan.caches.get(block.sequence).heads(),
                        type,
                        size,
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
            return (long) input.past(b) + block.first - input.begins()[b];
        }

        /** Returns the index of a key/value head among those of all layers. */
        private long head(int group) {
            return (long) layer * groups + group;
        }

        private long query(Block block, int group) {
            return qAddress + output(block, group);
        }

        /** Returns the distance of the first query head of a key/value head, in bytes. */
        private long output(Block block, int group) {
            return Float.BYTES * ((long) block.first * heads + (long) group * share) * size;
        }

        private long mask(Block block) {
            return plan.maskAddress == 0
                    ? 0
                    : plan.maskAddress + (long) Float.BYTES * keys * block.first;
        }

        /** Returns the position of the first column of the mask. */
        private long maskFirst(Block block) {
            int b = block.sequence;
            return (long) input.past(b) + input.tokens(b) - keys;
        }

        private void attend(Block block, int group, long scratch) {
            NativeLibrary.attend(
                    set,
                    plan.pages[block.sequence],
                    plan.caches.get(block.sequence).first(),
                    plan.caches.get(block.sequence).pages(),
                    head(group),
                    plan.caches.get(block.sequence).heads(),
                    type,
                    size,
                    query(block, group),
                    (long) heads * size,
                    block.count,
                    share,
                    plan.fromAddress + (long) Long.BYTES * block.first,
                    plan.fromAddress + (long) Long.BYTES * (tokens + block.first),
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
                    plan.pages[block.sequence],
                    plan.caches.get(block.sequence).first(),
                    plan.caches.get(block.sequence).pages(),
                    head(group),
                    plan.caches.get(block.sequence).heads(),
                    type,
                    size,
                    query(block, group),
                    (long) heads * size,
                    block.count,
                    share,
                    plan.fromAddress + (long) Long.BYTES * block.first,
                    plan.fromAddress + (long) Long.BYTES * (tokens + block.first),
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
                    plan.pages[block.sequence],
                    plan.caches.get(block.sequence).first(),
                    plan.caches.get(block.sequence).pages(),
                    head(group),
                    plan.caches.get(block.sequence).heads(),
                    type,
                    size,
                    query(block, group),
                    (long) heads * size,
                    block.count,
                    share,
                    plan.fromAddress + (long) Long.BYTES * block.first,
                    plan.fromAddress + (long) Long.BYTES * (tokens + block.first),
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
