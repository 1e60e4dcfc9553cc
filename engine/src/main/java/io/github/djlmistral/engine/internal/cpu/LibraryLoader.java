/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import ai.djl.util.Utils;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Loads the native library of the jar.
 *
 * <p>The file in DJL's cache directory is tried first. If the system does not load it, a copy
 * beside it is, which works if another class loader has loaded the file, as in application servers;
 * then one in the directory for temporary files, which works if the cache is read-only, belongs to
 * another user, or is on a file system mounted noexec.
 */
final class LibraryLoader {

    private LibraryLoader() {}

    /**
     * Loads the library for the classes of this class loader.
     *
     * @return why it cannot be loaded, and the remedy; null if it is loaded
     */
    static @Nullable String load() {
        String os = System.getProperty("os.name", "");
        String platform = platform(os, System.getProperty("os.arch", ""));
        String name = System.mapLibraryName("djlmistral");
        try {
            byte[] bytes = read(platform + "/" + name);
            if (bytes == null) {
                return "this jar has no native kernels for " + platform;
            }
            if (isCutOff(bytes)) {
                return "the native library for " + platform + " in this jar is cut off";
            }
            return load(new LibraryFile(name, bytes));
        } catch (IOException | RuntimeException | LinkageError e) {
            // whatever the system or its security policy says, the other kernels work
            return "the native library cannot be loaded: " + e;
        }
    }

    private static String platform(String os, String arch) {
        String lower = os.toLowerCase(Locale.ROOT);
        return (lower.startsWith("win") ? "win" : lower.startsWith("mac") ? "osx" : lower)
                + "-"
                + (arch.equals("amd64") ? "x86_64" : arch);
    }

    private static byte @Nullable [] read(String resource) throws IOException {
        try (InputStream in = LibraryLoader.class.getResourceAsStream(resource)) {
            return in == null ? null : in.readAllBytes();
        }
    }

    /**
     * Linux maps the segments of an ELF file without comparing them with its size, and the process
     * dies at the first access behind the end. The table of the sections is the last part of a
     * file.
     */
    private static boolean isCutOff(byte[] bytes) {
        ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < 64) {
            return true;
        }
        boolean elf = header.getInt(0) == 0x464c457f; // 0x7f "ELF"
        return elf && header.getLong(40) + header.getShort(58) * header.getShort(60) > bytes.length;
    }

    private static @Nullable String load(LibraryFile library) {
        Path cache = Utils.getEngineCacheDir("mistral");
        Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
        Set<String> failures = new LinkedHashSet<>();
        if (isLoaded(cache, () -> library.extract(cache), false, failures)
                || isLoaded(cache, () -> library.copy(cache), true, failures)
                || isLoaded(temporary, () -> library.temporary(temporary), true, failures)) {
            return null;
        }
        return "the native library cannot be loaded from "
                + String.join(", or ", failures)
                + ". If a directory is not writable, or mounted noexec, choose another one by the"
                + " environment variable DJL_CACHE_DIR or by -Djava.io.tmpdir";
    }

    private interface Extraction {
        Path extract() throws IOException;
    }

    private static boolean isLoaded(
            Path directory, Extraction extraction, boolean once, Set<String> failures) {
        try {
            Path file = extraction.extract();
            try {
                System.load(file.toString());
                return true;
            } catch (UnsatisfiedLinkError e) {
                String message = String.valueOf(e.getMessage()).replace(file + ": ", "");
                failures.add(directory + " (" + message + ")");
            } finally {
                if (once) {
                    LibraryFile.delete(file);
                }
            }
        } catch (IOException | RuntimeException e) {
            failures.add(directory + " (" + e + ")");
        }
        return false;
    }
}
