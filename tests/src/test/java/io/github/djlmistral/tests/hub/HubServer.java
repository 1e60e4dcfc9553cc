/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A server of the Hub's protocol on plain sockets, so that it can cut connections at any byte. It
 * has two names: as {@code localhost} it is the Hub, which redirects requests for large files to
 * {@code 127.0.0.1}, the storage.
 */
final class HubServer implements Closeable {

    /** Files of at least this size are in Git LFS. */
    static final int LARGE = 1000;

    /** A request; header names are in lower case. */
    record Request(String method, String path, String query, Map<String, String> headers) {

        boolean isStorage() {
            return path.startsWith("/storage/");
        }

        boolean isFile() {
            return isStorage() || path.contains("/resolve/");
        }

        String header(String name) {
            return headers.getOrDefault(name, "");
        }
    }

    /** A response. */
    static final class Reply {

        final int status;
        final byte[] body;
        final Map<String, String> headers = new LinkedHashMap<>();
        int from;
        int to;

        /** Cut the connection after so many bytes of the body; if negative, within the headers. */
        Long cut;

        /** Runs before each {@link #stride} bytes of the body. */
        Runnable pause;

        int stride = 1 << 14;

        Reply(int status, byte[] body) {
            this.status = status;
            this.body = body;
            to = body.length;
        }

        Reply header(String name, String value) {
            headers.put(name, value);
            return this;
        }

