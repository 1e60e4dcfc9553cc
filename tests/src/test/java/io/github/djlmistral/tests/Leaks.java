/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests;

import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.OwnedManager;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * Live objects and live native memory. Both are counted, not estimated, and do not depend on the
 * processor or the JIT compiler, unlike resident memory or the bytes that a thread allocates.
 */
public final class Leaks {

    /** Example: {@code " 12: 204 6528 ai.djl.ndarray.types.Shape (module)"}. */
    private static final Pattern LINE =
            Pattern.compile("^ *\\d+: +(\\d+) +(\\d+) +(\\S+)", Pattern.MULTILINE);

    private Leaks() {}

    /** Instances of DJL's and this project's classes, and bytes of the arrays of numbers. */
    public record Heap(long instances, long arrayBytes) {}

    /**
     * Counts the open resources of a manager: arrays, child managers with theirs, and networks,
     * generations and caches with theirs.
     */
    public static int resources(NDManager manager) {
        return open(manager).size();
    }

    /** Adds up the native bytes of all arrays that a manager keeps open, its children included. */
    public static long nativeBytes(NDManager manager) {
        long bytes = 0;
        for (Object resource : open(manager)) {
            if (resource instanceof NDArray array) {
                bytes += array.size() * array.getDataType().getNumOfBytes();
            }
        }
        return bytes;
    }

    private static List<Object> open(NDManager manager) {
        List<Object> open = new ArrayList<>();
        try {
            Field field = BaseNDManager.class.getDeclaredField("resources");
            field.setAccessible(true);
            for (Object resource : ((Map<?, ?>) field.get(manager)).values()) {
                open.add(resource);
                if (resource instanceof NDManager child) {
                    open.addAll(open(child));
                }
                for (Field owned : resource.getClass().getDeclaredFields()) {
                    if (owned.getType() == OwnedManager.class) {
                        owned.setAccessible(true);
                        open.addAll(open(((OwnedManager) owned.get(resource)).manager()));
                    }
                }
            }
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("BaseNDManager.resources", e);
        }
        return open;
    }

    /**
     * Collects garbage and counts the objects that are left, as {@code jcmd GC.class_histogram}.
     */
    public static Heap heap() {
        String histogram;
        try {
            histogram =
                    (String)
                            ManagementFactory.getPlatformMBeanServer()
                                    .invoke(
                                            new ObjectName(
                                                    "com.sun.management:type=DiagnosticCommand"),
                                            "gcClassHistogram",
                                            new Object[] {new String[0]},
                                            new String[] {String[].class.getName()});
        } catch (JMException e) {
            throw new IllegalStateException(e);
        }
        long instances = 0;
        long arrayBytes = 0;
        for (Matcher line = LINE.matcher(histogram); line.find(); ) {
            String name = line.group(3);
            if (name.matches("\\[[SIJFD]")) {
                arrayBytes += Long.parseLong(line.group(2));
            } else if (name.startsWith("ai.djl.") || name.startsWith("io.github.djlmistral.")) {
                instances += Long.parseLong(line.group(1));
            }
        }
        return new Heap(instances, arrayBytes);
    }
}
