/* SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Compiles the C kernels for every platform: {@code java CompileKernels.java SOURCES WORK OUTPUT
 * JAR TEST}. The libraries are written to OUTPUT/PLATFORM/. The C file TEST is linked with the
 * kernels of Linux to WORK/programs/PLATFORM, for QemuTest.
 *
 * <p>JAR is {@code org.bytedeco:llvm}, which contains clang and lld. If there is no such file,
 * clang and lld of the PATH are used; without these, there are no libraries. The sources include
 * nothing of a C library or a JDK, and link to nothing, so one machine compiles for all platforms,
 * and the same sources give the same bytes.
 *
 * <p>Objects and libraries are kept in WORK, named by a hash of all that they depend on: nothing is
 * compiled twice.
 */
final class CompileKernels {

    /**
     * An instruction set that kernels are compiled for: these sources, or all but that of AMX if
     * there are none.
     */
    private record Variant(String name, String flags, Set<String> sources) {

        Variant(String name, String flags) {
            this(name, flags, Set.of());
        }
    }

    private record Platform(String name, String triple, List<Variant> variants, Format format) {}

    /** A format of libraries, and how clang and lld write it. */
    private record Format(String library, String clang, String flavor, String lld) {}

    private static final String AVX2 = "-mavx2 -mfma -mf16c";

    private static final String AVX512 =
            AVX2 + " -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni";

    private static final Set<String> DOT_PRODUCTS = Set.of("int4.c", "int6.c");

    /** AVX-512 with products of int8 matrices. */
    private static final Variant AMX =
            new Variant("amx", AVX512 + " -mamx-tile -mamx-int8", Set.of("amx.c"));

    /** The same for processors without AMX: for the test. */
    private static final Variant EMULATED_AMX =
            new Variant("amx", AVX2 + " -DAMX_EMULATED", Set.of("amx.c"));

    private static final List<Variant> X86 =
            List.of(
                    new Variant("avx2", AVX2),
                    // AVX2 with dot products of int8
                    new Variant("avxvnni", AVX2 + " -mavxvnni", DOT_PRODUCTS),
                    new Variant("avx512", AVX512),
                    AMX);

    private static final List<Variant> ARM =
            List.of(
                    new Variant("neon", "-march=armv8.2-a+dotprod+fp16"),
                    // NEON with products of int8 matrices
                    new Variant("i8mm", "-march=armv8.2-a+dotprod+fp16+i8mm", DOT_PRODUCTS));

    /** What runs on any processor of the architecture: the functions that Java calls. */
    private static final Variant BASE = new Variant("all", "");

    private static final Format ELF =
            new Format(
                    "libdjlmistral.so",
                    "-fPIC",
                    "gnu",
                    "-shared --strip-all --build-id=none -z noexecstack -z defs");

    /** Without an install name the path of the output would be part of the library. */
    private static final Format MACH_O =
            new Format(
                    "libdjlmistral.dylib",
                    "-fPIC",
                    "darwin",
                    "-dylib -S -x -platform_version macos 11.0 11.0"
                            + " -install_name @rpath/libdjlmistral.dylib");

    private static final Format PE =
            new Format("djlmistral.dll", "-mno-stack-arg-probe", "link", "/dll /noentry /brepro");

    private static final List<Platform> PLATFORMS =
            List.of(
                    new Platform("linux-x86_64", "x86_64-linux-gnu", X86, ELF),
                    new Platform("linux-aarch64", "aarch64-linux-gnu", ARM, ELF),
                    new Platform("osx-x86_64", "x86_64-apple-macos11", X86, MACH_O),
                    new Platform("osx-aarch64", "arm64-apple-macos11", ARM, MACH_O),
                    new Platform("win-x86_64", "x86_64-pc-windows-msvc", X86, PE),
                    new Platform("win-aarch64", "aarch64-pc-windows-msvc", ARM, PE));

    /** Floats are added in the order of the source, so that all variants give the same bits. */
    private static final String FLAGS =
            "-std=c17 -O2 -ffp-contract=off -fno-math-errno -ffreestanding -fvisibility=hidden"
                    + " -fno-stack-protector -fno-unwind-tables -fno-asynchronous-unwind-tables"
                    + " -Wall -Wextra -Wno-unused-parameter";

    /** macOS loads only what is linked to its libSystem, even if nothing of it is used. */
    private static final String LIB_SYSTEM =
            """
            --- !tapi-tbd
            tbd-version: 4
            targets: [ x86_64-macos, arm64-macos ]
            install-name: '/usr/lib/libSystem.B.dylib'
            ...
            """;

