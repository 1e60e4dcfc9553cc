/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The functions of the library. They take addresses and do not check them: callers compute them
 * from shapes.
 */
final class NativeLibrary {

    /** Whether the processor is an ARM one. */
    static final boolean ARM = System.getProperty("os.arch", "").equals("aarch64");

    private static final @Nullable String MISSING = load();

    private NativeLibrary() {}

    /**
     * Returns why the library is not available.
     *
     * @return the cause; null if it is loaded
     */
    static @Nullable String missing() {
        return MISSING;
    }

    private static @Nullable String load() {
        String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        String arch = System.getProperty("os.arch", "").replace("amd64", "x86_64");
        String file =
                os.startsWith("win")
                        ? "win-" + arch + "/djlmistral.dll"
                        : os.startsWith("mac")
                                ? "osx-" + arch + "/libdjlmistral.dylib"
                                : "linux-" + arch + "/libdjlmistral.so";
        try {
            System.load(LibraryFile.extract(file).toString());
            return instructionSets() == 0 ? "the processor has no AVX2" : null;
        } catch (IOException | LinkageError e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Returns a bit for each {@link InstructionSet} that processor and system support. */
    static native int instructionSets();

    /** Returns the address of a direct buffer's first byte. */
    static native long address(ByteBuffer buffer);

    /** See {@code round.c}. */
    static native void round(
            int set, long x, int type, long count, long group, long codes, long scales, long sums);

    /** See {@code int4.c}. */
    static native void int4Linear(
            int set,
            long codes,
            long scales,
            long offsets,
            int type,
            long rows,
            long columns,
            long group,
            long in,
            long inScales,
            long inSums,
            long tokens,
            long from,
            long to,
            long out,
            int outType);
}
