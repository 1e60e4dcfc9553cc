/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the quantized weights of a checkpoint in Hugging Face's layout. Weights of bitsandbytes,
 * GPTQ and AWQ keep their exact values in float32; see {@link QuantizedWeight#dequantizeRow}.
 *
 * <p>Those libraries round dequantized values once more: GPTQ and AWQ to float16, bitsandbytes to
 * its compute type.
 */
public final class QuantizedCheckpoint {

    private QuantizedCheckpoint() {}

    /**
     * Reads quantized and unquantized weights from the tensors of a checkpoint.
     *
     * @param where the checkpoint, for messages
     * @param tensors all tensors of the files
     * @param config the quantization; null for an unquantized checkpoint
     * @param shapes the shapes of the network's weights by name: the tiles of int4 and int8 do not
     *     tell which rows are padding
     * @return the weights; the parts of {@code X.weight}, such as {@code X.qweight}, become {@code
     *     X.weight}
     * @throws CheckpointException if tensors and configuration do not match, or a part of a weight
     *     is missing or damaged
     */
    public static Weights read(
            Path where,
            Map<String, Tensor> tensors,
            @Nullable QuantizationConfig config,
            Map<String, long[]> shapes)
            throws CheckpointException {
        Map<String, QuantizedWeight> quantized = new LinkedHashMap<>();
        try {
            return read(where, tensors, config, shapes, quantized);
        } catch (CheckpointException | RuntimeException | Error e) {
            new Weights(Map.of(), quantized).close();
            throw e;
        }
    }

    private static Weights read(
            Path where,
            Map<String, Tensor> tensors,
            @Nullable QuantizationConfig config,
            Map<String, long[]> shapes,
            Map<String, QuantizedWeight> quantized)
            throws CheckpointException {
        UnclaimedTensors parts = new UnclaimedTensors(where, tensors);
        if (config instanceof QuantizationConfig.Gptq || config instanceof QuantizationConfig.Awq) {
            // repacked; float32 scales and offsets replace float16 scales and 4-bit zero points
            AvailableMemory.check(
                    "loading " + where,
                    tensors.values().stream().mapToLong(t -> t.data().remaining()).sum() * 9 / 8,
                    "quantize the unquantized model with \"mistral quantize\": the result is"
                            + " mapped from its file");
        }
        if (config instanceof QuantizationConfig.Bitsandbytes bitsandbytes) {
            BitsandbytesReader.read(parts, bitsandbytes, quantized);
        } else if (config instanceof QuantizationConfig.Gptq gptq) {
            GptqReader.read(parts, gptq, quantized);
        } else if (config instanceof QuantizationConfig.Awq awq) {
            AwqReader.read(parts, awq, quantized);
        } else if (config instanceof QuantizationConfig.Int4 int4) {
            quantized.putAll(Int4Reader.read(parts, int4, shapes));
            quantized.putAll(Int8Reader.read(parts, shapes));
        }
        Map<String, Tensor> plain = parts.plain(config);
        if (config != null && quantized.isEmpty()) {
            throw new CheckpointException(
                    where,
                    String.format(
                            Locale.ROOT,
                            "config.json has a quantization_config of %s, but none of the %d tensors"
                                    + " is quantized",
                            config.quantMethod(),
                            tensors.size()),
                    "Use the config.json that was written with these weights, or remove"
                            + " quantization_config from it");
        }
        for (String name : quantized.keySet()) {
            if (plain.containsKey(name)) {
                throw parts.broken(name + " exists twice, unquantized and quantized");
            }
        }
        return new Weights(plain, quantized);
    }
}
