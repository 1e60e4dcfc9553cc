/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs a test program in a separate JVM with other options. */
public final class ForkedJava {

    private ForkedJava() {}

    /**
     * Runs a program to its end.
     *
     * @param options of the JVM
     * @param program has the main method
     * @param arguments of the program
     * @return its output, including standard error
     */
    public static String run(List<String> options, Class<?> program, String... arguments)
            throws IOException, InterruptedException {
        return run(options, System.getProperty("java.class.path"), program, arguments);
    }

    /** As above, with another class path. */
    public static String run(
            List<String> options, String classPath, Class<?> program, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Dai.djl.offline=true");
        command.add("-DOPT_OUT_TRACKING=true");
        command.addAll(options);
        command.addAll(List.of("-cp", classPath, program.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        // DJL prefers an environment variable to the system property of the same name
        builder.environment().keySet().removeIf(name -> isSet(name, options));
        Process process = builder.start();
        try {
            process.getOutputStream().close();
            byte[] output = process.getInputStream().readAllBytes();
            String text = new String(output, StandardCharsets.UTF_8);
            assertThat(process.waitFor()).as("%s%n%s", command, text).isZero();
            return text;
        } finally {
            process.destroyForcibly();
        }
    }

    private static boolean isSet(String name, List<String> options) {
        return options.stream().anyMatch(option -> option.startsWith("-D" + name + "="));
    }
}
