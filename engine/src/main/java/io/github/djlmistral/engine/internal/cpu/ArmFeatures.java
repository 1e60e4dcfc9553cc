/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The features of an ARM processor. Only the operating system can read them from it. */
final class ArmFeatures {

    /** The key of features, and their bits: arithmetic with float16, and dot products of int8. */
    private static final long AT_HWCAP = 16;

    private static final long NEEDED = 1L << 10 | 1L << 20;

    /** The key of more features, and the bit of products of int8 matrices. */
    private static final long AT_HWCAP2 = 26;

    private static final long HWCAP2_I8MM = 1L << 13;

    private ArmFeatures() {}

    /**
     * Returns the instruction sets that processor and operating system support. On macOS and
     * Windows it is {@link InstructionSet#NEON}, which all processors there have.
     */
    static List<InstructionSet> instructionSets() throws IOException {
        if (System.getProperty("os.name", "").equals("Linux")) {
            byte[] vector = Files.readAllBytes(Path.of("/proc/self/auxv"));
            if ((entry(vector, AT_HWCAP) & NEEDED) != NEEDED) {
                return List.of();
            }
            if ((entry(vector, AT_HWCAP2) & HWCAP2_I8MM) != 0) {
                return List.of(InstructionSet.NEON, InstructionSet.I8MM);
            }
        }
        return List.of(InstructionSet.NEON);
    }

    /**
     * Returns an entry of the auxiliary vector, which Linux passes to each process: pairs (key,
     * value) of 8 bytes each.
     *
     * @return 0 if there is none
     */
    private static long entry(byte[] vector, long wanted) {
        ByteBuffer pairs = ByteBuffer.wrap(vector).order(ByteOrder.LITTLE_ENDIAN);
        while (pairs.remaining() >= 16) {
            long key = pairs.getLong();
            long value = pairs.getLong();
            if (key == wanted) {
                return value;
            }
        }
        return 0;
    }
}
