/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.internal.quantization.AvailableMemory;
import io.github.djlmistral.engine.internal.quantization.BitsandbytesWriter;
import io.github.djlmistral.engine.internal.quantization.Int4Quantizer;
import io.github.djlmistral.engine.internal.quantization.Int8Quantizer;
import io.github.djlmistral.engine.internal.quantization.Nf4Quantizer;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Options of quantization, on load or to a file.
 *
 * <p>The linear layers of all decoder layers are quantized, and the output layer according to
 * {@code head}. Norms are not quantized, nor are embeddings, of which a token reads a single row.
 *
 * <p>The text form is a method followed by options, separated by hyphens: {@code int4}, {@code
 * int4-g128}, {@code int4-g32-sym}, {@code nf4}, {@code nf4-double}, {@code int4-head16}. Defaults:
 *
 * <ul>
 *   <li>{@code int4} has groups of 64 with offsets, 4.5 bits per weight, which has the smallest
 *       error of all options of this size. The output layer, whose errors directly affect the
 *       logits, has 8 bits: 1/200 of the squared error of 4 bits, for 3 % of the memory of a 7B
 *       model.
 *   <li>{@code nf4} is the default of bitsandbytes, without double quantization; the output layer
 *       is not quantized.
 * </ul>
 *
 * @param method the quantization method
 * @param groupSize weights per group; always 64 for NF4
 * @param symmetric for int4: whether groups have no offsets
 * @param doubleQuantized for NF4: double quantization, that is, whether absmax is quantized to 8
 *     bits
 * @param head quantization of the output layer
 */
