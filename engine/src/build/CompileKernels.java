/* SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Compiles the C kernels for every platform, with the clang that Maven unpacked: {@code java
 * CompileKernels.java SOURCES LLVM WORK OUTPUT}.
 *
 * <p>Without that clang, clang and lld of the PATH are used; without these, the jar has no native
 * kernels. The sources include nothing of a C library or a JDK, and link to nothing, so one machine
 * compiles for all platforms, and the same sources give the same bytes.
 */
final class CompileKernels {

    /** An instruction set that all kernels are compiled for. */
    private record Variant(String name, String... flags) {}

    private record Platform(
            String name, String library, String triple, List<Variant> variants, String... linker) {}

    private static final List<Variant> X86 =
            List.of(
                    new Variant("avx2", "-mavx2", "-mfma", "-mf16c"),
                    new Variant("avxvnni", "-mavx2", "-mfma", "-mf16c", "-mavxvnni"),
                    new Variant(
                            "avx512",
                            "-mavx2",
                            "-mfma",
                            "-mf16c",
                            "-mavx512f",
                            "-mavx512bw",
                            "-mavx512dq",
                            "-mavx512vl",
                            "-mavx512vnni"));

    private static final List<Variant> ARM =
            List.of(new Variant("neon", "-march=armv8.2-a+dotprod+fp16"));

    private static final String[] ELF = {
        "-flavor", "gnu", "-shared", "--build-id=none", "-z", "noexecstack", "-o"
    };
    private static final String[] MACH_O = {
        "-flavor", "darwin", "-dylib", "-no_uuid", "-platform_version", "macos", "11.0", "11.0"
    };
    private static final String[] PE = {"-flavor", "link", "/dll", "/noentry", "/brepro"};

    private static final List<Platform> PLATFORMS =
            List.of(
                    new Platform("linux-x86_64", "libdjlmistral.so", "x86_64-linux-gnu", X86),
                    new Platform("linux-aarch64", "libdjlmistral.so", "aarch64-linux-gnu", ARM),
                    new Platform("osx-x86_64", "libdjlmistral.dylib", "x86_64-apple-macos11", X86),
                    new Platform("osx-aarch64", "libdjlmistral.dylib", "arm64-apple-macos11", ARM),
                    new Platform("win-x86_64", "djlmistral.dll", "x86_64-pc-windows-msvc", X86));

    private final Path sources;
    private final Path work;
    private final String clang;
    private final String lld;
    private final Path libraries;

    private CompileKernels(Path sources, Path llvm, Path work) throws IOException {
        this.sources = sources;
        this.work = work;
        libraries = Files.createDirectories(work.resolve("lib"));
        Path unpacked = null;
        if (Files.isDirectory(llvm)) {
            try (Stream<Path> files = Files.walk(llvm)) {
                unpacked =
                        files.filter(f -> f.getFileName().toString().matches("clang(\\.exe)?"))
                                .filter(Files::isRegularFile)
                                .findFirst()
                                .orElse(null);
            }
        }
        clang = unpacked == null ? "clang" : unpacked.toString();
        lld = unpacked == null ? "lld" : unpacked.resolveSibling("lld").toString();
        if (unpacked != null) {
            Path folder = unpacked.getParent();
            for (String tool : List.of(clang, lld)) {
                Path.of(tool).toFile().setExecutable(true);
            }
            // clang was linked to these names, which the jar cannot hold as links
            for (String name : List.of("libLLVM", "libclang-cpp")) {
                Path link = libraries.resolve(name + ".so.20.1");
                if (!Files.exists(link)) {
                    Files.createSymbolicLink(link, folder.resolve(name + ".so").toAbsolutePath());
                }
            }
        }
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        CompileKernels compiler =
                new CompileKernels(
                        Path.of(arguments[0]), Path.of(arguments[1]), Path.of(arguments[2]));
        if (!compiler.runs()) {
            System.out.println("no clang for this platform: the jar gets no native kernels");
            return;
        }
        for (Platform platform : PLATFORMS) {
            compiler.compile(platform, Path.of(arguments[3]));
        }
    }

    private boolean runs() throws InterruptedException {
        try {
            return run(List.of(clang, "--version")).isEmpty() && run(List.of(lld, "-flavor", "gnu", "--version")).isEmpty();
        } catch (IOException e) {
            return false;
        }
    }

    private void compile(Platform platform, Path output) throws IOException, InterruptedException {
        List<String> objects = new ArrayList<>();
        try (Stream<Path> files = Files.list(sources)) {
            for (Path source : files.filter(f -> f.toString().endsWith(".c")).sorted().toList()) {
                if (source.endsWith("jni.c")) {
                    objects.add(object(platform, source, new Variant("all")));
                    continue;
                }
                for (Variant variant : platform.variants()) {
                    objects.add(object(platform, source, variant));
                }
            }
        }
        Path library = output.resolve(platform.name()).resolve(platform.library());
        Files.createDirectories(library.getParent());
        List<String> command = new ArrayList<>(List.of(lld));
        if (platform.name().startsWith("linux")) {
            command.addAll(List.of(ELF));
            command.add(library.toString());
        } else if (platform.name().startsWith("osx")) {
            command.addAll(List.of(MACH_O));
            command.addAll(List.of("-arch", platform.triple().replaceAll("-.*", "")));
            command.addAll(List.of("-undefined", "dynamic_lookup", "-o", library.toString()));
        } else {
            command.addAll(List.of(PE));
            command.add("/out:" + library);
        }
        command.addAll(objects);
        execute(command);
    }

    private String object(Platform platform, Path source, Variant variant)
            throws IOException, InterruptedException {
        String name = source.getFileName().toString().replace(".c", "");
        Path object = work.resolve(platform.name() + "-" + name + "-" + variant.name() + ".o");
        List<String> command =
                new ArrayList<>(
                        List.of(
                                clang,
                                "--target=" + platform.triple(),
                                "-std=c17",
                                "-O2",
                                // sums in the order of the source, so that all variants give the
                                // same bits
                                "-ffp-contract=off",
                                "-fno-math-errno",
                                "-ffreestanding",
                                "-fvisibility=hidden",
                                "-fno-stack-protector",
                                "-fno-unwind-tables",
                                "-fno-asynchronous-unwind-tables",
                                "-Wall",
                                "-Wextra",
                                "-Wno-unused-parameter",
                                "-Werror",
                                "-DVARIANT=" + variant.name()));
        command.addAll(List.of(variant.flags()));
        if (platform.name().startsWith("win")) {
            command.add("-mno-stack-arg-probe");
        } else {
            command.add("-fPIC");
        }
        command.addAll(List.of("-c", source.toString(), "-o", object.toString()));
        execute(command);
        return object.toString();
    }

    private void execute(List<String> command) throws IOException, InterruptedException {
        String error = run(command);
        if (!error.isEmpty()) {
            throw new IOException(String.join(" ", command) + "\n" + error);
        }
    }

    /** Returns what the command printed if it failed, otherwise an empty string. */
    private String run(List<String> command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LD_LIBRARY_PATH", libraries.toString());
        Process process = builder.start();
        String text = new String(process.getInputStream().readAllBytes());
        return process.waitFor() == 0 ? "" : text.isEmpty() ? "failed" : text;
    }
}
