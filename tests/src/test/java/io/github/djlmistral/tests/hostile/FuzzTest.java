/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** 2,000 inputs of the {@link Fuzzer}; the long run is {@code -Pfuzz verify}. */
@Timeout(300)
class FuzzTest {

    @TempDir Path directory;

    @Test
    void mutatedFilesAreReadOrRefused() throws Exception {
        Fuzzer fuzzer = new Fuzzer(directory, 20261126);
        fuzzer.examples();
        List<String> faults = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
            String fault = fuzzer.run(i);
            if (fault != null) {
                faults.add(fault);
            }
        }
        assertThat(faults).isEmpty();
    }
}
