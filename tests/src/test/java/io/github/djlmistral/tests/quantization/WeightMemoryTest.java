/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Model;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.ForkedJava;
import io.github.djlmistral.tests.weights.SparseSafetensors;
import io.github.djlmistral.zoo.MistralBlockFactory;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weights that are made on load: whose memory that is, and when it is freed. */
class WeightMemoryTest {

    private static final Path STATUS = Path.of("/proc/self/status");

    @TempDir private Path directory;

    /** A checkpoint of zeros: linear layers of {@code layers · (inner · 1536 + 655360)} weights. */
    private static void write(Path directory, int inner, int layers) throws Exception {
        String json =
                """
            {"model_type": "mistral", "vocab_size": 64, "hidden_size": 512,
             "intermediate_size": %s, "num_hidden_layers": %s, "num_attention_heads": 8,
             "num_key_value_heads": 2, "max_position_embeddings": 64, "torch_dtype": "bfloat16"}
            """
                        .formatted(inner, layers);
        Files.writeString(directory.resolve("config.json"), json);
        Map<String, long[]> shapes = new LinkedHashMap<>();
        KernelChoice none = new KernelChoice(new ReferenceKernels(), "for its names");
        new MistralForCausalLM(MistralConfig.parse(json), none)
                .namedParameters()
                .forEach((name, parameter) -> shapes.put(name, parameter.getShape().getShape()));
        SparseSafetensors.write(directory.resolve("model.safetensors"), Dtype.BFLOAT16, shapes);
    }

    /** Repeatedly loads the checkpoint quantized, runs one token and closes it. */
    static final class Program {

        private Program() {}

        public static void main(String[] arguments) throws Exception {
            Path directory = Path.of(arguments[0]);
            int times = Integer.parseInt(arguments[1]);
            List<Long> resident = new ArrayList<>();
            for (int i = 0; i < times; ++i) {
                try (Model model = Model.newInstance("memory", "PyTorch")) {
                    MistralForCausalLM network =
                            (MistralForCausalLM)
                                    new MistralBlockFactory()
                                            .newBlock(
                                                    model,
                                                    directory,
                                                    Map.of("quantization", "nf4"));
                    try (NDManager scope = model.getNDManager().newSubManager()) {
                        ForwardInput input =
                                ForwardInput.ofIds(
                                        scope.create(new long[] {1, 2}, new Shape(1, 2)));
                        ParameterStore parameters = new ParameterStore(scope, false);
                        float[] logits =
                                network.forward(parameters, input, false).logits().toFloatArray();
                        System.out.println("logit " + logits[0]);
                    }
                }
                if (Files.exists(STATUS)) {
                    System.gc(); // unmaps the file
                    resident.add(residentBytes());
                }
            }
            System.out.println("resident " + resident);
        }

        private static long residentBytes() throws Exception {
            String line =
                    Files.readAllLines(STATUS).stream()
                            .filter(l -> l.startsWith("VmRSS:"))
                            .findFirst()
                            .orElseThrow();
            return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
        }
    }

    /** 27 MiB of them: more than thrice what Java allows for direct buffers. */
    @Test
    void doNotCountAsDirectBuffers() throws Exception {
        write(directory, 4096, 7);
        String output =
                ForkedJava.run(
                        List.of("-XX:MaxDirectMemorySize=8m"),
                        Program.class,
                        directory.toString(),
                        "1");
        assertThat(output).contains("logit 0.0");
    }

    /** 200 times 1.2 MiB; were they not freed, the last 150 would add up to 180 MiB. */
    @Test
    void areFreedWhenTheModelIsClosed() throws Exception {
        assumeTrue(Files.exists(STATUS), "resident memory is read from /proc");
        write(directory, 1024, 1);
        String output =
                ForkedJava.run(List.of("-Xmx128m"), Program.class, directory.toString(), "200");
        long[] resident =
                output.lines()
                        .filter(line -> line.startsWith("resident "))
                        .flatMap(line -> List.of(line.split("\\D+")).stream().skip(1))
                        .mapToLong(Long::parseLong)
                        .toArray();
        assertThat(resident).hasSize(200);
        assertThat(resident[199]).isLessThan(resident[49] + (64L << 20));
    }

    /** Instead of bytes that are someone else's by now. */
    @Test
    void freedMemoryCannotBeRead() {
        Tensor tensor = Tensor.allocate("a", Dtype.FLOAT32, 4);
        Tensor renamed = tensor.renamed("b");
        assertThat(tensor.data().getFloat(12)).isZero();
        tensor.free();
        tensor.free();
        assertThatIllegalStateException()
                .isThrownBy(renamed::data)
                .withMessageContainingAll("b", "closed");
    }

    @Test
    void quantizedWeightsShareWhatWasNotQuantized() {
        Weights plain = new Weights(weights("lm_head.weight", "model.norm.weight"), Map.of());
        Weights quantized = Quantization.parse("int4-head4").apply(plain);
        plain.closeExcept(quantized);
        assertThat(quantized.unquantized().get("model.norm.weight").data().remaining())
                .isPositive();
        assertThatIllegalStateException()
                .isThrownBy(() -> plain.unquantized().get("lm_head.weight").data());
        quantized.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> quantized.unquantized().get("model.norm.weight").data());
        assertThatIllegalStateException()
                .isThrownBy(() -> quantized.quantized().get("lm_head.weight").bytes());
    }

    private static Map<String, Tensor> weights(String... names) {
        Map<String, Tensor> weights = new LinkedHashMap<>();
        for (String name : names) {
            weights.put(name, Tensor.allocate(name, Dtype.FLOAT32, 16, 64));
        }
        return weights;
    }

    @Test
    void allocationsDoNotCountAsDirectMemory() {
        BufferPoolMXBean direct =
                ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                        .filter(pool -> pool.getName().equals("direct"))
                        .findFirst()
                        .orElseThrow();
        long before = direct.getTotalCapacity();
        Tensor tensor = Tensor.allocate("large", Dtype.UINT8, 1 << 28);
        assertThat(direct.getTotalCapacity()).isLessThan(before + (1 << 28));
        tensor.free();
    }
}