    private final Path sources;
    private final Path work;
    private final Path output;
    private final Path test;
    private final Toolchain tools;

    /** The hashes of all headers: a source may include any of them. */
    private final String headers;

    private final Set<Path> current = ConcurrentHashMap.newKeySet();

    private CompileKernels(Path sources, Path work, Path output, Path test, Toolchain tools)
            throws IOException {
        this.sources = sources;
        this.work = Files.createDirectories(work);
        this.output = output;
        this.test = test;
        this.tools = tools;
        List<String> hashes = new ArrayList<>();
        for (Path header : files(".h")) {
            hashes.add(hash(header.getFileName().toString(), Files.readString(header)));
        }
        headers = String.join(" ", hashes);
    }

    public static void main(String[] arguments) throws Exception {
        Path sources = Path.of(arguments[0]);
        Path work = Path.of(arguments[1]).toAbsolutePath();
        Path output = Path.of(arguments[2]).toAbsolutePath();
        Toolchain tools = Toolchain.find(Path.of(arguments[3]), work.resolve("llvm"));
        if (tools == null) {
            for (Platform platform : PLATFORMS) {
                delete(output.resolve(platform.name()));
            }
            say(
                    "the jar gets no native kernels: %s is missing, and clang and lld are not on the PATH"
                            .formatted(arguments[3]));
            return;
        }
        try {
            Path test = Path.of(arguments[4]).toAbsolutePath();
            new CompileKernels(sources, work, output, test, tools).compile();
        } catch (ToolException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    private void compile() throws IOException, InterruptedException, ToolException {
        long start = System.nanoTime();
        ExecutorService pool =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            Map<Platform, Map<Variant, Future<List<Path>>>> objects = new LinkedHashMap<>();
            for (Platform platform : PLATFORMS) {
                List<Variant> all = new ArrayList<>(platform.variants());
                if (platform.format() == ELF && all.contains(AMX)) {
                    all.add(EMULATED_AMX);
                }
                all.add(BASE);
                Map<Variant, Future<List<Path>>> variants = new LinkedHashMap<>();
                for (Variant variant : all) {
                    variants.put(variant, pool.submit(() -> objects(platform, variant)));
                }
                objects.put(platform, variants);
            }
            List<String> done = new ArrayList<>();
            for (Platform platform : PLATFORMS) {
                try {
                    Map<Variant, Future<List<Path>>> variants = objects.get(platform);
                    Path library = library(platform, join(variants, EMULATED_AMX));
                    copy(library, output.resolve(platform.name()));
                    if (platform.format() == ELF) {
                        Path programs = work.resolve("programs");
                        Path program = program(platform, join(variants, AMX));
                        copy(program, programs.resolve(platform.name()));
                        current.add(programs);
                    }
                    done.add(platform.name());
                } catch (ToolException e) {
                    if (tools.known()) {
                        throw e;
                    }
                    // an older compiler may lack a platform
                    delete(output.resolve(platform.name()));
                    say("no native kernels for " + platform.name() + ": " + e.error());
                }
            }
            if (tools.used()) {
                long seconds = (System.nanoTime() - start) / 1_000_000_000;
                say(
                        "native kernels for %s compiled in %d s by %s"
                                .formatted(String.join(", ", done), seconds, tools.version()));
            }
            deleteOld();
        } finally {
            pool.shutdownNow();
        }
    }

    /** Returns the objects of all variants but one. */
    private static List<Path> join(Map<Variant, Future<List<Path>>> variants, Variant without)
            throws IOException, InterruptedException, ToolException {
        List<Path> objects = new ArrayList<>();
        for (Map.Entry<Variant, Future<List<Path>>> variant : variants.entrySet()) {
            if (variant.getKey() != without) {
                objects.addAll(join(variant.getValue()));
            }
        }
        return objects;
    }

    private static List<Path> join(Future<List<Path>> objects)
            throws IOException, InterruptedException, ToolException {
        try {
            return objects.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof ToolException cause) {
                throw cause;
            }
            throw new IOException(e.getCause());
        }
    }

