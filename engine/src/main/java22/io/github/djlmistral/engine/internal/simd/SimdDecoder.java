/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.cpu.ThreadTeam;
import io.github.djlmistral.engine.weights.Dtype;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * Runs a pass on all threads of a team. In each step the threads take units of work (heads, tiles
 * of a matrix, ranges of the cache) until none are left; steps are separated by barriers, five per
 * layer. Residuals, norms and activations are float32.
 *
 * <p>Letters in shapes are those of {@link io.github.djlmistral.engine.kernels.Kernels}.
 */
final class SimdDecoder implements Decoder {

    private static final ThreadTeam TEAM = ThreadTeam.SHARED;

    /**
     * Outputs of a matrix that a thread takes at once: enough to make the cost of taking them
     * negligible.
     */
    private static final int SHARE = 4 * Matrix.TILE;

    private final DecoderNetwork network;
    private final Matrix table;
    private final List<Layer> layers;
    private final Norm norm;
    private final Matrix head;
    private final List<NDArray> arrays = new ArrayList<>();
    private final List<Long> addresses = new ArrayList<>();
    private final int hidden;
    private final int heads;
    private final int groups;
    private final int size;

    private record Layer(
            Norm inputNorm,
            Matrix query,
            Matrix key,
            Matrix value,
            Matrix output,
            Norm postAttentionNorm,
            Matrix gate,
            Matrix up,
            Matrix down) {}

    SimdDecoder(DecoderNetwork network) {
        this.network = network;
        heads = network.heads();
        groups = network.groups();
        size = network.headDim();
        if (size % Matrix.TILE != 0) {
            throw new UnsupportedOperationException(
                    "head_dim is " + size + ", which is not a multiple of " + Matrix.TILE);
        }
        table = matrix(network.table());
        hidden = table.columns;
        layers =
                network.layers().stream()
                        .map(
                                layer ->
                                        new Layer(
                                                norm(layer.inputNorm()),
                                                matrix(layer.query()),
                                                matrix(layer.key()),
                                                matrix(layer.value()),
                                                matrix(layer.output()),
                                                norm(layer.postAttentionNorm()),
                                                matrix(layer.gate()),
                                                matrix(layer.up()),
                                                matrix(layer.down())))
                        .toList();
        norm = norm(network.norm());
        head = matrix(network.head());
    }

    private Matrix matrix(DecoderNetwork.Matrix matrix) {
        if (matrix.dense() != null) {
            remember(matrix.dense());
        }
        return Matrix.of(matrix, network.dtype());
    }

    private Norm norm(NDArray array) {
        remember(array);
        return new Norm(array, network.dtype());
    }

    private void remember(NDArray array) {
        long address = Memory.address(array);
        if (Memory.address(array) != address) { // DJL copies it at each call
            throw new UnsupportedOperationException("a parameter is not contiguous");
        }
        arrays.add(array);
        addresses.add(address);
    }

    @Override
    public boolean isCurrent() {
        for (int i = 0; i < arrays.size(); ++i) {
            if (Memory.address(arrays.get(i)) != addresses.get(i)) {
                return false;
            }
        }
        return true;
    }

    @Override
    public String description() {
        return Lanes.FLOATS.vectorBitSize()
                + "-bit vectors, "
                + TEAM.size()
                + (TEAM.size() == 1 ? " thread" : " threads");
    }

    @Override
    public NDArray forward(Pass pass) {
        Step step = new Step(pass);
        TEAM.run(step::run);
        int kept = pass.kept();
        int vocabulary = head.rows;
        NDArray logits =
                pass.manager().create(new Shape(pass.batch(), kept, vocabulary), DataType.FLOAT32);
        var to = logits.toByteBuffer(true).order(ByteOrder.nativeOrder()).asFloatBuffer();
        for (int i = 0; i < pass.batch() * kept; ++i) {
            to.put(step.logits, i * step.padded, vocabulary);
        }
        return logits;
    }

    /** State of one pass, shared by the threads. */
    private final class Step {

        private final Pass pass;
        private final int tokens;

        /** Number of slots of a row of the cache. */
        private final int capacity;

        private final long[] keys;
        private final long[] values;
        private final float[] x;
        private final float[] queries;
        private final float[] newKeys;
        private final float[] newValues;
        private final float[] partial;
        private final int parts;
        private final float[] gated;
        private final int inner;
        private final float[] cos;
        private final float[] sin;
        private final int padded = (head.rows + Matrix.TILE - 1) / Matrix.TILE * Matrix.TILE;
        private final float[] last;
        private final float[] logits;

