/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads 4-bit GPTQ weights (Frantar et al. 2022) as AutoGPTQ and GPTQModel write them: scales and
 * zero points as in {@link ZeroPointReader}, zero points minus 1 in the format "gptq", and
 *
 * <pre>
 * X.qweight   int32 (in/8, out), the codes of eight inputs in a word, the first in the lowest bits
 * X.g_idx     int32 (in), the group of each input: i / group_size without desc_act
 * X.bias      optional
 * </pre>
 */
final class GptqReader extends ZeroPointReader {

    private final IntBuffer words;
    private final int @Nullable [] inputOrder;

    private GptqReader(
            UnclaimedTensors parts, String name, Tensor codes, QuantizationConfig.Gptq config)
            throws CheckpointException {
        super(
                parts,
                name,
                codes,
                8,
                1,
                config.groupSize(),
                config.checkpointFormat().equals("gptq") ? 1 : 0);
        words = codes.data().asIntBuffer();
        inputOrder = inputOrder(parts, name, columns, config);
    }

    /** Reads all quantized weights of a checkpoint into a map. */
    static void read(
            UnclaimedTensors parts,
            QuantizationConfig.Gptq config,
            Map<String, QuantizedWeight> matrices)
            throws CheckpointException {
        for (String name : parts.before(".qweight")) {
            Tensor codes = parts.takeMatrix(name + ".qweight", Dtype.INT32);
            String weight = name + ".weight";
            GptqReader matrix = new GptqReader(parts, name, codes, config);
            matrices.put(weight, matrix.pack(weight, matrix.inputOrder));
            dropZeroBias(parts, name + ".bias");
        }
    }

    /** Returns the inputs sorted by group (stable); null if they are sorted already. */
    private static int @Nullable [] inputOrder(
            UnclaimedTensors parts, String name, int inputs, QuantizationConfig.Gptq config)
            throws CheckpointException {
        String indexName = name + ".g_idx";
        if (!config.descAct() && !parts.has(indexName)) {
            return null;
        }
        IntBuffer groups = parts.takeShaped(indexName, Dtype.INT32, inputs).data().asIntBuffer();
        int size = config.groupSize();
        int[] filled = new int[inputs / size];
        int[] order = new int[inputs];
        boolean sorted = true;
        for (int i = 0; i < inputs; ++i) {
            int group = groups.get(i);
            if (group < 0 || group >= filled.length) {
                throw parts.broken(
                        String.format(
                                Locale.ROOT,
                                "%s has %d for input %d, but there are %d groups",
                                indexName,
                                group,
                                i,
                                filled.length));
            }
            if (filled[group] == size) {
                throw parts.broken(
                        String.format(
                                Locale.ROOT,
                                "%s has more than group_size, %d, inputs in group %d",
                                indexName,
                                size,
                                group));
            }
            sorted &= group == i / size;
            order[group * size + filled[group]++] = i;
        }
        return sorted ? null : order;
    }

    /**
     * Drops a bias of zeros: Mistral's linear layers have no bias, but some versions of AutoGPTQ
     * write one. Any other bias stays and is reported as an unexpected tensor.
     */
    private static void dropZeroBias(UnclaimedTensors parts, String name)
            throws CheckpointException {
        if (parts.has(name)) {
            ByteBuffer bytes = parts.peek(name).data();
            boolean zero = true;
            while (bytes.hasRemaining()) {
                zero &= bytes.get() == 0;
            }
            if (zero) {
                parts.take(name, Dtype.values());
            }
        }
    }

    @Override
    int place(int output) {
        return output;
    }

    @Override
    void codes(int row, byte[] codes) {
        for (int c = 0; c < columns; ++c) {
            int input = inputOrder == null ? c : inputOrder[c];
            codes[c] = (byte) (words.get(input / 8 * rows + row) >>> (4 * (input % 8)) & 15);
        }
    }
}