    private static void copy(Path library, Path folder) throws IOException {
        Path to = Files.createDirectories(folder).resolve(library.getFileName());
        if (!Files.exists(to) || Files.mismatch(library, to) >= 0) {
            Files.copy(library, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** Compiles all sources for a variant. */
    private List<Path> objects(Platform platform, Variant variant)
            throws IOException, InterruptedException, ToolException {
        String all = flags(platform, variant);
        List<String> flags = List.of(all.split(" "));
        String key = all + headers + tools.version();
        List<Path> objects = new ArrayList<>();
        Path precompiled = null;
        for (Path source : files(".c")) {
            if (source.endsWith("jni.c") != (variant == BASE)) {
                continue;
            }
            String name = source.getFileName().toString();
            if (variant.sources().isEmpty()
                    ? AMX.sources().contains(name)
                    : !variant.sources().contains(name)) {
                continue;
            }
            Path object = work.resolve(hash(key, name, Files.readString(source)) + ".o");
            objects.add(object);
            current.add(object);
            if (Files.exists(object)) {
                continue;
            }
            List<String> command = new ArrayList<>(flags);
            if (variant != BASE) {
                // most of the time goes into the headers of the intrinsics
                if (precompiled == null) {
                    precompiled = work.resolve(hash(key) + ".pch");
                    tools.clang(sources, flags, "-x", "c-header", "vec.h", "-o", precompiled);
                }
                command.addAll(List.of("-include-pch", precompiled.toString()));
            }
            Path part = work.resolve(object.getFileName() + ".part");
            tools.clang(sources, command, "-c", name, "-o", part);
            Files.move(part, object, StandardCopyOption.REPLACE_EXISTING);
        }
        return objects;
    }

    private String flags(Platform platform, Variant variant) {
        return String.join(
                        " ",
                        FLAGS,
                        "--target=" + platform.triple(),
                        platform.format().clang(),
                        tools.known() ? "-Werror" : "-w",
                        "-DVARIANT=" + variant.name(),
                        variant.flags())
                .strip();
    }

    /** Links the test, which includes {@code jni.c}, with the other objects of a library. */
    private Path program(Platform platform, List<Path> objects)
            throws IOException, InterruptedException, ToolException {
        String all = flags(platform, BASE);
        String text = Files.readString(sources.resolve("jni.c")) + Files.readString(test);
        Path object = work.resolve(hash(all + headers + tools.version(), text) + ".o");
        List<String> arguments = new ArrayList<>(List.of("-static", object.toString()));
        // jni.o is the last one
        objects.subList(0, objects.size() - 1).forEach(each -> arguments.add(each.toString()));
        Path program = work.resolve(hash(tools.version(), arguments)).resolve("digests");
        current.add(object);
        current.add(program.getParent());
        current.add(program);
        if (!Files.exists(program)) {
            List<String> flags = List.of(all.split(" "));
            tools.clang(sources, flags, "-c", test, "-o", object);
            Files.createDirectories(program.getParent());
            arguments.addAll(List.of("-o", program.toString()));
            tools.lld("gnu", arguments);
        }
        return program;
    }

    private Path library(Platform platform, List<Path> objects)
            throws IOException, InterruptedException, ToolException {
        Format format = platform.format();
        List<String> arguments = new ArrayList<>(List.of(format.lld().split(" ")));
        if (format == MACH_O) {
            Path libSystem = Files.writeString(work.resolve("libSystem.tbd"), LIB_SYSTEM);
            current.add(libSystem);
            arguments.addAll(List.of("-arch", platform.triple().replaceAll("-.*", "")));
            arguments.add(libSystem.toString());
        }
        for (Path object : objects) {
            arguments.add(object.toString());
        }
        // the name of the file is part of the library
        Path library = work.resolve(hash(tools.version(), arguments)).resolve(format.library());
        current.add(library.getParent());
        current.add(library);
        if (!Files.exists(library)) {
            Path part = Files.createDirectories(work.resolve("part")).resolve(format.library());
            arguments.addAll(format == PE ? List.of("/out:" + part) : List.of("-o", part + ""));
            tools.lld(format.flavor(), arguments);
            Files.createDirectories(library.getParent());
            Files.move(part, library, StandardCopyOption.REPLACE_EXISTING);
        }
        return library;
    }

    /** Deletes what other sources gave. */
    private void deleteOld() throws IOException {
        try (Stream<Path> files = Files.list(work)) {
            for (Path file : files.toList()) {
                if (!current.contains(file) && !file.endsWith("llvm")) {
                    delete(file);
                }
            }
        }
    }

    private static void delete(Path fileOrFolder) throws IOException {
        if (Files.exists(fileOrFolder)) {
            try (Stream<Path> files = Files.walk(fileOrFolder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    private List<Path> files(String extension) throws IOException {
        try (Stream<Path> files = Files.list(sources)) {
            return files.filter(f -> f.toString().endsWith(extension)).sorted().toList();
        }
    }

    private static String hash(Object... parts) {
        try {
            byte[] bytes = Arrays.asList(parts).toString().getBytes(StandardCharsets.UTF_8);
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
            return HexFormat.of().formatHex(hash, 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e); // every Java has SHA-256
        }
    }

    private static void say(String line) {
        System.out.println("CompileKernels: " + line);
    }

    /** A program that failed: the message is the command and what it printed. */
    private static final class ToolException extends Exception {
        private static final long serialVersionUID = 1L;
        private final String text;

        ToolException(List<String> command, String text) {
            super(String.join(" ", command) + "\n" + text);
            this.text = text;
        }

        /** Returns the first error that the program printed. */
        String error() {
            return text.lines().filter(l -> l.contains("error:")).findFirst().orElse(text);
        }
    }

    /** clang and lld. */
    private static final class Toolchain {
        private final String version;
        private final Path jar;
        private final Path folder;
        private boolean used;

        private Toolchain(String version, Path jar, Path folder) {
            this.version = version;
            this.jar = jar;
            this.folder = folder;
        }

        /** Returns those of the jar, else those of the PATH, else null. */
        static Toolchain find(Path jar, Path folder) throws IOException, InterruptedException {
            if (Files.exists(jar)) {
                return new Toolchain(jar.getFileName().toString(), jar, folder);
            }
            try {
                String clang = run(null, List.of("clang", "--version"));
                String lld = run(null, List.of("lld", "-flavor", "gnu", "--version"));
                String version = clang.lines().findFirst().orElse("") + ", " + lld.strip();
                return new Toolchain(version, null, null);
            } catch (IOException | ToolException e) {
                return null;
            }
        }

        String version() {
            return version;
        }

        /** Whether the sources are known to compile with it. */
        boolean known() {
            return jar != null;
        }

        boolean used() {
            return used;
        }

        void clang(Path directory, List<String> flags, Object... arguments)
                throws IOException, InterruptedException, ToolException {
            List<String> command = new ArrayList<>(List.of(program("clang")));
            command.addAll(flags);
            for (Object argument : arguments) {
                command.add(argument.toString());
            }
            run(directory, command);
        }

        void lld(String flavor, List<String> arguments)
                throws IOException, InterruptedException, ToolException {
            List<String> command = new ArrayList<>(List.of(program("lld"), "-flavor", flavor));
            command.addAll(arguments);
            run(null, command);
        }

        /** Returns how to start it. Unpacks the jar only if something is to be compiled. */
        private synchronized String program(String name) throws IOException {
            used = true;
            if (jar == null) {
                return name;
            }
            Path programs = folder.resolve(version);
            if (!Files.exists(programs)) {
                delete(folder);
                Path part = folder.resolve("part");
                unpack(part);
                Files.move(part, programs);
            }
            boolean windows = System.getProperty("os.name").startsWith("Windows");
            return programs.resolve("bin").resolve(windows ? name + ".exe" : name).toString();
        }

        /** Unpacks to bin and lib, where the programs look for their libraries and headers. */
        private void unpack(Path to) throws IOException {
            try (ZipFile zip = new ZipFile(jar.toFile())) {
                List<ZipEntry> entries =
                        zip.stream()
                                .map(ZipEntry.class::cast)
                                .filter(e -> !e.isDirectory())
                                .toList();
                entries.parallelStream().forEach(entry -> unpack(zip, entry, to));
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
        }

        private static void unpack(ZipFile zip, ZipEntry entry, Path to) {
            String path = entry.getName().replaceFirst("^org/bytedeco/llvm/[^/]*/", "");
            if (path.matches("(clang|lld)(\\.exe)?")) {
                path = "bin/" + path;
            } else if (path.matches("lib(LLVM|clang-cpp)\\.(so|dylib)")) {
                // on Linux the programs were linked to names that the jar does not contain
                path = "lib/" + path.replaceFirst("so$", "so.20.1");
            } else if (!path.matches("lib/clang/[0-9]+/include/.*")) {
                return;
            }
            Path file = to.resolve(path);
            try (InputStream in = zip.getInputStream(entry)) {
                Files.createDirectories(file.getParent());
                Files.copy(in, file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            if (path.startsWith("bin/") && !file.toFile().setExecutable(true)) {
                throw new UncheckedIOException(
                        new IOException(file + " cannot be made executable"));
            }
        }

        /** Returns what the command printed. */
        private static String run(Path directory, List<String> command)
                throws IOException, InterruptedException, ToolException {
            Process process =
                    new ProcessBuilder(command)
                            .directory(directory == null ? null : directory.toFile())
                            .redirectErrorStream(true)
                            .start();
            String text = new String(process.getInputStream().readAllBytes());
            if (process.waitFor() != 0) {
                throw new ToolException(command, text);
            }
            return text;
        }
    }
}
