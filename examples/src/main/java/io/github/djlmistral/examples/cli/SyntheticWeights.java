/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Random weights of any shape, created in memory in seconds: all matrices symmetric int4 with
 * float16 scales, the output layer as well; embedding and norms in bfloat16. The standard deviation
 * is 0.02, that of transformers' initialization, so that activations stay finite.
 */
final class SyntheticWeights {

    /** 0.00435 as float16, four times: codes from -8 to 7, all as likely, deviate by 4.6. */
    private static final long SCALES = 0x1c74_1c74_1c74_1c74L;

    /** 1 as bfloat16, four times. */
    private static final long ONES = 0x3f80_3f80_3f80_3f80L;

    /** The exponent of bfloat16 from 0.0156 to 0.031, four times, and the bits around it. */
    private static final long EMBEDDINGS = 0x3c80_3c80_3c80_3c80L;

    private static final long SIGN_AND_FRACTION = 0x807f_807f_807f_807fL;

    /** Longs per random generator. */
    private static final int CHUNK = 1 << 17;

    private final MistralConfig config;
    private final int group;
    private final Map<String, Tensor> plain = new LinkedHashMap<>();
    private final Map<String, QuantizedWeight> matrices = new LinkedHashMap<>();

    private SyntheticWeights(MistralConfig config, int group) {
        this.config = config;
        this.group = group;
    }

    /**
     * Creates the weights.
     *
     * @param config shape of the network
     * @param group weights per group
     * @return the weights, outside the heap
     */
    static Weights of(MistralConfig config, int group) {
        return new SyntheticWeights(config, group).make();
    }

    private Weights make() {
        config.parameterShapes()
                .forEach(
                        (name, shape) -> {
                            if (name.equals("model.embed_tokens.weight")) {
                                bfloat16(name, shape, SIGN_AND_FRACTION, EMBEDDINGS);
                            } else if (shape.dimension() == 1) {
                                bfloat16(name, shape, 0, ONES);
                            } else {
                                matrix(name, (int) shape.get(0), (int) shape.get(1));
                            }
                        });
        return new Weights(plain, matrices);
    }

    private void bfloat16(String name, Shape shape, long mask, long bits) {
        Tensor tensor = Tensor.allocate(name, Dtype.BFLOAT16, shape.getShape());
        fill(tensor, mask, bits);
        plain.put(name, tensor);
    }

    private void matrix(String name, int rows, int columns) {
        int tiles = (rows + Int4.TILE - 1) / Int4.TILE;
        Tensor codes =
                Tensor.allocate(name + ".codes", Dtype.UINT8, tiles, columns / 8, 4 * Int4.TILE);
        fill(codes, -1, 0);
        Tensor scales =
                Tensor.allocate(name + ".scales", Dtype.FLOAT16, tiles, columns / group, Int4.TILE);
        fill(scales, 0, SCALES);
        matrices.put(name, new Int4(rows, codes, scales, null, null));
    }

    /** Fills a tensor with random bits where the mask has ones, and with constant ones. */
    private static void fill(Tensor tensor, long mask, long bits) {
        LongBuffer to = tensor.data().order(ByteOrder.nativeOrder()).asLongBuffer();
        IntStream.range(0, (to.capacity() + CHUNK - 1) / CHUNK)
                .parallel()
                .forEach(
                        chunk -> {
                            SplittableRandom random = new SplittableRandom(chunk);
                            int end = Math.min(to.capacity(), (chunk + 1) * CHUNK);
                            for (int i = chunk * CHUNK; i < end; ++i) {
                                to.put(i, (random.nextLong() & mask) | bits);
                            }
                        });
    }
}
