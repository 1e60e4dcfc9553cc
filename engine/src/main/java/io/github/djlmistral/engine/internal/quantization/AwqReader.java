/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.IntBuffer;
import java.util.Map;

/**
 * Reads 4-bit AWQ weights (Lin et al. 2023) in AutoAWQ's layout "gemm": scales and zero points as
 * in {@link ZeroPointReader}, and
 *
 * <pre>
 * X.qweight   int32 (in, out/8), the codes of eight outputs in a word
 * </pre>
 *
 * <p>From the lowest four bits on, a word of codes or zero points holds the outputs 0, 2, 4, 6, 1,
 * 3, 5, 7.
 */
final class AwqReader extends ZeroPointReader {

    private final IntBuffer words;

    private AwqReader(
            UnclaimedTensors parts, String name, Tensor codes, QuantizationConfig.Awq config)
            throws CheckpointException {
        super(parts, name, codes, 1, 8, config.groupSize(), 0);
        words = codes.data().asIntBuffer();
    }

    /** Reads all quantized weights of a checkpoint into a map. */
    static void read(
            UnclaimedTensors parts,
            QuantizationConfig.Awq config,
            Map<String, QuantizedWeight> matrices)
            throws CheckpointException {
        for (String name : parts.before(".qweight")) {
            Tensor codes = parts.takeMatrix(name + ".qweight", Dtype.INT32);
            String weight = name + ".weight";
            matrices.put(weight, new AwqReader(parts, name, codes, config).pack(weight, null));
        }
    }

    @Override
    int place(int output) {
        return output % 2 * 4 + output / 2;
    }

    @Override
    void codes(int row, byte[] codes) {
        int shift = 4 * place(row % 8);
        for (int c = 0; c < columns; ++c) {
            codes[c] = (byte) (words.get(c * (rows / 8) + row / 8) >>> shift & 15);
        }
    }
}