        Step(Pass pass) {
            this.pass = pass;
            tokens = pass.batch() * pass.tokens();
            // on the calling thread: NDArrays are not thread-safe, not even getShape()
            capacity = (int) pass.keys()[0].getShape().get(2);
            keys = Arrays.stream(pass.keys()).mapToLong(Memory::address).toArray();
            values = Arrays.stream(pass.values()).mapToLong(Memory::address).toArray();
            x = new float[tokens * hidden];
            queries = new float[tokens * heads * size];
            newKeys = new float[tokens * groups * size];
            newValues = new float[tokens * groups * size];
            // with few heads, the slots are divided into parts, so that every thread has work
            parts = (2 * TEAM.size() - 1) / (tokens * groups) + 1;
            partial = new float[tokens * heads * parts * (size + 2)];
            inner = layers.get(0).gate().rows;
            gated = new float[tokens * (inner + Matrix.TILE)];
            cos = new float[tokens * size / 2];
            sin = new float[tokens * size / 2];
            for (int t = 0; t < tokens; ++t) {
                for (int i = 0; i < size / 2; ++i) {
                    float angle = pass.positions()[t] * network.inverseFrequencies()[i];
                    cos[t * size / 2 + i] = (float) Math.cos(angle);
                    sin[t * size / 2 + i] = (float) Math.sin(angle);
                }
            }
            last = new float[pass.batch() * pass.kept() * hidden];
            logits = new float[pass.batch() * pass.kept() * padded];
        }

        void run() {
            Input input = new Input();
            Attention attention = new Attention(heads / groups, size);
            float[] context = new float[tokens * heads * size];
            float[] scratch = new float[tokens * (SHARE + Matrix.TILE)];
            float[] up = new float[tokens * (SHARE + Matrix.TILE)];
            for (int t = TEAM.take(1); t < tokens; t = TEAM.take(1)) {
                table.row(Math.toIntExact(pass.ids()[t]), x, t * hidden);
            }
            TEAM.barrier();
            for (int l = 0; l < layers.size(); ++l) {
                Layer layer = layers.get(l);
                input.setNormed(x, tokens, hidden, layer.inputNorm(), network.eps());
                project(layer, l, input);
                TEAM.barrier();
                attend(l, attention);
                TEAM.barrier();
                for (int i = 0; i < tokens * heads; ++i) {
                    int first = i * parts * (size + 2);
                    attention.merge(partial, first, parts, size + 2, context, i * size);
                }
                input.set(context, heads * size);
                add(layer.output(), input, scratch);
                TEAM.barrier();
                input.setNormed(x, tokens, hidden, layer.postAttentionNorm(), network.eps());
                gate(layer, input, scratch, up);
                TEAM.barrier();
                input.set(gated, inner);
                add(layer.down(), input, scratch);
                TEAM.barrier();
            }
            logits(input);
        }

        /**
         * Computes queries, keys and values, applies the rotary embedding, and stores to the cache.
         */
        private void project(Layer layer, int l, Input input) {
            int all = heads + 2 * groups;
            for (int unit = TEAM.take(1); unit < all; unit = TEAM.take(1)) {
                int from = unit * size;
                if (unit < heads) {
                    layer.query()
                            .multiply(input, tokens, from, from + size, queries, heads * size, 0);
                    rotate(queries, heads * size, from, (float) (1 / Math.sqrt(size)));
                    continue;
                }
                boolean key = unit < heads + groups;
                int group = unit - (key ? heads : heads + groups);
                float[] rows = key ? newKeys : newValues;
                Matrix matrix = key ? layer.key() : layer.value();
                matrix.multiply(
                        input, tokens, group * size, (group + 1) * size, rows, groups * size, 0);
                if (key) {
                    rotate(rows, groups * size, group * size, 1);
                }
                store(rows, group, (key ? keys : values)[l]);
            }
        }

        /** Applies the rotary embedding to a head of every token; element i pairs with i + D/2. */
        private void rotate(float[] rows, int stride, int from, float factor) {
            int half = size / 2;
            for (int t = 0; t < tokens; ++t) {
                int at = t * stride + from;
                for (int i = 0; i < half; ++i) {
                    float a = rows[at + i];
                    float b = rows[at + half + i];
                    float c = cos[t * half + i];
                    float s = sin[t * half + i];
                    rows[at + i] = (a * c - b * s) * factor;
                    rows[at + half + i] = (b * c + a * s) * factor;
                }
            }
        }

