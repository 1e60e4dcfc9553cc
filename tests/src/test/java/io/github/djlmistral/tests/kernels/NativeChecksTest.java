/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.tests.ForkedJava;
import io.github.djlmistral.tests.quantization.Matrices;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The option {@code -Dmistral.native.checks=true}. It is for a whole process, so in another one.
 */
class NativeChecksTest {

    private static final String OPTION = "-Dmistral.native.checks=true";

    @BeforeEach
    void assumeNativeKernels() {
        assumeTrue(InstructionSet.missing() == null, InstructionSet::missing);
    }

    /** Prints the logits of networks with all kinds of weights. */
    static final class Logits {

        private Logits() {}

        public static void main(String[] arguments) throws Exception {
            System.out.println("result: " + all());
        }

        static String all() throws Exception {
            StringBuilder text = new StringBuilder();
            try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
                for (String kind : RandomNetwork.KINDS) {
                    text.append(Arrays.hashCode(logits(manager, kind))).append(' ');
                }
                // networks of this size have no blocks of 256 columns
                for (String kind : List.of("int4 g32 two offsets", "int6 g16 two")) {
                    text.append(Arrays.hashCode(product(manager, kind))).append(' ');
                }
            }
            return text.toString();
        }

        private static float[] product(NDManager manager, String kind) {
            ComputeOptions options = new ComputeOptions("native", "float32");
            NDArray x = manager.arange(5f * 256).reshape(5, 256);
            return KernelChoice.of(manager, options, Dtype.FLOAT32, 9)
                    .kernels()
                    .quantized(manager, Matrices.of(kind, 40, 256, 7))
                    .forward(x)
                    .toFloatArray();
        }

        /** Two rows, the first of which is padded; then a token. The window is 6. */
        private static float[] logits(NDManager manager, String kind) throws Exception {
            MistralConfig config = RandomNetwork.config(6);
            MistralForCausalLM network =
                    RandomNetwork.load(config, kind, manager, new ComputeOptions("native", "auto"));
            try (NDManager scope = manager.newSubManager()) {
                List<KvCache> caches = List.of(network.newCache(scope), network.newCache(scope));
                long[] ids = {0, 0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
                long[] mask = new long[18];
                Arrays.fill(mask, 2, 18, 1);
                Shape shape = new Shape(2, 8);
                ForwardInput prompt =
                        ForwardInput.ofIds(scope.create(ids, shape))
                                .attentionMask(scope.create(Arrays.copyOf(mask, 16), shape))
                                .caches(caches);
                ParameterStore store = new ParameterStore(scope, false);
                float[] first = network.forward(store, prompt, false).logits().toFloatArray();
                long[] next = {3, 4};
                long[] rows = new long[18];
                Arrays.fill(rows, 1);
                rows[0] = 0;
                rows[1] = 0;
                ForwardInput token =
                        ForwardInput.ofIds(scope.create(next, new Shape(2, 1)))
                                .attentionMask(scope.create(rows, new Shape(2, 9)))
                                .caches(caches);
                float[] second = network.forward(store, token, false).logits().toFloatArray();
                float[] both = Arrays.copyOf(first, first.length + second.length);
                System.arraycopy(second, 0, both, first.length, second.length);
                return both;
            }
        }
    }

    /** Calls a kernel with arguments that are right and wrong, and prints what happens. */
    static final class WrongCalls {

        private static final int COUNT = 64;

        private WrongCalls() {}

        public static void main(String[] arguments) throws Exception {
            ByteBuffer memory = ByteBuffer.allocateDirect(3 * COUNT * Float.BYTES);
            long plain = (long) call("address", memory);
            int bytes = COUNT * Float.BYTES;
            long x = (long) call("register", 1, plain, (long) bytes);
            long out = (long) call("register", 2, plain + bytes, (long) bytes);
            call("add", 0, x, x, (long) COUNT, out);
            call("add", 0, x + 4, x, (long) COUNT - 1, out);
            call("gather", x, new int[] {1, 0, 2}, 3L, out);
            memory.order(ByteOrder.nativeOrder()).asFloatBuffer().put(0, new float[] {1, 2});
            print("add", 0, x, x, COUNT + 1L, out);
            print("add", 0, x, x + 4, (long) COUNT, out);
            print("add", 0, x - 4, x, (long) COUNT, out);
            print("add", 0, x, x, (long) COUNT, out + 4);
            print("add", 0, x, plain, (long) COUNT, out);
            print("add", 0, x, x, -1L, out);
            print("add", 0, x, x, Long.MAX_VALUE / 2, out);
            print("add", 9, x, x, (long) COUNT, out);
            print("gather", x, new int[] {1, 2, 3}, 3L, out);
            print("gather", x, new int[] {1, 3, 0}, 3L, out);
            print("rmsNorm", 0, x, x, 0, 1e-5f, 2L, 33L, out);
            print("rmsNorm", 0, x, x, 3, 1e-5f, 1L, 32L, out);
            System.out.println("result: " + memory.getFloat(bytes));
        }

        private static Object call(String name, Object... arguments) throws Exception {
            Class<?> library =
                    Class.forName(InstructionSet.class.getPackageName() + ".NativeLibrary");
            Method method =
                    Stream.of(library.getDeclaredMethods())
                            .filter(m -> m.getName().equals(name))
                            .findFirst()
                            .orElseThrow();
            method.setAccessible(true);
            return method.invoke(null, arguments);
        }

        private static void print(String name, Object... arguments) throws Exception {
            try {
                call(name, arguments);
                System.out.println("result: accepted");
            } catch (InvocationTargetException e) {
                System.out.println("result: " + e.getCause());
            }
        }
    }

    private static List<String> results(Class<?> program) throws Exception {
        String begin = "result: ";
        return ForkedJava.run(List.of(OPTION), program)
                .lines()
                .filter(line -> line.startsWith(begin))
                .map(line -> line.substring(begin.length()))
                .toList();
    }

    @Test
    void networksPassTheChecks() throws Exception {
        assertThat(results(Logits.class)).containsExactly(Logits.all());
    }

    @Test
    void wrongAddressesAndShapesAreExceptions() throws Exception {
        String error = "java.lang.IllegalStateException: ";
        String largest = Long.toString(Long.MAX_VALUE);
        assertThat(results(WrongCalls.class))
                .containsExactly(
                        error + "add: x, 260 bytes from 0 on, is beyond its array of 256 bytes",
                        error + "add: y, 256 bytes from 4 on, is beyond its array of 256 bytes",
                        error + "add: x, 256 bytes from -4 on, is beyond its array of 256 bytes",
                        error + "add: out, 256 bytes from 4 on, is beyond its array of 256 bytes",
                        error + "add: y is not a registered array",
                        error
                                + "add: x, "
                                + largest
                                + " bytes from 0 on, is beyond its array of 256 bytes",
                        error
                                + "add: x, "
                                + largest
                                + " bytes from 0 on, is beyond its array of 256 bytes",
                        error + "add requires KNOWN(set)",
                        error + "gather requires at[j] >= 0 && at[j] < columns",
                        error + "gather requires at[j] >= 0 && at[j] < columns",
                        error + "rmsNorm: x, 264 bytes from 0 on, is beyond its array of 256 bytes",
                        error + "rmsNorm requires KNOWN(set) && KNOWN_TYPE(type)",
                        "0.0");
    }
}
