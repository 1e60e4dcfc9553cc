/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import io.github.djlmistral.engine.internal.Quote;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Pattern;

/**
 * Validates untrusted relative paths, so that they stay below the directory they are resolved
 * against.
 */
final class SafePath {

    private SafePath() {}

    /** Limits in bytes of UTF-8, within those of common file systems. */
    private static final int LONGEST_PART = 240;

    private static final int LONGEST = 1024;

    /**
     * Device names of Windows, reserved in every directory and with any extension: {@code con},
     * {@code nul.txt}.
     */
    private static final Pattern DEVICE =
            Pattern.compile(
                    "(con|prn|aux|nul|conin\\$|conout\\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\\s*(\\..*)?",
                    Pattern.CASE_INSENSITIVE);

    /**
     * Returns whether a path, separated by slashes, stays below any directory that it is resolved
     * against, and denotes the same file on every operating system: no empty segment (as in {@code
     * /etc}), no {@code .} or {@code ..}, no drive ({@code C:}), stream ({@code a:b}), backslash,
     * wildcard or control character, no segment that ends in a dot or a space, no device name, no
     * unpaired surrogates, and no excessive length.
     */
    static boolean isRelative(String name) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(name)
                && length(name) <= LONGEST
                && Arrays.stream(name.split("/", -1)).allMatch(SafePath::isPart);
    }

    private static boolean isPart(String part) {
        return !part.isEmpty()
                && !part.endsWith(".") // "." and ".." too
                && !part.endsWith(" ")
                && length(part) <= LONGEST_PART
                && part.codePoints()
                        .noneMatch(c -> Character.isISOControl(c) || "\\:*?\"<>|".indexOf(c) >= 0)
                && !DEVICE.matcher(part).matches();
    }

    private static int length(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    /**
     * Resolves an untrusted name against a directory.
     *
     * @throws HubException if the name is not {@linkplain #isRelative safe}
     */
    static Path below(Path directory, String name) throws HubException {
        if (!isRelative(name)) {
            throw new HubException(
                    Quote.of(name),
                    "the server sent an unsafe file name, which may lead outside the cache or denote"
                            + " a device",
                    "Check that HF_ENDPOINT is the address of a server that you trust");
        }
        return directory.resolve(name);
    }
}
