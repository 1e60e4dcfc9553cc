/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Log-probabilities of the baseline in a temporary file, so that no two networks are in memory at
 * once. 4 bytes per token and vocabulary entry, 128 kB per token for Mistral 7B.
 */
final class LogProbabilityFile implements AutoCloseable {

    private final Path path;
    private final FileChannel channel;
    private final int vocabulary;

    LogProbabilityFile(int vocabulary) throws IOException {
        this.vocabulary = vocabulary;
        path = Files.createTempFile("mistral-scores", null);
        channel =
                FileChannel.open(
                        path,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.DELETE_ON_CLOSE);
    }

    /** Appends log-probabilities, float32 (N, vocabulary). */
    void write(NDArray scores) throws IOException {
        ByteBuffer bytes = scores.toByteBuffer();
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Rewinds to the beginning. */
    void rewind() throws IOException {
        channel.position(0);
    }

    /** Reads the rows of the next write. */
    NDArray read(NDManager manager, int rows) throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(Math.multiplyExact(rows * Float.BYTES, vocabulary))
                        .order(ByteOrder.nativeOrder());
        while (bytes.hasRemaining()) {
            if (channel.read(bytes) < 0) {
                throw new EOFException(path + " ends too early");
            }
        }
        return manager.create(bytes.flip(), new Shape(rows, vocabulary), DataType.FLOAT32);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
