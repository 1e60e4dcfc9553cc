/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.notebooks;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.notebooks.KernelChannel.Message;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.rapaio.jupyter.kernel.channels.LoopThread;
import org.zeromq.SocketType;
import org.zeromq.ZContext;

/**
 * A Jupyter client for one Java kernel: it starts rapaio-jupyter-kernel in a JVM of its own and
 * sends it cells over Jupyter's messaging protocol 5.
 */
final class JavaKernel implements AutoCloseable {

    private static final Path JAR = Path.of("target", "kernel", "rapaio-jupyter-kernel.jar");
    private static final String MAIN_CLASS = "org.rapaio.jupyter.kernel.MainApp";
    private static final Duration START_TIMEOUT = Duration.ofMinutes(1);
    private static final Duration CELL_TIMEOUT = Duration.ofMinutes(3);
    private static final List<String> PORTS =
            List.of("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port");

    private final Process process;
    private final Path log;
    private final ZContext context = new ZContext();
    private final KernelChannel shell;
    private final KernelChannel published;

    /** What a cell gave. */
    record Execution(boolean succeeded, int count, JsonArray outputs) {}

    /**
     * Starts a kernel.
     *
     * @param name of the files for its connection and its own output, in {@code target/kernel}
     * @param classPath of the cells
     */
    static JavaKernel start(String name, List<String> classPath) throws IOException {
        if (!Files.exists(JAR)) {
            throw new IllegalStateException(
                    JAR.toAbsolutePath()
                            + " is missing: `./mvnw -pl tests process-test-resources` copies it");
        }
        JavaKernel kernel = new JavaKernel(name, classPath);
        try {
            kernel.awaitReady();
            return kernel;
        } catch (KernelFailure e) {
            kernel.close();
            throw e;
        }
    }

    private JavaKernel(String name, List<String> classPath) throws IOException {
        JsonObject connection = connection();
        Path file = JAR.resolveSibling(name + ".json");
        Files.writeString(file, connection.toString());
        log = JAR.resolveSibling(name + ".log");
        ProcessBuilder builder = new ProcessBuilder(command(file));
        builder.environment().put("RJK_CLASSPATH", String.join(";", classPath));
        builder.environment().put("TORCH_CPP_LOG_LEVEL", "ERROR");
        process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
        String key = connection.get("key").getAsString();
        shell = new KernelChannel(context, SocketType.DEALER, address(connection, "shell"), key);
        published = new KernelChannel(context, SocketType.SUB, address(connection, "iopub"), key);
    }

    private static JsonObject connection() throws IOException {
        JsonObject connection = new JsonObject();
        connection.addProperty("transport", "tcp");
        connection.addProperty("ip", "127.0.0.1");
        connection.addProperty("signature_scheme", "hmac-sha256");
        connection.addProperty("key", UUID.randomUUID().toString());
        List<ServerSocket> sockets = new ArrayList<>();
        try {
            for (String port : PORTS) { // all open at once, so that they differ
                sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
                connection.addProperty(port, sockets.get(sockets.size() - 1).getLocalPort());
            }
        } finally {
            for (ServerSocket socket : sockets) {
                socket.close();
            }
        }
        return connection;
    }

    private static String address(JsonObject connection, String channel) {
        return "tcp://127.0.0.1:" + connection.get(channel + "_port").getAsInt();
    }

    /**
     * The JVM of the tests. A notebook runs for seconds: C2 would take longer to compile than it
     * saves.
     */
    private static List<String> command(Path connectionFile) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        if (Runtime.version().feature() >= 22) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        command.add("-Xmx1g");
        command.add("-XX:+UseSerialGC");
        command.add("-XX:TieredStopAtLevel=1");
        command.add("-Djava.awt.headless=true");
        command.add("-Dfile.encoding=UTF-8");
        // As the tests themselves, see the parent's configuration of Surefire.
        command.add("-Dai.djl.offline=true");
        command.add("-DOPT_OUT_TRACKING=true");
        // As with slf4j-nop, which the set-up cell loads; the class path here has slf4j-simple.
        command.add("-Dorg.slf4j.simpleLogger.defaultLogLevel=off");
        for (String property : List.of("user.language", "user.country")) {
            command.add("-D" + property + "=" + System.getProperty(property, ""));
        }
        // the tests' LoopThread before the kernel's own
        String tests =
                LoopThread.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        String classPath = tests + File.pathSeparator + JAR;
        command.addAll(List.of("-cp", classPath, MAIN_CLASS, connectionFile.toString()));
        return command;
    }

    private void awaitReady() {
        Instant deadline = Instant.now().plus(START_TIMEOUT);
        // The kernel loses requests that come before it knows its handlers, a subscriber what is
        // published before it is connected: ask until a reply and a status come.
        boolean replied = false;
        boolean subscribed = false;
        while (!replied || !subscribed) {
            shell.send("kernel_info_request", new JsonObject());
            Message reply = shell.receive();
            replied |= reply != null && reply.type().equals("kernel_info_reply");
            for (Message m = published.receive(); m != null; m = published.receive()) {
                subscribed |= m.type().equals("status");
            }
            checkAlive(deadline);
        }
    }

    /** Runs a cell to its end. */
    Execution execute(String code) {
        JsonObject request = new JsonObject();
        request.addProperty("code", code);
        request.addProperty("silent", false);
        request.addProperty("store_history", true);
        request.add("user_expressions", new JsonObject());
        request.addProperty("allow_stdin", false);
        request.addProperty("stop_on_error", true);
        String id = shell.send("execute_request", request);
        Instant deadline = Instant.now().plus(CELL_TIMEOUT);

        CellOutputs outputs = new CellOutputs();
        for (boolean idle = false; !idle; ) {
            Message message = published.receive();
            if (message == null) {
                checkAlive(deadline);
            } else if (message.isAnswerTo(id)) {
                outputs.add(message);
                idle =
                        message.type().equals("status")
                                && message.string("execution_state").equals("idle");
            }
        }
        while (true) {
            Message message = shell.receive();
            if (message == null) {
                checkAlive(deadline);
            } else if (message.isAnswerTo(id) && message.type().equals("execute_reply")) {
                return new Execution(
                        message.string("status").equals("ok"),
                        message.content().get("execution_count").getAsInt(),
                        outputs.json());
            }
        }
    }

    private void checkAlive(Instant deadline) {
        if (!process.isAlive()) {
            throw new KernelFailure("the kernel exited with status " + process.exitValue(), log);
        }
        if (Instant.now().isAfter(deadline)) {
            throw new KernelFailure("the kernel does not answer", log);
        }
    }

    /** The kernel is gone or silent. */
    static final class KernelFailure extends IllegalStateException {

        private static final long serialVersionUID = 1;

        KernelFailure(String problem, Path log) {
            super(problem + "; its output is in " + log.toAbsolutePath());
        }
    }

    @Override
    public void close() {
        context.close();
        process.destroyForcibly();
    }
}
