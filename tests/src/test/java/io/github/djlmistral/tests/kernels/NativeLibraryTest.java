/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.tests.ForkedJava;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How the library of the jar is extracted and loaded, and what happens where that fails. */
class NativeLibraryTest {

    private static final String LOADED = "loaded";

    /** The folder of the library in the jar, and its name. */
    private static final String FOLDER =
            System.getProperty("os.name")
                            .toLowerCase(Locale.ROOT)
                            .replaceFirst("^(win|mac).*", "$1")
                            .replace("mac", "osx")
                    + "-"
                    + System.getProperty("os.arch").replace("amd64", "x86_64");

    private static final String NAME = System.mapLibraryName("djlmistral");

    @TempDir Path directory;

    private Path cache;
    private Path temporary;

    /**
     * Loads the library in as many class loaders as there are arguments, all at the same time, and
     * prints a line for each. An argument is a directory that comes first on the class path, or
     * empty.
     */
    static final class Program {

        private Program() {}

        public static void main(String[] arguments) throws Exception {
            ExecutorService executor = Executors.newFixedThreadPool(arguments.length);
            List<Callable<String>> tasks = new ArrayList<>();
            for (String first : arguments) {
                tasks.add(() -> load(first));
            }
            for (Future<String> result : executor.invokeAll(tasks)) {
                System.out.println("result: " + result.get());
            }
            executor.shutdown();
        }

        private static String load(String first) throws Exception {
            List<URL> urls = new ArrayList<>();
            String path = first + File.pathSeparator + System.getProperty("java.class.path");
            for (String entry : path.split(File.pathSeparator, -1)) {
                if (!entry.isEmpty()) {
                    urls.add(Path.of(entry).toUri().toURL());
                }
            }
            ClassLoader parent = ClassLoader.getPlatformClassLoader();
            // the loader stays open: classes may be loaded later
            ClassLoader loader = new URLClassLoader(urls.toArray(URL[]::new), parent);
            Class<?> sets = Class.forName(InstructionSet.class.getName(), true, loader);
            Object missing = sets.getMethod("missing").invoke(null);
            Object available = sets.getMethod("available").invoke(null);
            return missing == null ? LOADED + " " + available : missing.toString();
        }
    }

    /** Prints whether the library is available, in the application's class loader. */
    static final class PlainProgram {

        private PlainProgram() {}

        public static void main(String[] arguments) {
            String missing = InstructionSet.missing();
            System.out.println("result: " + (missing == null ? LOADED : missing));
        }
    }

    @BeforeEach
    void emptyDirectories() throws IOException {
        // the usual umask leaves the permissions of a temporary directory as they are
        cache = Files.createDirectory(directory.resolve("cache"));
        temporary = Files.createDirectory(directory.resolve("tmp"));
    }

    private static void assumeNativeKernels() {
        assumeTrue(
                InstructionSet.missing() == null,
                () -> "the native kernels are not available: " + InstructionSet.missing());
    }

    private static void assumePosix(Path path) throws IOException {
        FileStore store = Files.getFileStore(path);
        assumeTrue(store.supportsFileAttributeView("posix"), "permissions are those of POSIX");
    }

    /** Returns what each class loader printed. */
    private List<String> load(List<String> options, String... first) throws Exception {
        return results(options, "", Program.class, first);
    }

    private List<String> results(
            List<String> options, String first, Class<?> program, String... arguments)
            throws Exception {
        List<String> all = new ArrayList<>();
        all.add("-XX:TieredStopAtLevel=1");
        all.add("-DDJL_CACHE_DIR=" + cache);
        all.add("-DENGINE_CACHE_DIR=");
        all.add("-Djava.io.tmpdir=" + temporary);
        all.addAll(options);
        String begin = "result: ";
        String path = System.getProperty("java.class.path");
        if (!first.isEmpty()) {
            path = first + File.pathSeparator + path;
        }
        return ForkedJava.run(all, path, program, arguments)
                .lines()
                .filter(line -> line.startsWith(begin))
                .map(line -> line.substring(begin.length()))
                .toList();
    }

