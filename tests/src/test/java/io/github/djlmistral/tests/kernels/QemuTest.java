/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The native kernels for ARM, run by QEMU's user emulation on x86-64, and those for AMX, whose
 * instructions are emulated in C, give the bits of AVX2. The program is {@code digests.c} of the
 * engine, which its build links with the kernels of Linux.
 */
class QemuTest {

    private static final Path PROGRAMS =
            Path.of(System.getProperty("basedir", ".")).resolve("../engine/target/native/programs");

    @ParameterizedTest
    @EnumSource(names = {"NEON", "I8MM"})
    void armGivesTheBitsOfAvx2(InstructionSet set) throws Exception {
        assumeTrue(
                InstructionSet.available().contains(InstructionSet.AVX2), "there is no AVX2 here");
        String qemu = "qemu-aarch64";
        assumeTrue(isOnPath(qemu), qemu + " is not installed");
        List<String> expected = lines(program("linux-x86_64"), InstructionSet.AVX2);
        assertThat(expected).hasSizeGreaterThan(500);
        assertThat(lines(List.of(qemu, "-cpu", "max"), program("linux-aarch64"), set))
                .isEqualTo(expected);
    }

    /** The instructions of AMX are functions in C here: {@code amx_emulated.h}. */
    @Test
    void emulatedTilesOfAmxGiveTheBitsOfAvx2() throws Exception {
        assumeTrue(
                InstructionSet.available().contains(InstructionSet.AVX2), "there is no AVX2 here");
        Path program = program("linux-x86_64");
        assertThat(lines(program, InstructionSet.AMX))
                .isEqualTo(lines(program, InstructionSet.AVX2));
    }

    private static boolean isOnPath(String program) {
        String path = System.getenv().getOrDefault("PATH", "");
        return Arrays.stream(path.split(File.pathSeparator))
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
    }

    private static Path program(String platform) {
        Path program = PROGRAMS.resolve(platform).resolve("digests");
        assumeTrue(Files.exists(program), program + " was not built: there was no clang");
        return program;
    }

    private static List<String> lines(Path program, InstructionSet set)
            throws IOException, InterruptedException {
        return lines(List.of(), program, set);
    }

    /** Returns a line for each call of a kernel: its name, arguments, and a hash of the results. */
    private static List<String> lines(List<String> emulator, Path program, InstructionSet set)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(emulator);
        command.add(program.toString());
        command.add(Integer.toString(set.index()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try {
            process.getOutputStream().close();
            byte[] output = process.getInputStream().readAllBytes();
            String text = new String(output, StandardCharsets.UTF_8);
            assertThat(process.waitFor()).as("%s%n%s", command, text).isZero();
            return text.lines().toList();
        } finally {
            process.destroyForcibly();
        }
    }
}
