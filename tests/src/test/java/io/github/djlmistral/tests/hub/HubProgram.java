/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import ai.djl.util.Progress;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.HubSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A download in its own process, which can be killed. Arguments: endpoint, cache, model. */
final class HubProgram {

    private HubProgram() {}

    public static void main(String[] arguments) throws IOException {
        HubSettings settings =
                HubSettings.of(URI.create(arguments[0]), Path.of(arguments[1]))
                        .withBackOff(Duration.ofMillis(1))
                        .withConnections(4);
        Path path = new Hub(settings).download(HubModel.parse(arguments[2]), new Lines());
        System.out.println(path);
    }

    /** Returns such a process, not started. */
    static ProcessBuilder process(String... arguments) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Xmx128m",
                                "-cp",
                                System.getProperty("java.class.path"),
                                HubProgram.class.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command);
    }

    /** Prints the number of received bytes, a line per update. */
    private static final class Lines implements Progress {

        @Override
        public void reset(String message, long max, String trailingMessage) {}

        @Override
        public void start(long initialProgress) {
            System.out.println(initialProgress);
        }

        @Override
        public void end() {}

        @Override
        public void increment(long increment) {}

        @Override
        public void update(long progress, String message) {
            System.out.println(progress);
        }
    }
}
