/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.quantization.QuantizationError;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.SafetensorsWriter;
import io.github.djlmistral.engine.weights.SourceFiles;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code mistral quantize}: quantizes a checkpoint tensor by tensor, with one tensor in memory at a
 * time.
 */
@Command(
        name = "quantize",
        description = {
            "Writes a checkpoint with 4-bit weights, which loads faster and takes a quarter of the"
                    + " memory.",
            "",
            "int4 is the layout of this library: groups of 64 weights with scale and zero point,"
                    + " 4.5 bits per weight, and 8 bits for the output layer. Append -g32 or -g128"
                    + " for other group sizes, -sym for symmetric quantization, -head4 or -head16"
                    + " for the output layer: int4-g128-head16.",
            "",
            "nf4 is the layout of bitsandbytes, which transformers reads, too. Append -double for"
                    + " double quantization: 4.13 bits per weight instead of 4.5."
        },
        customSynopsis = "mistral quantize [OPTIONS] IN OUT",
        parameterListHeading = "%n",
        footer = {
            "  mistral quantize path/to/checkpoint path/to/quantized",
            "  mistral quantize --method nf4-double path/to/checkpoint quantized",
            "  mistral generate --model path/to/quantized \"What is a lighthouse?\""
        })
public final class QuantizeCommand implements Callable<Integer> {

    private static final String WEIGHTS = "model.safetensors";

    /** Weights per step of the progress bar. */
    private static final long STEP = 1_000_000;

    @Mixin private final Terminal terminal = new Terminal();

    @Parameters(
            index = "0",
            paramLabel = "IN",
            description =
                    "The unquantized checkpoint: a directory, or a model of the Hub or the zoo.")
    @SuppressWarnings("NullAway.Init") // picocli sets it before it runs the command
    private String source;

    @Parameters(
            index = "1",
            paramLabel = "OUT",
            description = "Output directory; must not exist, or be empty.")
    @SuppressWarnings("NullAway.Init") // as above
    private Path target;

    @Option(
            names = "--method",
            paramLabel = "HOW",
            description = "int4 or nf4, and options as above. Default: ${DEFAULT-VALUE}.")
    private String method = "int4";

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public QuantizeCommand() {}

    @Override
    public Integer call() throws IOException {
        long start = System.nanoTime();
        Quantization quantization = Quantization.parse(method);
        Path directory =
                ModelOptions.unquantized(source, terminal, "choose the result with --method");
        MistralCheckpoint checkpoint = MistralCheckpoint.open(directory).withoutCopies();
        if (!checkpoint.weights().quantized().isEmpty()) {
            throw new IOException(source + " is already quantized: give the unquantized model");
        }
        Collection<Tensor> tensors = checkpoint.weights().unquantized().values();
        List<Path> beside = StagedCheckpoint.beside(directory);
        long needed = SafetensorsWriter.headerCapacity(partNames(tensors)) + 1_000_000L;
        for (Path file : beside) {
            needed += Files.size(file);
        }
        for (Tensor tensor : tensors) {
            needed +=
                    quantization.covers(tensor.name())
                            ? quantization.bytes(tensor.name(), tensor.shape())
                            : tensor.data().remaining();
        }
        Report report = new Report();
        try (StagedCheckpoint result = StagedCheckpoint.at(target, needed)) {
            result.copy(beside);
            Dtype dtype = write(result.resolve(WEIGHTS), tensors, quantization, report);
            SourceFiles.of(tensors.stream()).check();
            result.configure(directory, checkpoint.config(), quantization.config(dtype));
            result.finish();
        }
        report.seconds = (System.nanoTime() - start) * 1e-9;
        print(quantization, report);
        return 0;
    }

    /** Estimates the tensor names: a weight becomes up to six tensors. */
    private static List<String> partNames(Collection<Tensor> tensors) {
        List<String> names = new ArrayList<>();
        for (Tensor tensor : tensors) {
            for (int part = 0; part < 6; ++part) {
                names.add(tensor.name() + ".quant_state.bitsandbytes__nf4");
            }
        }
        return names;
    }

    private Dtype write(
            Path file, Collection<Tensor> tensors, Quantization quantization, Report report)
            throws IOException {
        Dtype dtype = Dtype.FLOAT32;
        // unquantized tensors first, wide types before narrow ones, so that all are aligned
        List<Tensor> ordered = new ArrayList<>(tensors);
        ordered.sort(
                Comparator.comparingInt(
                        tensor ->
                                quantization.covers(tensor.name()) ? 0 : -tensor.dtype().bytes()));
        long steps = tensors.stream().mapToLong(Tensor::elements).sum() / STEP;
        int capacity = SafetensorsWriter.headerCapacity(partNames(tensors));
        try (SafetensorsWriter writer = SafetensorsWriter.open(file, capacity);
                Terminal.Progress progress = terminal.progress("quantizing", steps)) {
            long done = 0;
            for (Tensor tensor : ordered) {
                report.bytesBefore += tensor.data().remaining();
                if (quantization.covers(tensor.name())) {
                    dtype = tensor.dtype();
                    Quantization.Quantized quantized = quantization.quantize(tensor);
                    try {
                        report.add(tensor, quantized.matrix());
                        for (Tensor part : quantized.stored()) {
                            writer.add(part);
                            report.add(part.data().remaining());
                        }
                    } finally {
                        quantized.free();
                    }
                } else {
                    writer.add(tensor);
                    report.bytesAfter += tensor.data().remaining();
                }
                progress.stepBy((done + tensor.elements()) / STEP - done / STEP);
                done += tensor.elements();
            }
            writer.finish(Map.of("format", "pt"));
        }
        return dtype;
    }

    private void print(Quantization quantization, Report report) {
        if (json.wanted) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("quantization", quantization.toString());
            fields.put("directory", target.toAbsolutePath().toString());
            fields.put("bytes_before", report.bytesBefore);
            fields.put("bytes_after", report.bytesAfter);
            fields.put("quantized_weights", report.weights);
            fields.put("bits_per_quantized_weight", report.bits());
            fields.put("relative_error", report.error.relative());
            fields.put("seconds", report.seconds);
            json.print(terminal, fields);
            return;
        }
        terminal.out()
                .printf(
                        Locale.ROOT,
                        "%s quantized as %s in %s%n"
                                + "  %s -> %s, %.2f bits per weight for %s quantized weights%n"
                                + "  relative error %.2f %%, %.1f seconds%n",
                        source,
                        quantization,
                        target,
                        Units.bytes(report.bytesBefore),
                        Units.bytes(report.bytesAfter),
                        report.bits(),
                        Units.count(report.weights),
                        100 * report.error.relative(),
                        report.seconds);
    }

    /** Sizes and error of the result. */
    private static final class Report {
        private long bytesBefore;
        private long bytesAfter;
        private long quantizedBytes;
        private long weights;
        private QuantizationError error = QuantizationError.NONE;
        private double seconds;

        private void add(Tensor plain, QuantizedWeight quantized) {
            weights += plain.elements();
            error = error.plus(QuantizationError.of(plain, quantized));
        }

        private void add(long bytes) {
            quantizedBytes += bytes;
            bytesAfter += bytes;
        }

        private double bits() {
            return weights == 0 ? 0 : 8.0 * quantizedBytes / weights;
        }
    }
}
