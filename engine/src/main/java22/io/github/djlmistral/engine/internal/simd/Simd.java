/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.simd;

import com.sun.management.HotSpotDiagnosticMXBean;
import io.github.djlmistral.engine.internal.cpu.ThreadTeam;
import io.github.djlmistral.engine.internal.quantization.Dequantizer;
import io.github.djlmistral.engine.internal.quantization.ScalarDequantizer;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/** Entry point to the simd kernels on Java 22 and newer; another class serves older versions. */
public final class Simd {

    /** The default of {@code -XX:TieredStopAtLevel}. */
    private static final int C2_LEVEL = 4;

    private static final @Nullable String MISSING = probe();

    private Simd() {}

    /**
     * Returns why the simd kernels are not available.
     *
     * @return the cause and its remedy; null if they are available
     */
    public static @Nullable String missing() {
        return MISSING;
    }

    private static @Nullable String probe() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            return "start Java with --add-modules jdk.incubator.vector";
        }
        if (!compiles()) {
            return "the Vector API is fast only with Java's optimizing compiler, which an option"
                    + " such as -Xint or -XX:TieredStopAtLevel turns off";
        }
        try {
            // a tile must be a multiple of the vector length; this also initializes both classes
            int bits = Lanes.FLOATS.vectorBitSize();
            return Memory.ALL.byteSize() > 0 && (bits == 128 || bits == 256 || bits == 512)
                    ? null
                    : "they need vectors of 128, 256 or 512 bits, Java offers " + bits;
        } catch (LinkageError | RuntimeException e) {
            return "the Vector API cannot be initialized: " + e;
        }
    }

    /** Returns whether C2 is on: without it each vector is an object on the heap. */
    private static boolean compiles() {
        String info = System.getProperty("java.vm.info", "");
        if (info.contains("interpreted") || info.contains("emulated-client")) {
            return false;
        }
        HotSpotDiagnosticMXBean machine =
                ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        if (machine == null) {
            return true; // not HotSpot
        }
        try {
            boolean tiered = machine.getVMOption("TieredCompilation").getValue().equals("true");
            int level = Integer.parseInt(machine.getVMOption("TieredStopAtLevel").getValue());
            return machine.getVMOption("UseCompiler").getValue().equals("true")
                    && (!tiered || level >= C2_LEVEL);
        } catch (IllegalArgumentException e) {
            return true; // a JVM without these options
        }
    }

    /**
     * Creates a decoder.
     *
     * @param network the network
     * @return its decoder
     * @throws UnsupportedOperationException if the simd kernels are not available or do not support
     *     the network's shape; the message says why
     */
    public static Decoder decoder(DecoderNetwork network) {
        String missing = missing();
        if (missing != null) {
            throw new UnsupportedOperationException(missing);
        }
        return new SimdDecoder(network);
    }

    /**
     * Returns the fastest dequantizer.
     *
     * @return the scalar one where the simd kernels are not available
     */
    public static Dequantizer dequantizer() {
        return missing() == null ? new SimdDequantizer(ThreadTeam.SHARED) : new ScalarDequantizer();
    }
}
