/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.djlmistral.engine.internal.cpu.ThreadTeam;
import io.github.djlmistral.tests.model.Fixture;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A task is complete, whichever members are awake in time to take part in it. */
class ThreadTeamTest extends Fixture {

    @BeforeEach
    void requireLibrary() {
        assumeAvailable("native");
    }

    @Test
    void unitsAreTakenOnceInEachPhase() {
        // more members than processors: some arrive late
        ThreadTeam team = new ThreadTeam(7);
        for (int round = 0; round < 2000; ++round) {
            int units = 1 + round % 40;
            AtomicIntegerArray first = new AtomicIntegerArray(units);
            AtomicIntegerArray second = new AtomicIntegerArray(units);
            team.run(
                    0,
                    (scratch, member) -> {
                        for (int i = team.take(3); i < units; i = team.take(3)) {
                            for (int unit = i; unit < Math.min(units, i + 3); ++unit) {
                                first.incrementAndGet(unit);
                            }
                        }
                        team.barrier();
                        for (int i = team.take(1); i < units; i = team.take(1)) {
                            // what another unit of the first phase has written
                            second.addAndGet(i, first.get(units - 1 - i));
                        }
                    });
            for (int unit = 0; unit < units; ++unit) {
                assertThat(first.get(unit)).isEqualTo(1);
                assertThat(second.get(unit)).isEqualTo(1);
            }
        }
    }

    @Test
    void aFailedTaskDoesNotAffectTheNext() {
        ThreadTeam team = new ThreadTeam(3);
        assertThatIllegalStateException()
                .isThrownBy(
                        () ->
                                team.run(
                                        0,
                                        (scratch, member) -> {
                                            if (member == 0) {
                                                throw new IllegalArgumentException("wrong");
                                            }
                                            team.barrier();
                                        }))
                .withMessageContaining("wrong");
        AtomicIntegerArray taken = new AtomicIntegerArray(100);
        team.forEach(100, 7, (from, to) -> range(taken, from, to));
        for (int unit = 0; unit < 100; ++unit) {
            assertThat(taken.get(unit)).isEqualTo(1);
        }
    }

    private static void range(AtomicIntegerArray taken, int from, int to) {
        for (int unit = from; unit < to; ++unit) {
            taken.incrementAndGet(unit);
        }
    }

    @Test
    void sharedMemoryIsNotReplacedWhileItIsInUse() {
        ThreadTeam team = new ThreadTeam(2);
        team.share(
                64,
                shared -> {
                    team.run(64, (scratch, member) -> assertThat(scratch).isEqualTo(shared));
                    assertThatIllegalStateException()
                            .isThrownBy(() -> team.run(1 << 20, (scratch, member) -> {}))
                            .withMessageContaining("in use");
                });
    }
}
