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
import io.github.djlmistral.engine.internal.kernels.AttentionPlan.Block;
import io.github.djlmistral.engine.kernels.Attention;
import io.github.djlmistral.engine.kernels.AttentionInput;
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

    private final NativeKernels kernels;
    private final NDManager scope;
    private final AttentionInput input;
    private @Nullable AttentionPlan plan;

    NativeAttention(NativeKernels kernels, NDManager scope, AttentionInput input) {
        this.kernels = kernels;
        this.scope = scope;
        this.input = input;
    }

    @Override
    public NDList forward(int layer, NDArray q, NDArray k, NDArray v) {
        if (plan == null) {
            int size = 2 * input.inverseFrequencies().length;
            int heads = Math.toIntExact(q.getShape().get(1) / size);
            int groups = Math.toIntExact(k.getShape().get(1) / size);
            plan = new AttentionPlan(kernels, scope, input, heads, groups);
        }
        Layer pass = new Layer(plan, input.caches().isEmpty() ? 0 : layer, q, k, v);
        NDList result = new NDList(pass.out);
        if (pass.weights != null) {
            result.add(pass.weights);
        }
        pass.run();
        return result;
    }

    /** The computation of one layer. */
    private final class Layer {

        final AttentionPlan plan;
        final int layer;
        final int set = kernels.set();
        final int type;
        final int tokens;
        final int size;
        final int heads;
        final int groups;
        final int share;
        final int keys;
        final long qAddress;
        final long kAddress;
        final long vAddress;
        final long outAddress;
        final NDArray out;
        final @Nullable NDArray weights;
        final long weightAddress;

        Layer(AttentionPlan plan, int layer, NDArray q, NDArray k, NDArray v) {
            this.plan = plan;
            this.layer = layer;
            // a pass without caches rounds keys and values as the weights are, not to int8
            boolean own = input.caches().isEmpty();
            type = NativeLibrary.cacheType(own ? kernels.dtype() : kernels.cacheDtype());
            tokens = plan.tokens;
            size = plan.size;
            heads = plan.heads;
            groups = plan.groups;
            share = plan.share;
            keys = plan.keys;
            qAddress = Address.ofFloats(q, (long) tokens * heads * size);
            kAddress = Address.ofFloats(k, (long) tokens * groups * size);
            vAddress = Address.ofFloats(v, (long) tokens * groups * size);
            out = Activations.like(q, new Shape(tokens, (long) heads * size));
            outAddress = Address.ofFloats(out, (long) tokens * heads * size);
            weights =
                    input.weights()
                            ? q.getManager()
                                    .create(
                                            new Shape(
                                                    input.sequences(),
                                                    heads,
                                                    input.longest(),
                                                    keys),
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
            long n = block.first();
            long angles = Float.BYTES * n * size / 2;
            long k = kAddress + Float.BYTES * n * groups * size;
            long stride = (long) groups * size;
            NativeLibrary.rotate(
                    set,
                    qAddress + Float.BYTES * n * heads * size,
                    (long) heads * size,
                    block.count(),
                    heads,
                    size,
                    plan.cosAddress + angles,
                    plan.sinAddress + angles,
                    (float) (1 / Math.sqrt(size)));
            NativeLibrary.rotate(
                    set,
                    k,
                    stride,
                    block.count(),
                    groups,
                    size,
                    plan.cosAddress + angles,
                    plan.sinAddress + angles,
                    1);
            PagedKeyValues cache = cache(block);
            for (int g = 0; g < groups; ++g) {
                long at = (long) Float.BYTES * g * size;
                NativeLibrary.write(
                        set,
                        plan.pages[block.sequence()],
                        cache.first(),
                        cache.pages(),
                        head(g),
                        cache.heads(),
                        type,
                        size,
                        k + at,
                        vAddress + Float.BYTES * n * groups * size + at,
                        stride,
                        block.count(),
                        position(block));
            }
        }

        private PagedKeyValues cache(Block block) {
            return plan.caches.get(block.sequence());
        }

        /** Returns the position of the first token of a block. */
        private long position(Block block) {
            int b = block.sequence();
            return (long) input.past(b) + block.first() - input.begins()[b];
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
            return Float.BYTES * ((long) block.first() * heads + (long) group * share) * size;
        }

        private long mask(Block block) {
            return plan.maskAddress == 0
                    ? 0
                    : plan.maskAddress + (long) Float.BYTES * keys * block.first();
        }

        /** Returns the position of the first column of the mask. */
        private long maskFirst(Block block) {
            int b = block.sequence();
            return (long) input.past(b) + input.tokens(b) - keys;
        }

        private void attend(Block block, int group, long scratch) {
            PagedKeyValues cache = cache(block);
            NativeLibrary.attend(
                    set,
                    plan.pages[block.sequence()],
                    cache.first(),
                    cache.pages(),
                    head(group),
                    cache.heads(),
                    type,
                    size,
                    query(block, group),
                    (long) heads * size,
                    block.count(),
                    share,
                    plan.fromAddress + (long) Long.BYTES * block.first(),
                    plan.toAddress + (long) Long.BYTES * block.first(),
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
                if (i % most < block.parts()) {
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
            long row = (long) block.count() * share * (size + 2);
            return scratch + Float.BYTES * (block.offset() + row * (group * block.parts() + part));
        }

        private void attendPart(Block block, int group, int part, long scratch) {
            PagedKeyValues cache = cache(block);
            NativeLibrary.attendPart(
                    set,
                    plan.pages[block.sequence()],
                    cache.first(),
                    cache.pages(),
                    head(group),
                    cache.heads(),
                    type,
                    size,
                    query(block, group),
                    (long) heads * size,
                    block.count(),
                    share,
                    plan.fromAddress + (long) Long.BYTES * block.first(),
                    plan.toAddress + (long) Long.BYTES * block.first(),
                    mask(block),
                    keys,
                    maskFirst(block),
                    block.part() + part,
                    partial(block, group, part, scratch));
        }

        private void merge(Block block, int group, long scratch) {
            long step = (long) block.count() * share * (size + 2);
            for (int t = 0; t < block.count(); ++t) {
                for (int h = 0; h < share; ++h) {
                    long row = ((long) t * share + h) * (size + 2);
                    NativeLibrary.merge(
                            set,
                            partial(block, group, 0, scratch) + Float.BYTES * row,
                            block.parts(),
                            step,
                            size,
                            outAddress
                                    + output(block, group)
                                    + Float.BYTES * ((long) t * heads + h) * size);
                }
            }
        }

        private void attentionWeights(Block block, int group) {
            PagedKeyValues cache = cache(block);
            int b = block.sequence();
            long count = input.tokens(b);
            long head = (long) b * heads + (long) group * share;
            long row = head * count + block.first() - input.begins()[b];
            NativeLibrary.attentionWeights(
                    set,
                    plan.pages[block.sequence()],
                    cache.first(),
                    cache.pages(),
                    head(group),
                    cache.heads(),
                    type,
                    size,
                    query(block, group),
                    (long) heads * size,
                    block.count(),
                    share,
                    plan.fromAddress + (long) Long.BYTES * block.first(),
                    plan.toAddress + (long) Long.BYTES * block.first(),
                    mask(block),
                    keys,
                    maskFirst(block),
                    maskFirst(block),
                    maskFirst(block) + keys,
                    weightAddress + Float.BYTES * row * keys,
                    count * keys);
        }
    }
}