        byte[] head(boolean isOpen) {
            StringBuilder head = new StringBuilder("HTTP/1.1 " + status + " X\r\n");
            headers.forEach(
                    (name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
            if (isOpen) {
                head.append("Content-Length: ").append(to - from).append("\r\n");
            }
            return head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
        }
    }

    /** A repository: one commit and its revision names. */
    static final class Repository {

        final String commit;
        final Map<String, byte[]> files = new TreeMap<>();
        final Map<String, String> etags = new ConcurrentHashMap<>();
        final Set<String> revisions = ConcurrentHashMap.newKeySet();

        Repository(String commit) {
            this.commit = commit;
            revisions.add("main");
            revisions.add(commit);
        }

        Repository with(String path, byte[] content) {
            files.put(path, content);
            etags.put(path, hash(content));
            return this;
        }

        Repository with(String path, String content) {
            return with(path, content.getBytes(StandardCharsets.UTF_8));
        }

        String etag(String path) {
            return etags.get(path);
        }
    }

    final Map<String, Repository> repositories = new ConcurrentHashMap<>();
    final List<Request> requests = new CopyOnWriteArrayList<>();

    /** Bytes of file contents that were sent, repetitions included. */
    final AtomicLong served = new AtomicLong();

    /** Overrides responses; null for the usual one. */
    volatile Function<Request, Reply> instead = request -> null;

    volatile Function<Reply, Reply> files = reply -> reply;

    /** Required token, if not null. */
    volatile String token;

    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final ServerSocket socket;

    HubServer(int port) {
        try {
            socket =
                    new ServerSocket(
                            port, 100, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start("hub-server", this::accept);
    }

    HubServer() {
        this(0);
    }

    URI endpoint() {
        return URI.create("http://localhost:" + socket.getLocalPort());
    }

    String storage() {
        return "http://127.0.0.1:" + socket.getLocalPort();
    }

    List<Request> fileRequests() {
        return requests.stream().filter(Request::isFile).toList();
    }

    static String hash(byte[] content) {
        try {
            boolean isLarge = content.length >= LARGE;
            MessageDigest digest = MessageDigest.getInstance(isLarge ? "SHA-256" : "SHA-1");
            if (!isLarge) {
                digest.update(("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8));
            }
            return HexFormat.of().formatHex(digest.digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void start(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                Socket connection = socket.accept();
                open.add(connection);
                start("hub-connection", () -> serve(connection));
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            connection.setTcpNoDelay(true);
            // little on the way that neither side counts
            connection.setSendBufferSize(1 << 16);
            InputStream in = new BufferedInputStream(connection.getInputStream());
            OutputStream out = connection.getOutputStream();
            for (Request request = read(in); request != null; request = read(in)) {
                requests.add(request);
                Reply reply = instead.apply(request);
                if (reply == null) {
                    reply = usual(request);
                }
                if (!send(request, reply, out)) {
                    return;
                }
            }
        } catch (IOException e) {
            // the client went away
        } finally {
            open.remove(connection);
        }
    }

    private static Request read(InputStream in) throws IOException {
        String first = line(in);
        if (first == null) {
            return null;
        }
        Map<String, String> headers = new TreeMap<>();
        for (String line = line(in); line != null && !line.isEmpty(); line = line(in)) {
            int colon = line.indexOf(':');
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).strip());
        }
        String[] parts = first.split(" ", -1);
        String[] target = parts[1].split("\\?", 2);
        return new Request(
                parts[0],
                URLDecoder.decode(target[0], StandardCharsets.UTF_8),
                target.length > 1 ? target[1] : "",
                headers);
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                return null;
            }
            if (c != '\r') {
                line.write(c);
            }
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    private boolean send(Request request, Reply reply, OutputStream out) throws IOException {
        byte[] head = reply.head(true);
        if (reply.cut != null && reply.cut < 0) {
            out.write(head, 0, (int) Math.min(head.length, -reply.cut - 1));
            return false;
        }
        out.write(head);
        if (!request.method().equals("HEAD")) {
            long end = reply.cut == null ? reply.to : Math.min(reply.to, reply.from + reply.cut);
            int count;
            for (int at = reply.from; at < end; at += count) {
                if (reply.pause != null) {
                    reply.pause.run();
                }
                count = (int) Math.min(reply.stride, end - at);
                boolean counts = request.isFile() && reply.status < 300;
                // before the client has them, who may read the sum then
                served.addAndGet(counts ? count : 0);
                try {
                    out.write(reply.body, at, count);
                } catch (IOException e) {
                    served.addAndGet(counts ? -count : 0);
                    throw e;
                }
            }
            out.flush();
        }
        return reply.cut == null;
    }

    private static final Pattern API =
            Pattern.compile("/api/models/([^/]+/[^/]+)/(revision|tree)/(.+)");
    private static final Pattern RESOLVE = Pattern.compile("/([^/]+/[^/]+)/resolve/([^/]+)/(.+)");
    private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d*)");

    /** Returns the Hub's response. */
    Reply usual(Request request) {
        if (request.isStorage()) {
            return storage(request);
        }
        Matcher api = API.matcher(request.path());
        Matcher resolve = RESOLVE.matcher(request.path());
        Matcher found = api.matches() ? api : resolve.matches() ? resolve : null;
        if (found == null) {
            return error(404, "", "no such page");
        }
        Repository repository = repositories.get(found.group(1));
        if (repository == null) {
            return request.headers().containsKey("authorization")
                    ? error(404, "RepoNotFound", "Repository not found")
                    : error(401, "RepoNotFound", "Invalid username or password.");
        }
        String given = request.header("authorization");
        if (!given.isEmpty() && !given.equals("Bearer " + token)) {
            return error(401, "", "Invalid credentials in Authorization header");
        }
        boolean isApi = found == api;
        if (!isApi && token != null && given.isEmpty()) {
            return error(401, "GatedRepo", "Access to model is restricted.");
        }
        String revision = found.group(isApi ? 3 : 2);
        if (!repository.revisions.contains(revision)) {
            return error(404, "RevisionNotFound", "Invalid rev id: " + revision);
        }
        if (isApi) {
            return json(
                    found.group(2).equals("tree")
                            ? tree(repository)
                            : revision(found.group(1), repository));
        }
        String path = found.group(3);
        byte[] content = repository.files.get(path);
        if (content == null) {
            return error(404, "EntryNotFound", "Entry not found")
                    .header("X-Repo-Commit", repository.commit);
        }
        String etag = repository.etag(path);
        if (content.length < LARGE) {
            return files.apply(
                    range(request, content)
                            .header("X-Repo-Commit", repository.commit)
                            .header("ETag", "\"" + etag + "\""));
        }
        return new Reply(302, new byte[0])
                .header("X-Repo-Commit", repository.commit)
                .header("X-Linked-Etag", "\"" + etag + "\"")
                .header("X-Linked-Size", String.valueOf(content.length))
                .header("Location", storage() + "/storage/" + etag + "?signature=s%20ecret");
    }

    private Reply storage(Request request) {
        String etag = request.path().substring("/storage/".length());
        for (Repository repository : repositories.values()) {
            for (Map.Entry<String, String> entry : repository.etags.entrySet()) {
                if (entry.getValue().equals(etag)) {
                    return files.apply(range(request, repository.files.get(entry.getKey())));
                }
            }
        }
        return error(404, "", "");
    }

    private static Reply range(Request request, byte[] content) {
        Matcher range = RANGE.matcher(request.header("range"));
        if (!range.matches()) {
            return new Reply(200, content);
        }
        Reply reply = new Reply(206, content);
        reply.from = Integer.parseInt(range.group(1));
        reply.to =
                range.group(2).isEmpty()
                        ? content.length
                        : Math.min(content.length, Integer.parseInt(range.group(2)) + 1);
        return reply.header(
                "Content-Range",
                "bytes " + reply.from + "-" + (reply.to - 1) + "/" + content.length);
    }

    static Reply error(int status, String code, String message) {
        Reply reply = new Reply(status, message.getBytes(StandardCharsets.UTF_8));
        if (!code.isEmpty()) {
            reply.header("X-Error-Code", code);
        }
        return reply.header("X-Error-Message", message);
    }

    static Reply json(String text) {
        return new Reply(200, text.getBytes(StandardCharsets.UTF_8))
                .header("Content-Type", "application/json");
    }

    static String revision(String name, Repository repository) {
        StringBuilder json = new StringBuilder();
        repository.files.forEach(
                (path, content) ->
                        json.append(json.isEmpty() ? "" : ",")
                                .append("{\"rfilename\":\"")
                                .append(path)
                                .append("\",\"size\":")
                                .append(content.length)
                                .append(blob(repository, path, content, "blobId", "sha256"))
                                .append('}'));
        return "{\"id\":\"%s\",\"modelId\":\"%s\",\"private\":false,\"tags\":[],\"downloads\":0,\"likes\":0,\"sha\":\"%s\",\"siblings\":[%s]}"
                .formatted(name, name, repository.commit, json);
    }

    private static String tree(Repository repository) {
        StringBuilder json = new StringBuilder();
        repository.files.forEach(
                (path, content) ->
                        json.append(json.isEmpty() ? "" : ",")
                                .append("{\"type\":\"file\",\"path\":\"")
                                .append(path)
                                .append("\",\"size\":")
                                .append(content.length)
                                .append(blob(repository, path, content, "oid", "oid"))
                                .append('}'));
        return "[" + json + "]";
    }

    private static String blob(
            Repository repository, String path, byte[] content, String id, String sha) {
        String etag = repository.etag(path);
        return content.length < LARGE
                ? ",\"" + id + "\":\"" + etag + "\""
                : ",\"%s\":\"%s\",\"lfs\":{\"%s\":\"%s\",\"size\":%s,\"pointerSize\":135}"
                        .formatted(id, "0".repeat(40), sha, etag, content.length);
    }

    @Override
    public void close() throws IOException {
        socket.close();
        for (Socket connection : open) {
            connection.close();
        }
    }
}