        private void store(float[] rows, int group, long begin) {
            Dtype dtype = network.dtype();
            for (int t = 0; t < tokens; ++t) {
                int row = t / pass.tokens();
                int slot = (pass.past() + t % pass.tokens()) % capacity;
                long to = begin + slot(row, group, slot);
                for (int i = 0; i < size; ++i) {
                    float value = rows[t * groups * size + group * size + i];
                    Lanes.put(dtype, to + (long) i * dtype.bytes(), value);
                }
            }
        }

        /** Returns the offset of a slot in bytes. */
        private long slot(int row, int group, int slot) {
            return ((row * (long) groups + group) * capacity + slot)
                    * size
                    * network.dtype().bytes();
        }

        private void attend(int l, Attention attention) {
            int used = Math.min(pass.past() + pass.tokens(), capacity);
            int shared = heads / groups;
            int all = tokens * groups * parts;
            for (int unit = TEAM.take(1); unit < all; unit = TEAM.take(1)) {
                int part = unit % parts;
                int group = unit / parts % groups;
                int t = unit / parts / groups;
                int row = t / pass.tokens();
                int seen = pass.past() + t % pass.tokens() + 1;
                int from = 0;
                int to = Math.min(seen, capacity);
                if (pass.mask() != null) {
                    to = used;
                } else if (network.window() > 0 && seen <= capacity) {
                    from = Math.max(0, seen - network.window());
                }
                int length = (to - from + parts - 1) / parts;
                long cache = slot(row, group, 0);
                attention.attend(
                        network.dtype(),
                        keys[l] + cache,
                        values[l] + cache,
                        Math.min(to, from + part * length),
                        Math.min(to, from + (part + 1) * length),
                        queries,
                        (t * heads + group * shared) * size,
                        pass.mask(),
                        t * used,
                        partial,
                        ((t * heads + group * shared) * parts + part) * (size + 2),
                        parts * (size + 2));
            }
        }

        /** Adds the outputs of a matrix to the residual. */
        private void add(Matrix matrix, Input input, float[] scratch) {
            int stride = SHARE + Matrix.TILE;
            for (int from = TEAM.take(SHARE); from < hidden; from = TEAM.take(SHARE)) {
                int to = Math.min(hidden, from + SHARE);
                matrix.multiply(input, tokens, from, to, scratch, stride, from);
                for (int t = 0; t < tokens; ++t) {
                    for (int i = from; i < to; ++i) {
                        x[t * hidden + i] += scratch[t * stride + i - from];
                    }
                }
            }
        }

        /** Computes silu(gate) · up. */
        private void gate(Layer layer, Input input, float[] scratch, float[] up) {
            int stride = SHARE + Matrix.TILE;
            for (int from = TEAM.take(SHARE); from < inner; from = TEAM.take(SHARE)) {
                int to = Math.min(inner, from + SHARE);
                layer.gate().multiply(input, tokens, from, to, scratch, stride, from);
                layer.up().multiply(input, tokens, from, to, up, stride, from);
                for (int t = 0; t < tokens; ++t) {
                    for (int i = 0; i < to - from; i += Lanes.COUNT) {
                        FloatVector g =
                                FloatVector.fromArray(Lanes.FLOATS, scratch, t * stride + i);
                        FloatVector e = Lanes.exp(g.neg());
                        FloatVector.fromArray(Lanes.FLOATS, up, t * stride + i)
                                .mul(g)
                                .div(e.add(1))
                                .intoArray(gated, t * inner + from + i);
                    }
                }
            }
        }

        private void logits(Input input) {
            int kept = pass.kept();
            int rows = pass.batch() * kept;
            for (int i = 0; i < rows; ++i) {
                int token = i / kept * pass.tokens() + pass.tokens() - kept + i % kept;
                System.arraycopy(x, token * hidden, last, i * hidden, hidden);
            }
            input.setNormed(last, rows, hidden, norm, network.eps());
            for (int from = TEAM.take(SHARE); from < head.rows; from = TEAM.take(SHARE)) {
                int to = Math.min(head.rows, from + SHARE);
                head.multiply(input, rows, from, to, logits, padded, 0);
            }
        }
    }
}
