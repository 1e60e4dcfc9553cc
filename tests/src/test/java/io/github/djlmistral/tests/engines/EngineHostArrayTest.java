/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.engines;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.tests.ForkedJava;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The garbage collector frees no memory that an engine still copies from. Of the arrays that {@code
 * NDManager.create(long[])} gives here on MXNet, a few in a thousand begin with other numbers.
 */
class EngineHostArrayTest {

    private static volatile byte[] garbage = new byte[1];

    @ParameterizedTest
    @MethodSource("io.github.djlmistral.tests.Engines#all")
    void arraysAreRightDuringCollections(String engine) throws Exception {
        List<String> collections = List.of("-Xmx64m", "-Xmn2m", "-XX:+UseParallelGC");
        assertThat(ForkedJava.run(collections, Program.class, engine)).contains("wrong: []");
    }

    static final class Program {

        private Program() {}

        public static void main(String... arguments) {
            Thread allocation =
                    new Thread(
                            () -> {
                                while (garbage.length > 0) {
                                    garbage = new byte[1000];
                                }
                            });
            allocation.setDaemon(true);
            allocation.start();
            try (NDManager manager = NDManager.newBaseManager(Device.cpu(), arguments[0])) {
                long[] wrong = LongStream.range(0, 5000).filter(i -> !copies(manager, i)).toArray();
                System.out.println("wrong: " + Arrays.toString(wrong));
            }
        }

        private static boolean copies(NDManager manager, long i) {
            long[] values = {i, i + 1};
            try (NDArray array = HostArray.of(manager, values)) {
                return Arrays.equals(array.toLongArray(), values);
            }
        }
    }
}
