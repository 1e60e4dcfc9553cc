/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.nio.file.Path;

/** Names that others chose, as paths below a directory of ours and never beside it. */
final class SafePath {

    private SafePath() {}

    /**
     * Whether a name, its parts divided by slashes, stays below wherever it is put, on every
     * system: no empty part (as of {@code /etc}), no {@code .} or {@code ..}, nothing that only
     * Windows takes for a path ({@code C:}, {@code \}), no control character.
     */
    static boolean isRelative(String name) {
        for (String part : name.split("/", -1)) {
            if (part.isEmpty()
                    || part.equals(".")
                    || part.equals("..")
                    || part.chars()
                            .anyMatch(c -> c < ' ' || c == 127 || "\\:*?\"<>|".indexOf(c) >= 0)) {
                return false;
            }
        }
        return true;
    }

    /**
     * The path of a name below a directory.
     *
     * @throws HubException if it is not one that stays there
     */
    static Path below(Path directory, String name) throws HubException {
        if (!isRelative(name)) {
            throw new HubException(
                    "\"" + name + "\"",
                    "the server gave this as the name of a file, and it would lie outside the cache",
                    "Check that HF_ENDPOINT names a server that you trust");
        }
        return directory.resolve(name);
    }
}
