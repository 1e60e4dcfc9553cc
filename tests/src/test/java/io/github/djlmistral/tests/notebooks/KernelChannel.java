/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.notebooks;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMsg;

/**
 * One of the sockets between a Jupyter client and a kernel. A message is the frames {@code
 * <IDS|MSG>}, signature, header, parent header, metadata, content; the signature is the HMAC-SHA256
 * of the last four.
 */
final class KernelChannel {

    private static final String DELIMITER = "<IDS|MSG>";
    private static final int WAIT_MILLIS = 100;

    private final ZMQ.Socket socket;
    private final SecretKeySpec key;
    private final String session = UUID.randomUUID().toString();

    /** A message from the kernel. */
    record Message(JsonObject header, JsonObject parent, JsonObject content) {

        String type() {
            return header.get("msg_type").getAsString();
        }

        boolean isAnswerTo(String id) {
            return parent.has("msg_id") && parent.get("msg_id").getAsString().equals(id);
        }

        String string(String field) {
            return content.get(field).getAsString();
        }
    }

    KernelChannel(ZContext context, SocketType type, String address, String key) {
        this.key = new SecretKeySpec(key.getBytes(UTF_8), "HmacSHA256");
        socket = context.createSocket(type);
        socket.setReceiveTimeOut(WAIT_MILLIS);
        socket.setLinger(0);
        if (type == SocketType.SUB) {
            socket.subscribe(ZMQ.SUBSCRIPTION_ALL);
        }
        socket.connect(address);
    }

    /**
     * Sends a request.
     *
     * @return its ID
     */
    String send(String type, JsonObject content) {
        String id = UUID.randomUUID().toString();
        JsonObject header = new JsonObject();
        header.addProperty("msg_id", id);
        header.addProperty("session", session);
        header.addProperty("username", "test");
        header.addProperty("date", Instant.now().toString());
        header.addProperty("msg_type", type);
        header.addProperty("version", "5.3");
        List<String> signed = List.of(header.toString(), "{}", "{}", content.toString());
        ZMsg frames = new ZMsg();
        frames.add(DELIMITER);
        frames.add(signature(signed));
        signed.forEach(frames::add);
        frames.send(socket);
        return id;
    }

    /**
     * Receives a message.
     *
     * @return the next message, or null if none came within a tenth of a second
     */
    @Nullable Message receive() {
        ZMsg frames = ZMsg.recvMsg(socket);
        if (frames == null) {
            return null;
        }
        String frame = pop(frames);
        while (!frame.equals(DELIMITER)) { // before it: the topic, or the addresses of a route
            frame = pop(frames);
        }
        String signature = pop(frames);
        List<String> signed = List.of(pop(frames), pop(frames), pop(frames), pop(frames));
        if (!signature.equals(signature(signed))) {
            throw new IllegalStateException(
                    "the kernel's message has a wrong signature: " + signed);
        }
        return new Message(json(signed.get(0)), json(signed.get(1)), json(signed.get(3)));
    }

    private static String pop(ZMsg frames) {
        return frames.pop().getString(UTF_8);
    }

    private static JsonObject json(String text) {
        return JsonParser.parseString(text).getAsJsonObject();
    }

    private String signature(List<String> frames) {
        try {
            Mac mac = Mac.getInstance(key.getAlgorithm());
            mac.init(key);
            frames.forEach(frame -> mac.update(frame.getBytes(UTF_8)));
            return HexFormat.of().formatHex(mac.doFinal());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
