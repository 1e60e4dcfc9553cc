/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.cache;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.engine.internal.IdleTimer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** When the action runs, on a clock of its own. */
class IdleTimerTest {

    private final List<Long> delays = new ArrayList<>();
    private final List<Long> actions = new ArrayList<>();
    private Runnable pending = () -> {};
    private long now = -5;

    private IdleTimer timer(long idle) {
        return new IdleTimer(
                Duration.ofNanos(idle),
                () -> actions.add(now),
                () -> now,
                (nanos, action) -> {
                    delays.add(nanos);
                    pending = action;
                });
    }

    @Test
    void theActionFollowsTheLastUse() {
        IdleTimer timer = timer(10);
        timer.use();
        now = 1;
        timer.use();
        now = 5;
        pending.run();
        assertThat(actions).isEmpty();
        assertThat(timer.isIdle()).isFalse();
        now = 11;
        assertThat(timer.isIdle()).isTrue();
        pending.run();
        assertThat(actions).containsExactly(11L);
        assertThat(delays).containsExactly(10L, 6L); // none is pending
        timer.use();
        assertThat(delays).containsExactly(10L, 6L, 10L);
    }

    @Test
    void zeroIsNoLimit() {
        timer(0).use();
        assertThat(delays).isEmpty();
    }
}
