/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

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
 * How plain weights are quantized, when a model is loaded or beforehand.
 *
 * <p>It concerns the linear layers of all decoder layers, and the output layer as {@code head} has
 * it. Embeddings, of which a token reads one row, and norms stay as they are.
 *
 * <p>As text it is a method and options with hyphens between: {@code int4}, {@code int4-g128},
 * {@code int4-g32-sym}, {@code nf4}, {@code nf4-double}, {@code int4-head16}. Without options
 *
 * <ul>
 *   <li>{@code int4} has groups of 64 with offsets, 4.5 bits a weight: of what takes as many, it
 *       loses least (figures in {@link Int4Quantizer}). The output layer gets 8 bits: they lose a
 *       two-hundredth of what 4 do, in the layer whose errors go into the logits unhindered, and of
 *       a 7B model they take 3 per cent of the memory.
 *   <li>{@code nf4} is what bitsandbytes makes by default, the output layer left as it is.
 * </ul>
 *
 * @param method the layout
 * @param groupSize how many weights share a scale; always 64 for NF4
 * @param symmetric for int4: whether groups have no offsets
 * @param doubleQuantized for NF4: whether the absmax are quantized too, see {@link
 *     BitsandbytesWriter}
 * @param head what the output layer becomes
 */
public record Quantization(
        Method method, int groupSize, boolean symmetric, boolean doubleQuantized, Head head) {

    /** The layouts. */
    public enum Method {
        /** Groups of 4-bit codes, {@link Int4}. */
        INT4,
        /** 4-bit codes of a table as bitsandbytes has them, {@link BitsandbytesWeight}. */
        NF4
    }

    /** What the output layer, {@code lm_head}, becomes. */
    public enum Head {
        /** What it was, 16 or 32 bits. */
        PLAIN("head16"),
        /** {@link Int8} in groups of 32, 8.5 bits. */
        INT8("head8"),
        /** As the other layers. */
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

    /** Checks what goes together. */
    public Quantization {
        boolean int4 = method == Method.INT4;
        if (int4 ? !Int4.isGroupSize(groupSize) : groupSize != Nf4Quantizer.BLOCK) {
            throw new IllegalArgumentException(
                    int4
                            ? "int4 has groups of 32, 64 or 128, not " + groupSize
                            : "nf4 has blocks of 64, not " + groupSize);
        }
        if (int4 ? doubleQuantized : symmetric || head != Head.PLAIN) {
            throw new IllegalArgumentException(
                    int4
                            ? "int4 has no double quantization, nf4 has"
                            : "nf4 is always symmetric, and leaves the output layer as it is, as"
                                    + " bitsandbytes does; int4 has these options");
        }
    }

    /**
     * Reads the text.
     *
     * @param text such as {@code int4}, see above
     * @return the options
     * @throws IllegalArgumentException if it is not as above; the message says what is
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
                        + " no offsets, and -head4, -head8 or -head16 for the output layer; or nf4,"
                        + " with -double for double quantization");
    }

    /** Returns the text that {@link #parse} reads, with all options of the method. */
    @Override
    public String toString() {
        return method == Method.NF4
                ? "nf4" + (doubleQuantized ? "-double" : "")
                : "int4-g" + groupSize + (symmetric ? "-sym" : "") + "-" + head.option;
    }

    /**
     * Tells whether a weight is to be quantized.
     *
     * @param name its name, as in Hugging Face's checkpoints
     * @return false if it stays as it is
     */
    public boolean covers(String name) {
        return name.equals(HEAD_NAME) ? head != Head.PLAIN : LINEAR.matcher(name).matches();
    }

    /**
     * Quantizes one weight, on all cores.
     *
     * @param weight a matrix of float32, float16 or bfloat16, whose name {@link #covers} says yes
     *     to
     * @return the quantized weight, in memory of its own outside the heap
     * @throws IllegalArgumentException if it is no such matrix, its columns cannot be cut into
     *     groups, or it has infinite numbers or NaN; the message names it
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

    /** The matrix alone, without what only a file needs. */
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
     * A weight that was quantized.
     *
     * @param matrix what it became
     * @param stored the tensors that a file holds for it, those of wide types first
     */
    public record Quantized(QuantizedWeight matrix, List<Tensor> stored) {

        /** Copies the list. */
        public Quantized {
            stored = List.copyOf(stored);
        }

        /** Frees the memory of the matrix and of the stored tensors. */
        public void free() {
            matrix.free();
            stored.forEach(Tensor::free);
        }
    }

    private boolean in8Bits(String name) {
        return head == Head.INT8 && name.equals(HEAD_NAME);
    }

    /**
     * Quantizes the weights of a network, one after the other: besides the result it takes no
     * memory to speak of.
     *
     * @param weights plain ones; those mapped from files stay so
     * @return the same, quantized where {@link #covers} says so
     * @throws IllegalArgumentException if they are quantized already, and as {@link #quantize} says
     * @throws InsufficientMemoryException if the result does not fit into memory; before any work
     */
    public Weights apply(Weights weights) {
        if (!weights.quantized().isEmpty()) {
            throw new IllegalArgumentException(
                    "the weights are quantized already, as "
                            + weights.quantized().values().iterator().next()
                            + ": leave the option quantization out, or give the model they were"
                            + " made of");
        }
        InsufficientMemoryException.check(
                "quantizing to " + this,
                resultBytes(weights.unquantized()),
                "quantize the model once with \"mistral quantize\", which takes little memory, and"
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
     * Computes how large a weight becomes.
     *
     * @param name its name
     * @param shape (rows, columns)
     * @return bytes; up to an eighth more where scales need float32
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
     * Gives {@code quantization_config} for the {@code config.json} of quantized weights: that of
     * transformers for NF4, our own for int4.
     *
     * @param compute the type that Python is to compute in, that of the plain weights
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
