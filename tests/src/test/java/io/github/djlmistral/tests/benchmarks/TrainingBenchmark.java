/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import com.sun.management.OperatingSystemMXBean;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.TrainingArguments;
import io.github.djlmistral.engine.training.TrainingData;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures forward and backward passes on random weights, in time and in memory of the process.
 * {@code tests/reference/training_speed.py} measures transformers on the same shape.
 */
@Command(
        name = "TrainingBenchmark",
        mixinStandardHelpOptions = true,
        description = "Measures training passes on random weights.")
final class TrainingBenchmark implements Callable<Integer> {

    @Option(names = "--hidden", description = "Hidden size. Default: ${DEFAULT-VALUE}.")
    private int hidden = 512;

    @Option(names = "--layers", description = "Layers. Default: ${DEFAULT-VALUE}.")
    private int layers = 4;

    @Option(names = "--vocabulary", description = "Default: ${DEFAULT-VALUE}.")
    private int vocabulary = 32000;

    @Option(names = "--tokens", description = "Tokens of a pass. Default: ${DEFAULT-VALUE}.")
    private int tokens = 512;

    @Option(names = "--sequences", description = "Sequences of a pass, equally long.")
    private int sequences = 1;

    @Option(names = "--repetitions", description = "Default: ${DEFAULT-VALUE}.")
    private int repetitions = 10;

    @Option(names = "--head-rows", description = "Default: ${DEFAULT-VALUE}.")
    private int headRows = TrainingPass.Options.DEFAULT.headRows();

    @Option(names = "--checkpointing", description = "Compute layers again.")
    private boolean checkpointing;

    @Option(names = "--lora", description = "Train an adapter of rank 16 on all seven projections.")
    private boolean lora;

    @Option(names = "--quantization", description = "Of the frozen weights, such as nf4.")
    private @Nullable String quantization;

    @Option(names = "--dtype", description = "Default: ${DEFAULT-VALUE}.")
    private String dtype = "float32";

    private long weightBytes;

    public static void main(String[] args) {
        System.exit(new CommandLine(new TrainingBenchmark()).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        try (NDManager manager = NDManager.newBaseManager(null, "PyTorch")) {
            MistralForCausalLM network = network(manager);
            TrainingPass.Options options =
                    TrainingPass.Options.DEFAULT
                            .withGradientCheckpointing(checkpointing)
                            .withHeadRows(headRows);
            List<TrainingSequence> batch = batch();
            long before = resident("VmRSS");
            long loading = resident("VmHWM");
            Files.writeString(Path.of("/proc/self/clear_refs"), "5"); // VmHWM begins again
            double[] forward = new double[repetitions];
            double[] both = new double[repetitions];
            double[] processor = new double[repetitions];
            for (int i = 0; i < repetitions; ++i) {
                long start = System.nanoTime();
                long cpuStart = processorTime();
                TrainingPass.zeroGradients(network);
                try (TrainingPass pass = TrainingPass.forward(network, manager, batch, options)) {
                    forward[i] = (System.nanoTime() - start) / 1e6;
                    float[] gradients = new float[pass.logProbabilities().length];
                    Arrays.fill(gradients, -1f / gradients.length);
                    pass.backward(gradients, null);
                }
                both[i] = (System.nanoTime() - start) / 1e6;
                processor[i] = (processorTime() - cpuStart) / 1e6;
            }
            System.out.printf(
                    Locale.ROOT,
                    "forward %s ms, with backward %s ms, of the processors %s ms; resident before"
                            + " the passes %d MiB (%d while loading), at most %d MiB%n",
                    summary(forward),
                    summary(both),
                    summary(processor),
                    before,
                    loading,
                    resident("VmHWM"));
            train(network, batch);
        }
        return 0;
    }

    /** Two steps of a trainer: the second has all states of the optimizer. */
    private void train(MistralForCausalLM network, List<TrainingSequence> batch)
            throws IOException {
        long trained =
                network.namedParameters().values().stream()
                        .filter(Parameter::requiresGradient)
                        .mapToLong(parameter -> parameter.getArray().size())
                        .sum();
        TrainingArguments arguments =
                TrainingArguments.builder()
                        .perDeviceTrainBatchSize(sequences)
                        .gradientCheckpointing(checkpointing)
                        .maxSteps(2)
                        .build();
        TrainingData<TrainingSequence> data =
                new TrainingData<>() {
                    @Override
                    public int size() {
                        return batch.size();
                    }

                    @Override
                    public TrainingSequence get(int index) {
                        return batch.get(index);
                    }
                };
        Files.writeString(Path.of("/proc/self/clear_refs"), "5");
        new MistralTrainer<>(network, new CausalObjective(), arguments).train(data, null, null);
        System.out.printf(
                Locale.ROOT,
                "weights %d MiB; %,d trained parameters; two steps with AdamW: at most %d MiB%n",
                weightBytes >> 20,
                trained,
                resident("VmHWM"));
    }

    /** Returns nanoseconds of all threads. */
    private static long processorTime() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }

