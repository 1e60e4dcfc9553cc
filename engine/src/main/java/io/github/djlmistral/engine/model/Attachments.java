/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.LoggerFactory;

/** The objects that all users of a network share, see {@link MistralPreTrainedModel#attachment}. */
final class Attachments {

    private final ReentrantLock lock = new ReentrantLock();
    private final Map<Key, Object> objects = new LinkedHashMap<>();

    /** Different types have separate keys. */
    private record Key(Class<?> type, Object key) {}

    <T, E extends Exception> T get(
            Class<T> type, Object key, AttachmentFactory<? extends T, E> factory) throws E {
        lock.lock();
        try {
            Key full = new Key(type, key);
            Object attached = objects.get(full);
            if (attached == null) {
                attached = factory.create();
                objects.put(full, attached);
            }
            return type.cast(attached);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Closes the objects. Called once, when none can be added.
     *
     * @param source the name of the network for messages
     */
    void close(String source) {
        for (Object attached : objects.values()) {
            if (attached instanceof AutoCloseable closeable) {
                try {
                    closeable.close();
                } catch (Exception e) {
                    LoggerFactory.getLogger(MistralPreTrainedModel.class)
                            .warn("an object attached to {} cannot be closed", source, e);
                }
            }
        }
        objects.clear();
    }
}
