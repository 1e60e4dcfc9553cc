/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.soak;

import static io.github.djlmistral.tests.model.Fixture.assumeAvailable;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The short form of {@link Soak}: the same requests and checks, without looking at memory. */
class SoakTest {

    @Test
    void manyThreadsGetTheAnswersOfOne() throws Exception {
        assertThat(new MixedLoad(64, Duration.ofSeconds(8), line -> {}).run()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"native", "torch"})
    void longGenerationOverARollingCache(String kernels) throws Exception {
        assumeAvailable(kernels);
        assertThat(new LongGeneration(kernels, 2000, line -> {}).run()).isEmpty();
    }
}
