/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The keys that clients must have. Only their hashes are kept. */
final class ApiKeys {

    private static final String SCHEME = "Bearer ";

    private final List<byte[]> hashes;

    ApiKeys(Collection<String> keys) {
        hashes = keys.stream().map(ApiKeys::hash).toList();
    }

    /** Returns whether no key is needed. */
    boolean isEmpty() {
        return hashes.isEmpty();
    }

    /**
     * Returns whether a request may pass. The time that this takes does not depend on the keys.
     *
     * @param authorization the header, null if there is none
     */
    boolean accept(@Nullable String authorization) {
        if (hashes.isEmpty()) {
            return true;
        }
        if (authorization == null
                || !authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            return false;
        }
        byte[] hash = hash(authorization.substring(SCHEME.length()).strip());
        boolean found = false;
        for (byte[] known : hashes) {
            found |= MessageDigest.isEqual(known, hash);
        }
        return found;
    }

    private static byte[] hash(String key) {
        try {
            return MessageDigest.getInstance("SHA-256")
                    .digest(key.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }
}