    private void assertLoaded() throws Exception {
        assertThat(load(List.of(), "")).singleElement().asString().startsWith(LOADED);
        assertThat(files(temporary)).isEmpty();
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> !Files.isDirectory(file)).toList();
        }
    }

    /** Returns the only file in the cache. */
    private Path cached() throws IOException {
        List<Path> files = files(cache);
        assertThat(files).hasSize(1);
        assertThat(files.get(0)).hasFileName(NAME);
        return files.get(0);
    }

    private static byte[] library(String folder) throws IOException {
        try (InputStream in = InstructionSet.class.getResourceAsStream(folder + "/" + NAME)) {
            assumeFalse(in == null, () -> "the jar has no library for " + folder);
            return in.readAllBytes();
        }
    }

    /** Returns a directory for the class path with another library than the jar's. */
    private String classPath(String name, byte[] library) throws IOException {
        Path root = directory.resolve(name);
        String classes = InstructionSet.class.getPackageName().replace('.', '/');
        Path folder = Files.createDirectories(root.resolve(classes).resolve(FOLDER));
        Files.write(folder.resolve(NAME), library);
        return root.toString();
    }

    @Test
    void itIsExtractedOnceForThisUser() throws Exception {
        assumeNativeKernels();
        assertLoaded();
        Path file = cached();
        assertThat(file).hasBinaryContent(library(FOLDER));
        if (Files.getFileStore(file).supportsFileAttributeView("posix")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                    .startsWith("rw-")
                    .doesNotContain("x")
                    .matches("...[r-]--[r-]--");
            Path folder = file.getParent();
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)))
                    .matches("rwx[r-]-[x-][r-]-[x-]");
        }
        FileTime before = Files.getLastModifiedTime(file);
        Files.setLastModifiedTime(file, FileTime.fromMillis(before.toMillis() - 100_000));
        FileTime old = Files.getLastModifiedTime(file);
        assertLoaded();
        assertThat(Files.getLastModifiedTime(cached())).isEqualTo(old);
    }

    @Test
    void aFileThatWasChangedIsReplaced() throws Exception {
        assumeNativeKernels();
        assertLoaded();
        Path file = cached();
        byte[] library = Files.readAllBytes(file);
        byte[] other = library.clone();
        other[other.length / 2] ^= 1;
        for (byte[] bytes : List.of(new byte[0], Arrays.copyOf(library, 5000), other)) {
            Files.write(file, bytes);
            assertLoaded();
            assertThat(cached()).hasBinaryContent(library);
        }
    }

    @Test
    void aLinkIsReplacedAndNotFollowed() throws Exception {
        assumeNativeKernels();
        assumePosix(cache);
        assertLoaded();
        Path file = cached();
        byte[] library = Files.readAllBytes(file);
        Path other = Files.write(directory.resolve("other"), new byte[] {1, 2, 3});
        Path same = Files.write(directory.resolve("same"), library);
        for (Path target : List.of(other, same, directory.resolve("none"))) {
            Files.delete(file);
            Files.createSymbolicLink(file, target);
            assertLoaded();
            assertThat(file).isRegularFile().hasBinaryContent(library);
            assertThat(Files.isSymbolicLink(file)).isFalse();
        }
        assertThat(other).hasBinaryContent(new byte[] {1, 2, 3});
    }

    /** A folder above the cache that others can write to is as bad as the cache itself. */
    @ParameterizedTest
    @ValueSource(strings = {"", "mistral"})
    void whereOthersCanWriteATemporaryFileIsUsed(String folder) throws Exception {
        assumeNativeKernels();
        assumePosix(cache);
        Path open = Files.createDirectories(cache.resolve(folder));
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertLoaded();
        assertThat(files(cache)).isEmpty();
    }

    @Test
    void aFileThatOthersCanWriteIsNotUsed() throws Exception {
        assumePosix(cache);
        String garbage = classPath("garbage", new byte[100]);
        load(List.of(), garbage);
        Files.setPosixFilePermissions(cached(), PosixFilePermissions.fromString("rw-rw-rw-"));
        assertThat(load(List.of(), garbage))
                .singleElement()
                .asString()
                .contains("other users can write to " + cached().toRealPath());
    }

    @Test
    void aFileOfAnotherUserIsNotUsed() throws Exception {
        assumePosix(cache);
        assumeTrue(
                Files.getOwner(cache).getName().equals("root"), "only root can give a file away");
        String garbage = classPath("garbage", new byte[100]);
        load(List.of(), garbage);
        Files.setOwner(
                cached(),
                cache.getFileSystem()
                        .getUserPrincipalLookupService()
                        .lookupPrincipalByName("nobody"));
        assertThat(load(List.of(), garbage))
                .singleElement()
                .asString()
                .contains(cached().toRealPath() + " belongs to nobody");
    }

    /** A directory that cannot be written to, not even by root: it would be below a file. */
    private Path impossible() throws IOException {
        return Files.write(directory.resolve("file"), new byte[1]).resolve("cache");
    }

    @Test
    void whereTheCacheCannotBeWrittenATemporaryFileIsUsed() throws Exception {
        assumeNativeKernels();
        cache = impossible();
        assertLoaded();
    }

    @Test
    void whereNothingCanBeWrittenTheReasonNamesTheDirectories() throws Exception {
        cache = impossible();
        temporary = cache.resolveSibling("tmp");
        assertThat(load(List.of(), classPath("garbage", new byte[100])))
                .singleElement()
                .asString()
                .contains(
                        cache.toString(),
                        temporary.toString(),
                        "DJL_CACHE_DIR",
                        "java.io.tmpdir",
                        "noexec");
    }

    /** As in a container whose image has the file, written by root, and whose disk is read-only. */
    @Test
    void aFileOfTheAdministratorIsUsed() throws Exception {
        assumeNativeKernels();
        assumePosix(cache);
        Path root = cache.toRealPath().getRoot();
        assumeTrue(Files.getOwner(cache).equals(Files.getOwner(root)), "only root writes as root");
        assertLoaded();
        temporary = impossible();
        assertThat(load(List.of(), "")).singleElement().asString().startsWith(LOADED);
    }

    /** As the applications of a server, each with its own class loader. */
    @Test
    void severalClassLoadersLoadIt() throws Exception {
        assumeNativeKernels();
        assertThat(load(List.of(), "", "", "", ""))
                .hasSize(4)
                .allSatisfy(result -> assertThat(result).startsWith(LOADED));
        if (!FOLDER.startsWith("win")) {
            assertThat(cached()).hasBinaryContent(library(FOLDER));
        }
        assertThat(files(temporary)).isEmpty();
        cache = impossible();
        assertThat(load(List.of(), "", ""))
                .hasSize(2)
                .allSatisfy(result -> assertThat(result).startsWith(LOADED));
    }

    @Test
    void severalProcessesExtractItAtTheSameTime() throws Exception {
        assumeNativeKernels();
        ExecutorService executor = Executors.newFixedThreadPool(3);
        try {
            Callable<List<String>> process = () -> load(List.of(), "");
            for (Future<List<String>> result :
                    executor.invokeAll(Collections.nCopies(3, process))) {
                assertThat(result.get()).singleElement().asString().startsWith(LOADED);
            }
        } finally {
            executor.shutdown();
        }
        assertThat(cached()).hasBinaryContent(library(FOLDER));
    }

    @Test
    void severalVersionsAreSideBySide() throws Exception {
        String one = classPath("one", new byte[100]);
        String two = classPath("two", new byte[101]);
        assertThat(load(List.of(), one, two)).hasSize(2);
        assertThat(files(cache)).hasSize(2).allSatisfy(file -> assertThat(file).hasFileName(NAME));
    }

    /** The loader of Linux dies with a bus error, and the JVM with it, where pages are missing. */
    @Test
    void aLibraryThatIsCutOffIsNotLoaded() throws Exception {
        byte[] library = library(FOLDER);
        int[] lengths = {0, 1, 63, 64, 4096, library.length / 2, library.length - 1};
        String[] first = new String[lengths.length];
        for (int i = 0; i < first.length; ++i) {
            first[i] = classPath("cut" + i, Arrays.copyOf(library, lengths[i]));
        }
        assertThat(load(List.of(), first))
                .hasSize(first.length)
                .allSatisfy(
                        result -> assertThat(result).containsAnyOf("cut off", "cannot be loaded"));
    }

    @Test
    void whatIsNoLibraryOrAForeignOneIsAReason() throws Exception {
        String text =
                classPath("text", "No library.\n".repeat(100).getBytes(StandardCharsets.US_ASCII));
        String foreign = FOLDER.startsWith("linux-x") ? "linux-aarch64" : "linux-x86_64";
        List<String> first = new ArrayList<>(List.of(text));
        try (InputStream in =
                InstructionSet.class.getResourceAsStream(foreign + "/libdjlmistral.so")) {
            if (in != null) {
                first.add(classPath("foreign", in.readAllBytes()));
            }
        }
        assertThat(load(List.of(), first.toArray(String[]::new)))
                .hasSize(first.size())
                .allSatisfy(
                        result ->
                                assertThat(result)
                                        .contains("cannot be loaded from", cache.toString()));
        assertThat(files(temporary)).isEmpty();
    }

    @Test
    void aProcessorWithoutALibraryIsNamed() throws Exception {
        assertThat(load(List.of("-Dos.arch=riscv64"), ""))
                .singleElement()
                .asString()
                .contains("no native kernels for", "riscv64");
    }

    /** A security manager, or the flag that replaces it on newer versions of Java. */
    @Test
    void whereLoadingIsForbiddenThereIsAReason() throws Exception {
        String garbage = classPath("garbage", new byte[100]);
        List<String> options = new ArrayList<>();
        if (Runtime.version().feature() >= 24) {
            options.add("--illegal-native-access=deny");
        } else {
            Path policy = directory.resolve("policy");
            Files.writeString(
                    policy,
                    """
                    grant {
                        permission java.util.PropertyPermission "*", "read,write";
                        permission java.io.FilePermission "<<ALL FILES>>", "read,write,delete";
                        permission java.lang.RuntimePermission "getenv.*";
                        permission java.lang.RuntimePermission "getClassLoader";
                        permission java.lang.RuntimePermission "accessUserInformation";
                    };
                    """);
            options.add("-Djava.security.manager");
            options.add("-Djava.security.policy==" + policy);
        }
        assertThat(results(options, garbage, PlainProgram.class))
                .singleElement()
                .asString()
                .contains("cannot be loaded from", temporary.toString())
                .containsAnyOf("\"loadLibrary.", "IllegalCallerException");
    }
}
