/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import io.github.djlmistral.engine.internal.Quote;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * DJL's binding of the Hugging Face tokenizers library without truncation, padding, downloads or
 * telemetry. Thread-safe; {@link #close} waits for calls in progress.
 */
final class NativeTokenizer implements AutoCloseable {

    // DJL's defaults truncate to 512 tokens and pad
    private static final Map<String, String> OPTIONS =
            Map.of("truncation", "do_not_truncate", "padding", "do_not_pad");

    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private @Nullable HuggingFaceTokenizer tokenizer;

    /**
     * Creates a native tokenizer.
     *
     * @param json the content of a {@code tokenizer.json}
     * @throws IllegalArgumentException if the library rejects it
     */
    NativeTokenizer(String json) throws IOException {
        tokenizer = create(json);
    }

    /**
     * Creates the tokenizer without two side effects of DJL's library loading: the download of a
     * CUDA build on some machines, and telemetry. Both are disabled for the time of this call,
     * unless the user has set the properties.
     */
    private static synchronized HuggingFaceTokenizer create(String json) throws IOException {
        boolean flavor = setIfAbsent("RUST_FLAVOR", "cpu");
        boolean tracking = setIfAbsent("OPT_OUT_TRACKING", "true");
        try {
            byte[] utf8 = json.getBytes(StandardCharsets.UTF_8);
            return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(utf8), OPTIONS);
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(
                    "the native tokenizer library rejected the tokenizer: "
                            + Quote.shorten("" + e.getMessage()),
                    e);
        } finally {
            if (flavor) {
                System.clearProperty("RUST_FLAVOR");
            }
            if (tracking) {
                System.clearProperty("OPT_OUT_TRACKING");
            }
        }
    }

    private static boolean setIfAbsent(String key, String value) {
        if (System.getenv(key) != null || System.getProperty(key) != null) {
            return false;
        }
        System.setProperty(key, value);
        return true;
    }

    long[] encode(String text, boolean addSpecialTokens) {
        return call(t -> t.encode(text, addSpecialTokens, false).getIds());
    }

    EncodedText encodeWithOffsets(String text, boolean addSpecialTokens) {
        Encoding encoding = call(t -> t.encode(text, addSpecialTokens, false));
        @Nullable CharSpan[] spans = encoding.getCharTokenSpans();
        int[] starts = new int[spans.length];
        int[] ends = new int[spans.length];
        int[] offsets = codeUnits(text);
        for (int i = 0; i < spans.length; ++i) {
            CharSpan span = spans[i];
            starts[i] = span == null ? -1 : offsets[span.getStart()];
            ends[i] = span == null ? -1 : offsets[span.getEnd()];
        }
        return new EncodedText(encoding.getIds(), starts, ends);
    }

    /** Returns the index of each code point, which the library counts, and the text's length. */
    private static int[] codeUnits(String text) {
        int[] indices = new int[text.codePointCount(0, text.length()) + 1];
        for (int i = 1; i < indices.length; ++i) {
            indices[i] = text.offsetByCodePoints(indices[i - 1], 1);
        }
        return indices;
    }

    String decode(long[] ids, boolean skipSpecialTokens) {
        return call(t -> t.decode(ids, skipSpecialTokens));
    }

    private <T> T call(Function<HuggingFaceTokenizer, T> function) {
        Lock reading = lock.readLock();
        reading.lock();
        try {
            if (tokenizer == null) {
                throw new IllegalStateException("the tokenizer is closed");
            }
            return function.apply(tokenizer);
        } finally {
            Reference.reachabilityFence(this); // DJL frees the native object in a finalizer
            reading.unlock();
        }
    }

    @Override
    public void close() {
        Lock writing = lock.writeLock();
        writing.lock();
        try {
            if (tokenizer != null) {
                tokenizer.close();
                tokenizer = null;
            }
        } finally {
            writing.unlock();
        }
    }
}
