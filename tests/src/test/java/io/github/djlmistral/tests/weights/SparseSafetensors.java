/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.weights;

import io.github.djlmistral.engine.weights.Dtype;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** Safetensors files of gigabytes of zeros, which take no room on the disk. */
public final class SparseSafetensors {

    private SparseSafetensors() {}

    /**
     * Writes a file.
     *
     * @param file the file
     * @param dtype the type of all tensors
     * @param shapes their shapes, by their names
     */
    public static void write(Path file, Dtype dtype, Map<String, long[]> shapes)
            throws IOException {
        StringBuilder header = new StringBuilder("{");
        long end = 0;
        for (Map.Entry<String, long[]> tensor : shapes.entrySet()) {
            long begin = end;
            end += Arrays.stream(tensor.getValue()).reduce(dtype.bytes(), (a, b) -> a * b);
            header.append(begin == 0 ? "" : ",")
                    .append('"')
                    .append(tensor.getKey())
                    .append("\":{\"dtype\":\"")
                    .append(dtype.safetensorsName())
                    .append("\",\"shape\":")
                    .append(Arrays.toString(tensor.getValue()))
                    .append(",\"data_offsets\":[" + begin + "," + end + "]}");
        }
        header.append('}');
        header.append(" ".repeat(-header.length() & 7));
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.write(
                    ByteBuffer.allocate(8)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(json.length)
                            .array());
            out.write(json);
            out.setLength(8 + json.length + end);
        }
    }
}
