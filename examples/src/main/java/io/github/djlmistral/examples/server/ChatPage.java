/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The static files of the page to chat with the model. */
final class ChatPage {

    /** The page loads nothing but its own files, and runs no script that is not one of them. */
    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src"
                    + " 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static final Map<String, String> TYPES =
            Map.of("html", "text/html", "css", "text/css", "js", "text/javascript");

    /** Names of files: no other resource of the class path can be read. */
    private static final Pattern NAME = Pattern.compile("/[a-z-]{1,30}\\.(html|css|js)");

    private ChatPage() {}

    /**
     * Finds a file of the page.
     *
     * @param path of the request
     * @return its endpoint; null if there is no such file
     */
    static @Nullable Endpoint find(String path) {
        Matcher name = NAME.matcher(path.equals("/") ? "/index.html" : path);
        byte[] content = name.matches() ? read("page" + name.group()) : null;
        if (content == null) {
            return null;
        }
        String type = TYPES.get(name.group(1));
        return call -> {
            call.responseHeaders().set("Content-Security-Policy", POLICY);
            call.responseHeaders().set("X-Content-Type-Options", "nosniff");
            call.responseHeaders().set("Referrer-Policy", "no-referrer");
            call.responseHeaders().set("Cache-Control", "no-cache");
            call.send(200, type + "; charset=utf-8", content);
        };
    }

    private static byte @Nullable [] read(String resource) {
        try (InputStream in = ChatPage.class.getResourceAsStream(resource)) {
            return in == null ? null : in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
