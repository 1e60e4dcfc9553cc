/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Creates a TorchScript archive from source code, without Python: a zip file of uncompressed
 * entries that {@code torch::jit::load} compiles. It holds one object of one class without
 * parameters.
 *
 * <p>Entries, see {@code torch/csrc/jit/serialization}: {@code code/__torch__.py}, the class;
 * {@code data.pkl}, the object; {@code constants.pkl}, an empty tuple; {@code version}, the version
 * of the format.
 */
final class TorchScriptArchive {

    private static final String NAME = "kernels/";

    private TorchScriptArchive() {}

    /**
     * Creates the archive.
     *
     * @param code the source of a class {@code Kernels(Module)} with the attribute {@code training
     *     : bool}
     * @return the archive
     */
    static InputStream of(String code) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            store(zip, "data.pkl", object("__torch__", "Kernels"));
            store(zip, "code/__torch__.py", code.getBytes(StandardCharsets.UTF_8));
            store(zip, "constants.pkl", latin("\u0080\u0002)."));
            store(zip, "version", latin("10\n"));
        } catch (IOException e) {
            throw new AssertionError("writing to memory does not fail", e);
        }
        return new ByteArrayInputStream(bytes.toByteArray());
    }

    /** A pickle (protocol 2) of {@code module.name} built from the state {"training": False}. */
    private static byte[] object(String module, String name) {
        String reduce = "c" + module + "\n" + name + "\n)\u0081";
        String state = "}X\u0008\u0000\u0000\u0000training\u0089sb.";
        return latin("\u0080\u0002" + reduce + state);
    }

    private static byte[] latin(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(content);
        ZipEntry entry = new ZipEntry(NAME + name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }
}
