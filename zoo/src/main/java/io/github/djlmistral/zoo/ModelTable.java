/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.repository.License;
import ai.djl.repository.Metadata;
import ai.djl.util.JsonUtils;
import com.google.gson.reflect.TypeToken;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The named models of the zoo, read from the resource {@code models.json}. The entry of a name
 * lists the variants of the model on the Hub, the unquantized weights first. Each variant has
 *
 * <ul>
 *   <li>{@code precision}: its name, which {@code optFilter("precision", ..)} selects;
 *   <li>{@code model}: the repository, see {@link HubReference#parse};
 *   <li>{@code size}: the estimated size of the download. bfloat16: 2 bytes per parameter. Q4_K_M:
 *       4.37 GB, the recorded size of such a file. Other types: 4 bits and the quantization scales
 *       per weight of a linear layer, 2 bytes per weight of the embedding and the output layer;
 *   <li>{@code gated}: true if users have reported that the repository is gated; absence does not
 *       imply that it is not;
 *   <li>{@code seen}: the source of the entry. {@code files}: a list of the repository's files,
 *       compiled from public code that downloads them. {@code name}: public code that loads the
 *       repository or the GGUF file by this name. No entry was verified against the Hub.
 * </ul>
 *
 * <p>The variants {@code int4} and {@code nf4}, quantized on load, are added to the unquantized
 * one.
 */
final class ModelTable {

    private static final String RESOURCE = "models.json";

    /** Precisions that unquantized weights can be quantized to on load. */
    static final List<String> QUANTIZED_ON_LOAD = List.of("int4", "nf4");

    private ModelTable() {}

    /** A variant of a model. */
    private record Form(String precision, String model, String size, boolean gated, String seen) {}

    /** Reads the table, in the order of the file. */
    static Map<String, Metadata> read() {
        try (InputStream in = ModelTable.class.getResourceAsStream(RESOURCE)) {
            Reader reader =
                    new InputStreamReader(
                            Objects.requireNonNull(in, RESOURCE), StandardCharsets.UTF_8);
            Map<String, List<Form>> table =
                    JsonUtils.GSON.fromJson(reader, new TypeToken<Map<String, List<Form>>>() {});
            Map<String, Metadata> models = new LinkedHashMap<>();
            table.forEach((name, forms) -> models.put(name, metadata(name, forms)));
            return models;
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE + " in the zoo's jar cannot be read", e);
        }
    }

    private static Metadata metadata(String name, List<Form> forms) {
        List<HubArtifact> artifacts = new ArrayList<>();
        Form plain = forms.get(0);
        artifacts.add(artifact(name, plain, plain.precision, null));
        for (String precision : QUANTIZED_ON_LOAD) {
            artifacts.add(artifact(name, plain, precision, precision));
        }
        for (Form form : forms.subList(1, forms.size())) {
            artifacts.add(artifact(name, form, form.precision, null));
        }
        return HubArtifact.metadata(new Metadata(), name, License.apache(), artifacts);
    }

    private static HubArtifact artifact(
            String name, Form form, String precision, @Nullable String quantization) {
        Map<String, String> properties = new LinkedHashMap<>();
        properties.put("variant", name.contains("-instruct-") ? "instruct" : "base");
        properties.put("version", name.substring(name.lastIndexOf('v')));
        properties.put("precision", precision);
        properties.put("licence", "Apache-2.0");
        properties.put("size", form.size);
        properties.put("seen", form.seen);
        if (form.gated) {
            properties.put("gated", "true");
        }
        HubReference there = HubReference.parse(form.model);
        return new HubArtifact(
                name, null, new HubReference(there.model(), quantization), properties);
    }
}
