/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.UserPrincipal;
import java.util.List;
import java.util.Map;

/** Tells whether other users could change a file, or replace it or a directory above it. */
final class WriteAccess {

    private static final int STICKY = 01000;
    private static final int GROUP = 020;
    private static final int OTHERS = 02;

    private WriteAccess() {}

    /**
     * Checks the permissions and owners of a file or directory and of all directories above it.
     *
     * <p>The owner may be the user of this process, or the owner of the root directory. Other users
     * may write only to a directory with the sticky bit, such as {@code /tmp}, which keeps them
     * from replacing what they do not own. A group of the owner's name has no other members by
     * convention: where it is used, files are writable by the group by default.
     *
     * @param path the file or directory; links in it are followed
     * @throws IOException if another user has access; the message names the directory
     */
    static void requireOwn(Path path) throws IOException {
        Path real = path.toRealPath();
        if (!real.getFileSystem().supportedFileAttributeViews().contains("unix")) {
            return; // Windows: the cache is in the user's profile, which is private by default
        }
        List<UserPrincipal> trusted = List.of(user(), Files.getOwner(real.getRoot()));
        for (Path each = real; each != null; each = each.getParent()) {
            Map<String, Object> attributes = Files.readAttributes(each, "unix:mode,owner,group");
            UserPrincipal owner = (UserPrincipal) attributes.get("owner");
            if (!trusted.contains(owner)) {
                throw new IOException(each + " belongs to " + owner.getName());
            }
            int mode = (int) attributes.get("mode");
            String group = ((GroupPrincipal) attributes.get("group")).getName();
            boolean sticky = (mode & STICKY) != 0 && Files.isDirectory(each);
            if (!sticky
                    && ((mode & OTHERS) != 0
                            || (mode & GROUP) != 0 && !group.equals(owner.getName()))) {
                throw new IOException("other users can write to " + each);
            }
        }
    }

    /** Returns the user of this process: the owner of a file that it creates. */
    private static UserPrincipal user() throws IOException {
        Path file = Files.createTempFile("djl-mistral", null);
        try {
            return Files.getOwner(file);
        } finally {
            Files.delete(file);
        }
    }
}