    private static String summary(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return String.format(
                Locale.ROOT, "%.0f (fastest %.0f)", sorted[sorted.length / 2], sorted[0]);
    }

    private List<TrainingSequence> batch() {
        Random random = new Random(1);
        TrainingSequence[] batch = new TrainingSequence[sequences];
        for (int i = 0; i < sequences; ++i) {
            long[] ids = random.longs(tokens / sequences, 0, vocabulary).toArray();
            batch[i] = new TrainingSequence(ids, ids);
        }
        return List.of(batch);
    }

    private MistralForCausalLM network(NDManager manager) throws Exception {
        MistralConfig config =
                MistralConfig.parse(
                        String.format(
                                Locale.ROOT,
                                """
                                {"vocab_size": %d, "hidden_size": %d, "intermediate_size": %d,
                                 "num_hidden_layers": %d, "num_attention_heads": %d,
                                 "num_key_value_heads": %d, "head_dim": 64,
                                 "max_position_embeddings": 32768, "sliding_window": 4096}
                                """,
                                vocabulary,
                                hidden,
                                hidden * 7 / 2,
                                layers,
                                hidden / 64,
                                Math.max(1, hidden / 256)));
        KernelChoice none = new KernelChoice(new ReferenceKernels(), "for its names");
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        Random random = new Random(7);
        new MistralForCausalLM(config, none)
                .namedParameters()
                .forEach(
                        (name, parameter) -> {
                            long[] shape = parameter.getShape().getShape();
                            Tensor tensor = Tensor.allocate(name, Dtype.FLOAT32, shape);
                            FloatBuffer numbers = tensor.data().asFloatBuffer();
                            float center = shape.length == 1 ? 1 : 0;
                            while (numbers.hasRemaining()) {
                                numbers.put(center + 0.07f * (random.nextFloat() - 0.5f));
                            }
                            tensors.put(name, tensor);
                        });
        Weights weights = new Weights(tensors, Map.of());
        if (quantization != null) {
            Weights packed = Quantization.parse(quantization).apply(weights);
            weights.closeExcept(packed);
            weights = packed;
        }
        weightBytes = weights.bytes(Dtype.of(dtype));
        MistralForCausalLM network =
                MistralForCausalLM.of(
                        config,
                        weights,
                        "random weights",
                        manager,
                        new ComputeOptions("torch", dtype));
        if (!lora) {
            network.freezeParameters(false);
            return network;
        }
        LoraConfig adapter =
                LoraConfig.builder()
                        .r(16)
                        .alpha(32)
                        .targetModules(
                                List.of(
                                        "q_proj",
                                        "k_proj",
                                        "v_proj",
                                        "o_proj",
                                        "gate_proj",
                                        "up_proj",
                                        "down_proj"))
                        .build();
        MistralForCausalLM adapted = network.withAdapter(network.newAdapter(adapter, 1), manager);
        adapted.unfreezeAdapter();
        return adapted;
    }

    /** Reads a number of KiB from the status that Linux shows of the process, in MiB. */
    private static long resident(String field) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith(field + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
                .findFirst()
                .orElse(0);
    }
}
