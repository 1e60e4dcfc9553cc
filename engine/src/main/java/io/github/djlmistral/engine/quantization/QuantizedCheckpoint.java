/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the quantized matrices among the tensors of a checkpoint in Hugging Face's layout. What
 * bitsandbytes, GPTQ and AWQ wrote keeps its value to the last bit of float32; see {@link
 * QuantizedWeight#dequantizeRow}.
 *
 * <p>Where those libraries compute in half precision, they round these values once more: {@code (q
 * - z) · s} of GPTQ and AWQ to float16, what bitsandbytes gives to its compute type.
 */
public final class QuantizedCheckpoint {

    private QuantizedCheckpoint() {}

    /**
     * Sorts the tensors of a checkpoint.
     *
     * @param where the checkpoint, for messages
     * @param tensors all its tensors, as the files have them
     * @param config how they are quantized; null for a plain checkpoint
     * @param shapes what the network asks for, by the weights' names: the layout of int4 does not
     *     tell how many of its rows only fill up; the other formats do not need them
     * @return the weights under their plain names; a matrix {@code X.qweight} is {@code X.weight}
     * @throws CheckpointException if tensors and configuration do not fit together, or a part of a
     *     matrix is missing or damaged
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
            // repacked; scales and offsets of float32 where the file has float16 and 4 bits
            InsufficientMemoryException.check(
                    "loading " + where,
                    tensors.values().stream().mapToLong(t -> t.data().remaining()).sum() * 9 / 8,
                    "quantize the plain model with \"mistral quantize\": the result is mapped from"
                            + " its file");
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
                            "the quantization_config in config.json is that of %s, but none of the"
                                    + " %d tensors is quantized",
                            config.quantMethod(), tensors.size()),
                    "Give the config.json that was written with these weights, or take"
                            + " quantization_config out");
        }
        for (String name : quantized.keySet()) {
            if (plain.containsKey(name)) {
                throw parts.broken(name + " is there twice, plain and quantized");
            }
        }
        return new Weights(plain, quantized);
    }
}
