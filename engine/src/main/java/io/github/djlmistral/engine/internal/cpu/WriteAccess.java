/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Tells whether other users could change a file, or replace it or a directory above it. */
final class WriteAccess {

    private static final int STICKY = 01000;

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
        UserPrincipal user = user();
        UserPrincipal administrator = Files.getOwner(real.getRoot());
        for (Path each = real; each != null; each = each.getParent()) {
            PosixFileAttributes attributes = Files.readAttributes(each, PosixFileAttributes.class);
            UserPrincipal owner = attributes.owner();
            if (!owner.equals(administrator) && !owner.equals(user)) {
                throw new IOException(each + " belongs to " + owner.getName());
            }
            Set<PosixFilePermission> permissions = attributes.permissions();
            boolean shared =
                    permissions.contains(PosixFilePermission.GROUP_WRITE)
                            && !attributes.group().getName().equals(owner.getName());
            if ((shared || permissions.contains(PosixFilePermission.OTHERS_WRITE))
                    && !(attributes.isDirectory() && isSticky(each))) {
                throw new IOException("other users can write to " + each);
            }
        }
    }

    private static boolean isSticky(Path directory) throws IOException {
        Object mode = Files.getAttribute(directory, "unix:mode");
        return mode instanceof Integer number && (number & STICKY) != 0;
    }

    /**
     * Returns the user of this process: the owner of a file that it creates.
     *
     * @return null if it can create none, as in a container whose file system is read-only
     */
    private static @Nullable UserPrincipal user() {
        try {
            Path file = Files.createTempFile("djl-mistral", null);
            try {
                return Files.getOwner(file);
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            return null;
        }
    }
}