public record Quantization(
        Method method, int groupSize, boolean symmetric, boolean doubleQuantized, Head head) {

    /** Quantization methods. */
    public enum Method {
        /** 4-bit groups with scales and offsets, {@link Int4}. */
        INT4,
        /** NF4 in bitsandbytes' layout, {@link BitsandbytesWeight}. */
        NF4
    }

    /** How the output layer, {@code lm_head}, is quantized. */
    public enum Head {
        /** Not quantized. */
        PLAIN("head16"),
        /** {@link Int8} in groups of 32, 8.5 bits per weight. */
        INT8("head8"),
        /** Like the other linear layers. */
        INT4("head4");

        private final String option;

        Head(String option) {
            this.option = option;
        }
    }

    private static final int HEAD_GROUP = 32;

    private static final String HEAD_NAME = "lm_head.weight";

    private static final Pattern LINEAR =
            Pattern.compile("model\\.layers\\.\\d+\\.(self_attn|mlp)\\.\\w+_proj\\.weight");

    /** Checks that the options are compatible. */
    public Quantization {
        boolean int4 = method == Method.INT4;
        if (int4 ? !Int4.isGroupSize(groupSize) : groupSize != Nf4Quantizer.BLOCK) {
            throw new IllegalArgumentException(
                    int4
                            ? "the group size of int4 must be 32, 64 or 128, is " + groupSize
                            : "the block size of nf4 must be 64, is " + groupSize);
        }
        if (int4 ? doubleQuantized : symmetric || head != Head.PLAIN) {
            throw new IllegalArgumentException(
                    int4
                            ? "double quantization is an option of nf4, not of int4"
                            : "-sym and -head are options of int4, not of nf4: nf4 is symmetric,"
                                    + " and bitsandbytes does not quantize the output layer");
        }
    }

    /**
     * Parses the text form.
     *
     * @param text such as {@code int4}, see above
     * @return the options
     * @throws IllegalArgumentException if the text is invalid; the message says what is valid
     */
    public static Quantization parse(String text) {
        List<String> parts = Arrays.asList(text.toLowerCase(Locale.ROOT).split("-", -1));
        boolean int4 = parts.get(0).equals("int4");
        if (!int4 && !parts.get(0).equals("nf4")) {
            throw invalid(text);
        }
        int groupSize = 64;
        boolean symmetric = false;
        boolean doubleQuantized = false;
        Head head = int4 ? Head.INT8 : Head.PLAIN;
        for (String option : parts.subList(1, parts.size())) {
            switch (option) {
                case "g32" -> groupSize = 32;
                case "g64" -> groupSize = 64;
                case "g128" -> groupSize = 128;
                case "sym" -> symmetric = true;
                case "double" -> doubleQuantized = true;
                case "head4" -> head = Head.INT4;
                case "head8" -> head = Head.INT8;
                case "head16" -> head = Head.PLAIN;
                default -> throw invalid(text);
            }
        }
        Method method = int4 ? Method.INT4 : Method.NF4;
        return new Quantization(method, groupSize, symmetric, doubleQuantized, head);
    }

    private static IllegalArgumentException invalid(String text) {
        return new IllegalArgumentException(
                "quantization is '"
                        + text
                        + "', must be int4, with -g32, -g64 or -g128 for the group size, -sym for"
                        + " no offsets, and -head4, -head8 or -head16 for the bits of the output"
                        + " layer; or nf4, with -double for double quantization");
    }

    /** Returns the text form, with all options of the method. */
    @Override
    public String toString() {
        return method == Method.NF4
                ? "nf4" + (doubleQuantized ? "-double" : "")
                : "int4-g" + groupSize + (symmetric ? "-sym" : "") + "-" + head.option;
    }

    /**
     * Returns whether these options quantize a weight.
     *
     * @param name its name in Hugging Face's checkpoints
     * @return whether it is quantized
     */
    public boolean covers(String name) {
        return name.equals(HEAD_NAME) ? head != Head.PLAIN : LINEAR.matcher(name).matches();
    }

    /**
     * Quantizes one weight, in parallel.
     *
     * @param weight a matrix of float32, float16 or bfloat16
     * @return the quantized weight, in memory that it owns
     * @throws IllegalArgumentException if the weight is not such a matrix, its number of columns is
     *     not a multiple of the group size, or it has infinite values or NaN; the message names the
     *     weight
     */
    public Quantized quantize(Tensor weight) {
        if (method == Method.NF4) {
            BitsandbytesWeight matrix = Nf4Quantizer.quantize(weight);
            return new Quantized(
                    doubleQuantized ? BitsandbytesWriter.rounded(matrix) : matrix,
                    BitsandbytesWriter.tensors(
                            weight.name(), matrix, weight.dtype(), doubleQuantized));
        }
        QuantizedWeight matrix = matrix(weight);
        List<Tensor> tensors = new ArrayList<>(matrix.tensors());
        tensors.sort(Comparator.comparingInt(tensor -> -tensor.dtype().bytes()));
        return new Quantized(matrix, tensors);
    }

    /** Quantizes without creating the tensors of a file. */
    private QuantizedWeight matrix(Tensor weight) {
        if (method == Method.INT4) {
            return in8Bits(weight.name())
                    ? Int8Quantizer.quantize(weight, HEAD_GROUP)
                    : Int4Quantizer.quantize(weight, groupSize, symmetric);
        }
        BitsandbytesWeight matrix = Nf4Quantizer.quantize(weight);
        if (!doubleQuantized) {
            return matrix;
        }
        BitsandbytesWeight rounded = BitsandbytesWriter.rounded(matrix);
        matrix.absmax().free();
        return rounded;
    }

    /**
     * The result of quantizing one weight.
     *
     * @param matrix the quantized weight
     * @param stored the tensors to store in a file, wide types first
     */
    public record Quantized(QuantizedWeight matrix, List<Tensor> stored) {

        /** Copies the list. */
        public Quantized {
            stored = List.copyOf(stored);
        }

        /** Frees the memory of the weight and of the stored tensors. */
        public void free() {
            matrix.free();
            stored.forEach(Tensor::free);
        }
    }

    private boolean in8Bits(String name) {
        return head == Head.INT8 && name.equals(HEAD_NAME);
    }

    /**
     * Quantizes the weights of a network one at a time, with little memory besides the result.
     *
     * @param weights unquantized weights
     * @return the weights; those that {@link #covers} does not include are shared
     * @throws IllegalArgumentException if they are quantized already, or as in {@link #quantize}
     * @throws InsufficientMemoryException if there is too little memory for the result; this is
     *     checked first
     */
    public Weights apply(Weights weights) {
        if (!weights.quantized().isEmpty()) {
            throw new IllegalArgumentException(
                    "the weights are quantized already, as "
                            + weights.quantized().values().iterator().next()
                            + ": omit the option quantization, or load the unquantized model");
        }
        AvailableMemory.check(
                "quantizing to " + this,
                resultBytes(weights.unquantized()),
                "quantize the model once with \"mistral quantize\", which needs little memory, and"
                        + " load the result, which is mapped from its file");
        Map<String, Tensor> plain = new LinkedHashMap<>();
        Map<String, QuantizedWeight> quantized = new LinkedHashMap<>();
        try {
            weights.unquantized()
                    .forEach(
                            (name, tensor) -> {
                                if (covers(name)) {
                                    quantized.put(name, matrix(tensor));
                                } else {
                                    plain.put(name, tensor);
                                }
                            });
        } catch (RuntimeException | Error e) {
            new Weights(Map.of(), quantized).close();
            throw e;
        }
        return new Weights(plain, quantized);
    }

    private long resultBytes(Map<String, Tensor> weights) {
        return weights.entrySet().stream()
                .filter(entry -> covers(entry.getKey()))
                .mapToLong(entry -> bytes(entry.getKey(), entry.getValue().shape()))
                .sum();
    }

    /**
     * Computes the size of a weight after quantization.
     *
     * @param name its name
     * @param shape (rows, columns)
     * @return the size in bytes; up to an eighth too small if scales need float32
     */
    public long bytes(String name, long... shape) {
        long numbers = Arrays.stream(shape).reduce(1, Math::multiplyExact);
        if (method == Method.NF4) {
            return (numbers + 1) / 2 + Float.BYTES * (numbers / groupSize + 1);
        }
        long tiled = shape.length == 0 ? 1 : numbers / Math.max(1, shape[0]);
        tiled *= shape.length == 0 ? 1 : (shape[0] + Int4.TILE - 1) / Int4.TILE * Int4.TILE;
        return in8Bits(name)
                ? tiled + tiled / HEAD_GROUP * Short.BYTES
                : tiled / 2 + tiled / groupSize * Short.BYTES * (symmetric ? 1 : 2);
    }

    /**
     * Returns {@code quantization_config} for the {@code config.json} of quantized weights:
     * transformers' for NF4, this library's own for int4.
     *
     * @param compute the data type that Python computes in, that of the unquantized weights
     * @return the fields
     */
    public Map<String, Object> config(Dtype compute) {
        Map<String, Object> fields = new LinkedHashMap<>();
        if (method == Method.INT4) {
            fields.put("quant_method", "int4");
            fields.put("bits", 4);
            fields.put("group_size", groupSize);
            fields.put("symmetric", symmetric);
            return fields;
        }
        fields.put("quant_method", "bitsandbytes");
        fields.put("load_in_4bit", true);
        fields.put("load_in_8bit", false);
        fields.put("bnb_4bit_quant_type", "nf4");
        fields.put("bnb_4bit_use_double_quant", doubleQuantized);
        fields.put("bnb_4bit_compute_dtype", compute.toString());
        fields.put("bnb_4bit_quant_storage", "uint8");
        fields.put("llm_int8_skip_modules", List.of("lm_head"));
        return fields;
    }
}
